import type { Effect } from './effect.ts';
import { type FileContent, file } from './file.ts';
import type { Change, ChangeContext, State } from './resource.ts';

/** A file that is wished for, with others. */
export interface FileWish {
  readonly path: string;
  readonly content: FileContent;
  /** Default: as it is; `0644` for a new file. */
  readonly mode?: string;
}

/** Several files as one change. `null`: all stand there. Errors (`VfleetError`): those of `file`. */
export function fileSet(
  {
    resource,
    summary,
    effects,
  }: { readonly resource: string; readonly summary: string; readonly effects: readonly Effect[] },
  wishes: readonly FileWish[],
  state: State,
  context: ChangeContext,
): Change | null {
  const changes = wishes.flatMap(
    ({ path, content, mode }) =>
      file(path, content, { effects, ...(mode !== undefined && { mode }) }).change(state, context) ?? [],
  );
  if (changes.length === 0) return null;
  const shares = changes.flatMap((change) => change.shares ?? []);
  const adopts = changes.flatMap((change) => change.adopts ?? []);
  const actions = changes.flatMap((change) => change.actions);
  return {
    resource,
    summary: actions.length > 0 ? summary : changes.map((change) => change.summary).join(', '),
    diffs: changes.flatMap((change) => change.diffs),
    actions,
    effects: actions.length > 0 ? effects : [],
    notes: [],
    ...(shares.length > 0 && { shares }),
    ...(adopts.length > 0 && { adopts }),
  };
}
