import { createHash } from 'node:crypto';
import { decode } from '../boot/source-text.ts';
import { diffOf } from '../resources/diff.ts';
import { shownText } from '../resources/hidden.ts';
import { withoutLines } from '../resources/lines.ts';
import type { Action, FileState } from '../resources/resource.ts';
import type { FileUndo } from './undo-file.ts';

/** A file of which it is decided what becomes of it. */
export interface DecidedFile {
  readonly after: FileState;
  /** `null`: it stays as it is. */
  readonly action: Action | null;
  readonly summary: string;
  readonly diff: string;
}

/** What is done about a file that is not edited. Pure. */
export function decidedFile(path: string, undo: Exclude<FileUndo, { kind: 'edit' }>, now: FileState): DecidedFile {
  switch (undo.kind) {
    case 'in-place':
    case 'leave':
      return { after: now, action: null, summary: `leave ${path} as it is`, diff: '' };
    case 'remove':
      return {
        after: { kind: 'absent' },
        action: { kind: 'remove', path, folders: undo.folders },
        summary: now.kind === 'absent' ? `remove ${undo.folders.join(', ')} where empty` : `remove ${path}`,
        diff: diffOf(path, now, null),
      };
    case 'restore':
      return restored(path, undo.from, undo.state, now);
  }
}

/** A file that is put back from a backup. */
export function restored(
  path: string,
  from: string,
  state: Extract<FileState, { kind: 'file' }>,
  now: FileState,
): DecidedFile {
  const { bytes, mode, owner } = state;
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  return {
    after: state,
    action: { kind: 'restore', path, from, mode, owner, sha256 },
    summary: `restore ${path}`,
    diff: diffOf(path, now, state),
  };
}

/** Lines of ours in a file, and what takes the place of some. */
export interface LinesToUndo {
  readonly lines: readonly string[];
  readonly former: ReadonlyMap<string, string>;
}

/** A file without lines of ours; `made`: it was not there before us, so that it goes when nothing is left in it. */
export function withoutOwnLines(
  path: string,
  now: FileState,
  { lines, former }: LinesToUndo,
  made: boolean,
): DecidedFile {
  const stays = { after: now, action: null, summary: `leave ${path} as it is`, diff: '' };
  if (now.kind !== 'file') return stays;
  const { text, encoding } = decode(now.bytes);
  const left = withoutLines(text, lines, former);
  if (left === text) return stays;
  if (left.trim() === '' && made) return decidedFile(path, { kind: 'remove', folders: [] }, now);
  const { mode, owner } = now;
  const after = { kind: 'file', bytes: Buffer.from(left, encoding), mode, owner } as const;
  return {
    after,
    action: { kind: 'write', path, text: left, mode, owner, ...(encoding === 'latin1' && { encoding }) },
    summary: `${path}: remove ${lines.map((line) => shownText(path, line)).join(', ')}${former.size > 0 ? ', and put back what stood there before' : ''}`,
    diff: diffOf(path, now, after),
  };
}
