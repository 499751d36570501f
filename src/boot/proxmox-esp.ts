import { judgeGrubReadBack, problemOfLine } from './grub-read-back.ts';
import { parseLoaderEntry } from './loader-entry.ts';
import { defaultPattern, type MenuFile } from './systemd-menu.ts';
import type { ArgumentWish } from './wish.ts';

/** One EFI system partition of the list that proxmox-boot-tool keeps. */
export interface ProxmoxEsp {
  readonly uuid: string;
  /** Who starts it; `absent`: there is no such partition now; `unreadable`: `why` says what keeps it from being read. */
  readonly kind: 'systemd-boot' | 'grub' | 'absent' | 'unreadable';
  /** For people, as in "the partition cannot be mounted". */
  readonly why: string | null;
  /** What `default` of `loader.conf` says, a pattern of names; `null`: nothing. */
  readonly chosen: string | null;
  /** `loader/entries` by name. */
  readonly entries: readonly MenuFile[];
  /** `grub/grub.cfg` and the environment block beside it, as `judgeGrubReadBack` takes them. */
  readonly config: string;
}

/** What `printEsps` printed. */
export function parseEsps(text: string): readonly ProxmoxEsp[] {
  const parts = text.split(/^### ESP (\S+ (?:systemd-boot|grub|absent|unreadable)) ###\n/m).slice(1);
  return parts.flatMap((head, index) => {
    if (index % 2 === 1) return [];
    const [uuid = '', kind = ''] = head.split(' ');
    const body = parts[index + 1] ?? '';
    const entries = kind === 'systemd-boot' ? entriesOf(body) : [];
    const chosen = entries.length === 0 ? null : defaultPattern(body.split('### entry ')[0] ?? '');
    const why = kind === 'unreadable' ? (/^why (.+)$/m.exec(body)?.[1] ?? 'cannot be mounted') : null;
    return [{ uuid, kind: kind as ProxmoxEsp['kind'], why, chosen, entries, config: kind === 'grub' ? body : '' }];
  });
}

function entriesOf(body: string): ProxmoxEsp['entries'] {
  const [files = '', missing = ''] = body.split(/^### missing ###\n/m);
  const gone = missing.split('\n').map((line) => /^missing .*\/([^/]+)$/.exec(line)?.[1]);
  const parts = files.split(/^### entry (.*) ###\n/m).slice(1);
  return parts.flatMap((name, index) =>
    index % 2 === 0 ? [{ name, text: parts[index + 1] ?? '', ...(gone.includes(name) && { missing: true }) }] : [],
  );
}

/** What is wrong with the entries of one partition: a line for each. One that is not there boots nothing. */
export function judgeEsp({ uuid, kind, why, entries, config }: ProxmoxEsp, wish: ArgumentWish): readonly string[] {
  if (kind === 'absent') return [];
  if (kind === 'unreadable') return [`ESP ${uuid} ${why}`];
  if (kind === 'grub') return judgeGrubReadBack(config, wish).map((problem) => `ESP ${uuid}: ${problem}`);
  const linux = entries.filter(({ text }) => /^[ \t]*linux[ \t]/m.test(text));
  if (linux.length === 0) return [`ESP ${uuid} has no boot entry with a Linux kernel`];
  return linux.flatMap(({ name, text }) => {
    const problem = problemOfLine(parseLoaderEntry(name, text, 'systemd-boot').arguments, wish);
    return problem === null ? [] : [`ESP ${uuid}: boot entry ${name} ${problem}`];
  });
}
