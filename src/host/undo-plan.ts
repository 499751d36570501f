import { bootDriver } from '../boot/choose-driver.ts';
import { type OwnedArguments, ownedSomewhere } from '../boot/owned.ts';
import type { Facts } from '../facts/facts.ts';
import type { Seen } from '../resources/batch.ts';
import { defaultEffects } from '../resources/places.ts';
import type { Change, State } from '../resources/resource.ts';
import { seenAt } from './after.ts';
import { formerAt } from './former-lines.ts';
import type { HostRecord } from './record.ts';
import { undoBoot } from './undo-boot.ts';
import { type DecidedFile, decidedFile, withoutOwnLines } from './undo-decided.ts';
import { boundByOthers, withHeldDevices } from './undo-devices.ts';
import { lastsUntilReboot, quickEffects, withStopped } from './undo-effects.ts';
import { backupOf, type FileUndo, undoFile } from './undo-file.ts';
import { isKnown, othersAt, soleLines, soleTokens } from './undo-owned.ts';

/** What an undo is planned with. Pure data. */
export interface UndoInput {
  readonly host: string;
  readonly facts: Facts;
  readonly record: HostRecord;
  readonly playbook: string;
  /** Files of the record and their backups. */
  readonly files: State;
  /** What the boot driver had read; `null`: no kernel argument is concerned. */
  readonly boot: State | null;
  readonly seen: Seen;
  /** Restore files that are the runner's as a whole although somebody else has changed them. */
  readonly force: boolean;
}

/** What an undo would do on a host. */
export interface UndoPlan {
  readonly changes: readonly Change[];
  /** Names of arguments that no boot entry may show any more. */
  readonly gone: readonly string[];
  /** What only a reboot takes out of the running system: tokens of the kernel's arguments, and files. */
  readonly left: { readonly arguments: readonly string[]; readonly files: readonly string[] };
}

/** Paths of files in which a playbook owns something. */
export function pathsToUndo({ files, lines }: HostRecord, playbook: string): readonly string[] {
  const wrote = Object.entries(files).flatMap(([path, file]) => (file.playbooks.includes(playbook) ? [path] : []));
  const added = Object.entries(lines[playbook] ?? {}).flatMap(([path, own]) => (own.length > 0 ? [path] : []));
  return [...new Set([...wrote, ...added])].sort();
}

/** Whether kernel arguments are concerned: a token is this playbook's, or it wrote a file that holds some. */
export function concernsBoot(record: HostRecord, playbook: string): boolean {
  const owned = record.ownedArguments[playbook] ?? {};
  return ownedSomewhere(owned).length > 0 || pathsToUndo(record, playbook).some((path) => path in owned);
}

/** Plans an undo; no change: the record knows nothing of the playbook. Pure. Errors: those of the boot driver. */
export function planUndo(input: UndoInput): UndoPlan {
  const { record, playbook } = input;
  if (!isKnown(record, playbook)) return { changes: [], gone: [], left: { arguments: [], files: [] } };
  const places = record.ownedArguments[playbook] ?? {};
  const paths = pathsToUndo(record, playbook);
  const boot = bootPart(
    paths.filter((path) => path in places),
    input,
  );
  const others = paths.flatMap((path) => (path in places ? [] : fileChange(path, input)));
  const changes = withStopped([...(boot.change === null ? [] : [boot.change]), ...others]);
  return {
    changes: changes.length > 0 ? changes : [forgetting(playbook)],
    gone: boot.gone,
    left: {
      arguments: boot.running,
      files: paths.filter(
        (path) => lastsUntilReboot(effectsAt(path, record)) && others.some((change) => writes(change, path)),
      ),
    },
  };
}

function bootPart(paths: readonly string[], input: UndoInput): ReturnType<typeof undoBoot> {
  const { host, facts, record, playbook, boot } = input;
  if (boot === null) return { change: null, gone: [], running: [] };
  const undos = paths.map((path) => [path, decide(path, input)] as const);
  const decided = new Map(
    undos.flatMap(([path, undo]): readonly (readonly [string, DecidedFile])[] =>
      undo.kind === 'edit' ? [] : [[path, decidedFile(path, undo, input.files.file(path))]],
    ),
  );
  const notes = undos.flatMap(([path, undo]) => ('note' in undo && undo.note !== null ? [`${path} ${undo.note}`] : []));
  return undoBoot({
    ...{ host, facts, state: boot, owned: notTakenOut(soleTokens(record, playbook), input, boot), decided, notes },
    regenerationDue: record.pending.some((effect) => effect.kind === 'boot-configuration'),
  });
}

/** Without tokens that an undo which was cut off has taken out already, and that others have too. */
function notTakenOut(owned: OwnedArguments, { host, facts, record }: UndoInput, state: State): OwnedArguments {
  const keep = record.pending.flatMap((effect) => (effect.kind === 'boot-configuration' ? (effect.keep ?? []) : []));
  if (keep.length === 0) return owned;
  const standing = bootDriver(facts).standing?.({ host, facts, state, owned }) ?? {};
  const count = (tokens: readonly string[], token: string) => tokens.filter((other) => other === token).length;
  return Object.fromEntries(
    Object.entries(owned).map(([place, tokens]) => [
      place,
      tokens.filter((token) => !keep.includes(token) || count(standing[place] ?? [], token) > count(keep, token)),
    ]),
  );
}

function fileChange(path: string, input: UndoInput): readonly Change[] {
  const { record, playbook, files } = input;
  const undo = decide(path, input);
  const now = files.file(path);
  const file =
    undo.kind === 'edit'
      ? withoutOwnLines(
          path,
          now,
          { lines: soleLines(record, playbook, path), former: formerAt(record, playbook, path) },
          isMadeByUs(path, input),
        )
      : decidedFile(path, undo, now);
  const notes = 'note' in undo && undo.note !== null ? [undo.note] : [];
  if (file.action === null && notes.length === 0) return [];
  return [
    {
      resource: `file ${path}`,
      summary: file.summary,
      diffs: file.action === null ? [] : [file.diff],
      actions: file.action === null ? [] : [file.action],
      effects: file.action === null ? [] : quickEffects(effectsAt(path, record), boundByOthers(record, playbook)),
      notes,
      owns: record.files[path]?.owned ?? 'parts',
    },
  ];
}

function decide(path: string, { record, playbook, files, seen, force }: UndoInput): FileUndo {
  const file = record.files[path];
  const others = othersAt(record, playbook, path);
  if (file === undefined) return { kind: 'edit', note: null };
  const from = backupOf(path, file);
  const backup = from === null ? ({ kind: 'absent' } as const) : files.file(from);
  const above = seen.above?.get(path) ?? null;
  return undoFile({ path, file, now: files.file(path), seen: seenAt(seen, path), above, backup, others, force });
}

/** A file that was not there before the runner, and in which nobody else of ours owns anything. */
function isMadeByUs(path: string, { record, playbook }: UndoInput): boolean {
  return record.files[path]?.original.kind === 'absent' && othersAt(record, playbook, path).length === 0;
}

/** What a change of a file makes due: by what its playbook said, where all of it is the runner's, else by its place. */
export function effectsAt(path: string, record: HostRecord): Change['effects'] {
  const file = record.files[path];
  return file?.owned === 'whole' ? withHeldDevices(path, file.effects) : defaultEffects(path);
}

function writes(change: Change, path: string): boolean {
  return change.actions.some((action) => action.kind !== 'run' && action.path === path);
}

/** All of it is as it was before already: only the record is to be told. */
function forgetting(playbook: string): Change {
  return {
    resource: 'the record of vfleet',
    summary: `forget ${playbook}: nothing of it is left in the files`,
    diffs: [],
    actions: [],
    effects: [],
    notes: [],
  };
}
