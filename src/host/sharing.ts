import type { OwnedArguments } from '../boot/owned.ts';
import type { Effect } from '../resources/effect.ts';
import type { Seen } from '../resources/read-batch.ts';
import type { ChangeContext, SharedFile } from '../resources/resource.ts';
import { seenAt } from './after.ts';
import type { OwnedLines } from './owned-file.ts';
import type { HostRecord } from './record.ts';
import { soleLines, soleTokens } from './undo-owned.ts';

/** What a playbook may take out, because it is its alone, and what it may come to own together with others. */
export type Ownership = Required<Pick<ChangeContext, 'ownedArguments' | 'ownedLines' | 'shared'>>;

/** What a record says of ownership to one playbook. Pure. */
export function ownershipOf(record: HostRecord, playbook: string, seen: Seen): Ownership {
  const ownLines: OwnedLines = record.lines[playbook] ?? {};
  const sole = Object.keys(ownLines).map((path) => [path, soleLines(record, playbook, path)] as const);
  return {
    ownedArguments: soleTokens(record, playbook),
    ownedLines: Object.fromEntries(sole),
    shared: {
      tokens: othersIn(record.ownedArguments, playbook),
      lines: othersIn(record.lines, playbook),
      files: filesOfOthers(record, playbook, seen),
      mine: {
        tokens: record.ownedArguments[playbook] ?? {},
        lines: ownLines,
        files: wholeFiles(record, playbook),
      },
    },
  };
}

function othersIn(
  byPlaybook: Readonly<Record<string, OwnedArguments>>,
  playbook: string,
): Readonly<Record<string, OwnedArguments>> {
  const { [playbook]: _, ...others } = byPlaybook;
  return others;
}

function wholeFiles({ files }: HostRecord, playbook: string): ReadonlyMap<string, readonly Effect[]> {
  const own = Object.entries(files).filter(
    ([, { owned, playbooks }]) => owned === 'whole' && playbooks.every((name) => name === playbook),
  );
  return new Map(own.map(([path, { effects }]) => [path, effects]));
}

/** Files that only others have written, and that are as they left them. */
function filesOfOthers({ files }: HostRecord, playbook: string, seen: Seen): ReadonlyMap<string, SharedFile> {
  return new Map(
    Object.entries(files).flatMap(([path, { digest, playbooks, owned, original }]) =>
      playbooks.includes(playbook) || seenAt(seen, path) !== digest
        ? []
        : [[path, { playbooks, whole: owned === 'whole', made: original.kind === 'absent' }] as const],
    ),
  );
}

/** The files of a record, of which some are a playbook's as well from now on. Pure. */
export function shareFiles(
  files: HostRecord['files'],
  paths: readonly string[],
  playbook: string,
): HostRecord['files'] {
  return Object.fromEntries(
    Object.entries(files).map(([path, file]) => {
      const joins = paths.includes(path) && !file.playbooks.includes(playbook);
      return [path, joins ? { ...file, playbooks: [...file.playbooks, playbook] } : file];
    }),
  );
}
