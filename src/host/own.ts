import type { Seen } from '../resources/read-batch.ts';
import type { Change } from '../resources/resource.ts';
import { afterOf, seenAt } from './after.ts';
import type { Original, OwnedFile } from './owned-file.ts';

/** Who writes. */
export interface Writer {
  readonly playbook: string;
  /** The run that keeps the backups. */
  readonly run: string;
}

type Files = Readonly<Record<string, OwnedFile>>;

/**
 * What is known of files once changes are made. The first state of a path counts as its original as long as nobody else
 * changes it: a foreign version in between becomes the original of a file that is the runner's as a whole, and leaves nobody
 * knowing that of a file in which only parts are. Pure.
 */
export function ownFiles(files: Files, changes: readonly Change[], seen: Seen, writer: Writer): Files {
  const owned: Record<string, OwnedFile> = { ...files };
  for (const change of changes) {
    for (const [path, digest] of Object.entries(afterOf(change.actions))) {
      const earlier = seenAt(seen, path) ?? '';
      const known = files[path];
      owned[path] = {
        digest,
        earlier,
        original: originalOf(path, known, change.owns ?? 'whole', seen, writer),
        playbooks: [...new Set([...(known?.playbooks ?? []), writer.playbook])],
        owned: change.owns ?? 'whole',
        effects: (change.owns ?? 'whole') === 'whole' ? change.effects : [],
      };
    }
  }
  return owned;
}

/** Whether a file is as the runner left it. Power lost before the last write leaves it as it was then. */
export function isUntouched(file: OwnedFile, state: string | null): boolean {
  return state !== null && (state === file.digest || state === file.earlier);
}

function originalOf(
  path: string,
  known: OwnedFile | undefined,
  owns: OwnedFile['owned'],
  seen: Seen,
  { run }: Writer,
): Original {
  const state = seenAt(seen, path);
  if (known !== undefined && isUntouched(known, state)) return known.original;
  if (known !== undefined && owns === 'parts') return { kind: 'unknown' };
  return state === 'absent' ? { kind: 'absent', folders: madeFolders(path, seen) } : { kind: 'backup', run };
}

/** Folders that a write at a path has to make, the top one first. */
function madeFolders(path: string, { above }: Seen): readonly string[] {
  const there = above?.get(path);
  if (there === undefined) return [];
  const parts = path.split('/').slice(1, -1);
  const folders = parts.map((_, index) => `/${parts.slice(0, index + 1).join('/')}`);
  return folders.filter((folder) => folder.length > there.length);
}
