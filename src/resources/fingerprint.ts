import { createHash } from 'node:crypto';
import { raw, type Script } from '../shell/script.ts';

/**
 * What a path held, in one line: kind, mode, owner, group and the SHA-256 of the content. Made on the controller of what
 * the read script printed, and on the host right before a write: a difference means that somebody else was at work.
 */
export type Fingerprint = string;

export interface Listed {
  readonly kind: 'file' | 'link' | 'other';
  /** As `ls -l` prints it, without a mark for an ACL or an SELinux context: `-rw-r--r--`. */
  readonly mode: string;
  readonly owner: string;
  readonly group: string;
}

export const absentFingerprint: Fingerprint = 'absent';

/** `bytes`: the content of a regular file, or of the one that a link leads to; `null`: there is none to read. */
export function fingerprintOf({ kind, mode, owner, group }: Listed, bytes: Buffer | null): Fingerprint {
  const digest = bytes === null ? '-' : createHash('sha256').update(bytes).digest('hex');
  return `${kind} ${mode} ${owner} ${group} ${digest}`;
}

/**
 * The shell functions `kind PATH`, which sets `$kind`, and `fingerprint PATH`, which sets `$print`. `ls -ld` is used because
 * every system has it in the same form (POSIX.1-2017, XCU ls), which is not so for `stat`.
 */
export const fingerprintFunctions: Script = raw(`
kind() {
  if [ -h "$1" ]; then kind=link
  elif [ -f "$1" ]; then kind=file
  elif [ -e "$1" ]; then kind=other
  else kind=absent
  fi
}
fingerprint() {
  kind "$1"
  if [ "$kind" = absent ]; then print=absent; return; fi
  sum=-
  if [ -f "$1" ]; then sum=$(sha256sum <"$1"); sum=\${sum%% *}; fi
  set -f
  set -- $(ls -ld "$1")
  set +f
  print="$kind \${1%[.+@]} $3 $4 $sum"
}`);

/** The first words of a line of `ls -ld`; `null` when it is none. */
export function parseListing(kind: Listed['kind'], line: string): Listed | null {
  const [mode, , owner, group] = line.split(/\s+/);
  if (mode === undefined || owner === undefined || group === undefined) return null;
  const plain = mode.replace(/[.+@]$/, '');
  return /^[a-zA-Z-][r-][w-][xsS-][r-][w-][xsS-][r-][w-][xtT-]$/.test(plain)
    ? { kind, mode: plain, owner, group }
    : null;
}

/** `-rw-r--r--` as four octal digits. */
export function octalMode(mode: string): string {
  const bits = (from: number): number =>
    (mode[from] === 'r' ? 4 : 0) + (mode[from + 1] === 'w' ? 2 : 0) + (/[xst]/.test(mode[from + 2] ?? '') ? 1 : 0);
  const special = [3, 6, 9].map((at, index) => (/[sStT]/.test(mode[at] ?? '') ? 4 >> index : 0));
  return `${special.reduce((sum, bit) => sum + bit, 0)}${bits(1)}${bits(4)}${bits(7)}`;
}
