import { VfleetError } from '../errors.ts';
import { joinScripts, raw, type Script, sh } from '../shell/script.ts';
import type { Output } from '../shell/shell.ts';
import {
  absentFingerprint,
  type Fingerprint,
  fingerprintFunctions,
  fingerprintOf,
  octalMode,
  parseListing,
} from './fingerprint.ts';
import type { FileState, Read, State } from './resource.ts';

/** What is to be read, by the name of the resource that wants it. */
export type Reads = ReadonlyMap<string, Read>;

/** Everything that a read script saw, for the write script to compare. */
export interface Seen {
  readonly files: ReadonlyMap<string, Fingerprint>;
  /** Paths that matched each glob. */
  readonly globs: ReadonlyMap<string, readonly string[]>;
  /** Of a path with nothing there: the lowest folder above it that exists, empty for the root. */
  readonly above?: ReadonlyMap<string, string>;
}

export interface Found {
  /** By the name of the resource. */
  readonly states: ReadonlyMap<string, State>;
  readonly seen: Seen;
}

/** One script that reads all files and runs all probes. Errors: `read.path` for a path that is not absolute. */
export function readScript(reads: Reads): Script {
  const { paths, globs } = patternsOf(reads);
  return joinScripts([
    fingerprintFunctions,
    showFunction,
    ...paths.map((path) => sh`show ${path}`),
    ...globs.map((glob, index) => showGlob(glob, index)),
    ...probesOf(reads).map(({ script }, index) => runProbe(script, index)),
    raw('section end'),
  ]);
}

/** A path with no permission to look is told from one with nothing there. */
const showFunction: Script = raw(`
n=0
show() {
  n=$((n + 1))
  kind "$1"
  section "path $n"; printf %s "$1"
  if [ "$kind" = absent ]; then
    folder=\${1%/*}
    while [ -n "$folder" ] && [ ! -d "$folder" ]; do folder=\${folder%/*}; done
    if [ -n "$folder" ] && [ ! -x "$folder" ]; then kind=hidden; fi
    section "above $n"; printf %s "$folder"
  elif [ -f "$1" ] && [ ! -r "$1" ]; then kind=unreadable
  fi
  section "kind $n"; printf %s "$kind"
  case $kind in file|link|other)
    section "list $n"; ls -ld "$1"
    if [ -f "$1" ]; then section "bytes $n"; cat "$1"; fi
  esac
}`);

function showGlob(glob: string, index: number): Script {
  // Only characters that mean themselves, and those of the glob: see `patternsOf`.
  return sh`
section ${`glob ${index}`}
for f in ${raw(glob)}; do
  if [ -e "$f" ] || [ -h "$f" ]; then section ${`glob ${index}`}; printf '%s\\0' "$f"; show "$f"; fi
done`;
}

function runProbe(script: Script, index: number): Script {
  return sh`
section ${`probe ${index}`}
(
${script}
)
code=$?
section ${`code ${index}`}; printf %s "$code"`;
}

/**
 * What a read script printed, for each resource. Errors (`VfleetError`): `read.truncated`, `read.failed`.
 */
export function parseRead(reads: Reads, output: Output, host: string): Found {
  if (output.truncated)
    throw failed(host, 'read.truncated', 'all of it', 'more than can be kept', 'manage smaller files');
  if (!output.sections.has('end')) {
    const found = output.stderr.trim() || `exit code ${output.code} before the end`;
    throw failed(
      host,
      'read.failed',
      'that the script runs to its end',
      found,
      'look for what ends shells on the host',
    );
  }
  const { globs } = patternsOf(reads);
  const files = new Map<string, FileState>();
  const prints = new Map<string, Fingerprint>();
  const above = new Map<string, string>();
  for (let n = 1; output.sections.has(`path ${n}`); n++) {
    const path = text(output, `path ${n}`);
    const { state, print } = fileOf(output, n);
    files.set(path, state);
    if (print !== null) prints.set(path, print);
    if (print === absentFingerprint) above.set(path, text(output, `above ${n}`));
  }
  const matches = new Map(
    globs.map((glob, index) => [glob, text(output, `glob ${index}`).split('\0').filter(Boolean)]),
  );
  const results = new Map(
    probesOf(reads).map(({ resource, key }, index) => [
      `${resource}\0${key}`,
      { code: Number(text(output, `code ${index}`)), stdout: text(output, `probe ${index}`) },
    ]),
  );
  const states = [...reads.keys()].map((resource): readonly [string, State] => [
    resource,
    {
      file: (path) => files.get(path) ?? neverRead(resource, path),
      matches: (glob) => matches.get(glob) ?? neverRead(resource, glob),
      probe: (key) => results.get(`${resource}\0${key}`) ?? neverRead(resource, key),
    },
  ]);
  return { states: new Map(states), seen: { files: prints, globs: matches, above } };
}

function fileOf(output: Output, n: number): { readonly state: FileState; readonly print: Fingerprint | null } {
  const kind = text(output, `kind ${n}`);
  if (kind === 'absent') return { state: { kind: 'absent' }, print: absentFingerprint };
  if (kind === 'hidden') return { state: { kind: 'other', type: 'in a folder that may not be searched' }, print: null };
  if (kind === 'unreadable') return { state: { kind: 'other', type: 'a file that may not be read' }, print: null };
  const line = text(output, `list ${n}`);
  const bytes = output.sections.get(`bytes ${n}`);
  const listed = parseListing(kind === 'file' ? 'file' : kind === 'link' ? 'link' : 'other', line);
  if (listed === null) return { state: { kind: 'other', type: 'something that ls cannot list' }, print: null };
  const print = fingerprintOf(listed, bytes ?? null);
  if (kind === 'file' && bytes !== undefined) {
    const owner = `${listed.owner}:${listed.group}`;
    return { state: { kind: 'file', bytes, mode: octalMode(listed.mode), owner }, print };
  }
  return { state: { kind: 'other', type: typeOf(listed.mode, line), ...(bytes && { bytes }) }, print };
}

function typeOf(mode: string, line: string): string {
  const target = / -> (.*)\n?$/.exec(line)?.[1];
  if (mode.startsWith('l')) return target === undefined ? 'a symbolic link' : `a symbolic link to ${target}`;
  const types: Readonly<Record<string, string>> = {
    d: 'a directory',
    b: 'a block device',
    c: 'a character device',
    p: 'a pipe',
    s: 'a socket',
  };
  return types[mode[0] ?? ''] ?? 'no regular file';
}

function text(output: Output, key: string): string {
  return output.sections.get(key)?.toString('utf8') ?? '';
}

/** Every path and glob once, in order. */
function patternsOf(reads: Reads): { readonly paths: readonly string[]; readonly globs: readonly string[] } {
  const all = [...new Set([...reads.values()].flatMap((read) => read.files ?? []))];
  for (const pattern of all) {
    const isGlob = /[*?[]/.test(pattern);
    if (pattern.startsWith('/') && !/\p{Cc}/u.test(pattern) && (!isGlob || /^[\w./*?[\]@+,:-]+$/.test(pattern)))
      continue;
    throw new VfleetError({
      code: 'read.path',
      thing: JSON.stringify(pattern),
      expected: 'an absolute path, or a glob of plain characters',
      found: pattern.startsWith('/') ? 'other characters' : 'a relative path',
      next: 'correct the path',
    });
  }
  return { paths: all.filter((path) => !/[*?[]/.test(path)), globs: all.filter((path) => /[*?[]/.test(path)) };
}

function probesOf(
  reads: Reads,
): readonly { readonly resource: string; readonly key: string; readonly script: Script }[] {
  return [...reads].flatMap(([resource, read]) =>
    Object.entries(read.probes ?? {}).map(([key, script]) => ({ resource, key, script })),
  );
}

function neverRead(resource: string, what: string): never {
  throw new Error(`${resource} asks for ${what}, which it did not have read`);
}

function failed(host: string, code: string, expected: string, found: string, next: string): VfleetError {
  return new VfleetError({ code, host, thing: 'reading the state of the resources', expected, found, next });
}
