import type { FileState } from '../resources/resource.ts';
import { isUntouched } from './own.ts';
import type { OwnedFile } from './owned-file.ts';
import { backupFolder } from './record.ts';

/** What an undo does about one file. */
export type FileUndo =
  /** It is as it was before the first write already. */
  | { readonly kind: 'in-place' }
  /** Back to what stood there before the first write. */
  | { readonly kind: 'restore'; readonly from: string; readonly state: Extract<FileState, { kind: 'file' }> }
  | { readonly kind: 'remove'; readonly folders: readonly string[] }
  /** Only our tokens and lines go. */
  | { readonly kind: 'edit'; readonly note: string | null }
  | { readonly kind: 'leave'; readonly note: string };

/** One file that a playbook wrote, as it is now. */
export interface FileToUndo {
  readonly path: string;
  readonly file: OwnedFile;
  readonly now: FileState;
  /** As `seenAt` says it. */
  readonly seen: string | null;
  /** The deepest folder above it that is there; `null`: nobody looked. */
  readonly above: string | null;
  /** What its backup holds; `absent` where there is none. */
  readonly backup: FileState;
  /** Other playbooks that wrote it, or own something in it. */
  readonly others: readonly string[];
  /** Restore it although somebody else has changed it. */
  readonly force: boolean;
}

/** Where the backup of a file's original is; `null`: it has none. */
export function backupOf(path: string, { original }: OwnedFile): string | null {
  return original.kind === 'backup' ? `${backupFolder(original.run)}${path}` : null;
}

/** Decides about one file. Pure. */
export function undoFile(given: FileToUndo): FileUndo {
  const { path, file, now, seen, backup, others, force } = given;
  const whole = file.owned === 'whole';
  if (others.length > 0) {
    return whole ? { kind: 'leave', note: `stays: ${others.join(', ')} wants it too` } : { kind: 'edit', note: null };
  }
  const target = targetOf(path, file, backup);
  if (target !== null && isInPlace(target, now)) return leftFolders(target, given.above) ?? { kind: 'in-place' };
  const untouched = isUntouched(file, seen);
  if (target !== null && (untouched || (whole && force && now.kind !== 'other'))) return target;
  const changed = untouched ? '' : 'somebody has changed it since';
  // An entry of a kernel that was removed is nobody's any more.
  if (!whole && now.kind === 'absent') return { kind: 'edit', note: null };
  if (!whole) return { kind: 'edit', note: changed === '' ? null : `${changed}: only what is ours goes` };
  return { kind: 'leave', note: whyLeft(changed, path, file, target) };
}

type Target = Extract<FileUndo, { kind: 'restore' | 'remove' }>;

/** What the file is to become; `null`: nobody knows, or the backup is gone. */
function targetOf(path: string, file: OwnedFile, backup: FileState): Target | null {
  const { original } = file;
  if (original.kind === 'absent') return { kind: 'remove', folders: original.folders };
  const from = backupOf(path, file);
  return from !== null && backup.kind === 'file' ? { kind: 'restore', from, state: backup } : null;
}

function isInPlace(target: Target, now: FileState): boolean {
  if (target.kind === 'remove') return now.kind === 'absent';
  const { bytes, mode, owner } = target.state;
  return now.kind === 'file' && now.bytes.equals(bytes) && now.mode === mode && now.owner === owner;
}

/** Folders that were made for a file which is gone: power was lost between the two. */
function leftFolders(target: Target, above: string | null): Target | null {
  const isLeft = target.kind === 'remove' && above !== null && target.folders.includes(above);
  return isLeft ? target : null;
}

function whyLeft(changed: string, path: string, file: OwnedFile, target: Target | null): string {
  const from = backupOf(path, file);
  if (target === null) return from === null ? 'what stood there before is not known' : `its backup ${from} is gone`;
  const before =
    target.kind === 'remove' ? 'nothing stood there before' : `what stood there before is in ${target.from}`;
  return `${changed}, so it stays; ${before}: --force ${target.kind === 'remove' ? 'removes' : 'restores'} it`;
}
