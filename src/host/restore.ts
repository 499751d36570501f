import { bootDriver } from '../boot/choose-driver.ts';
import { VfleetError } from '../errors.ts';
import type { Facts } from '../facts/facts.ts';
import { diffOf } from '../resources/diff.ts';
import type { Effect } from '../resources/effect.ts';
import { mergeEffects } from '../resources/effect-order.ts';
import { defaultEffects } from '../resources/places.ts';
import type { Change, FileState, Read } from '../resources/resource.ts';
import { listProbe, parseList } from './backup-list.ts';
import { joinLeft, stillRunning } from './left-running.ts';
import { hasMore } from './next-record.ts';
import { backupFolder, type HostRecord } from './record.ts';
import { goneKernels, isEnvironment, lostByRestore, withOldArguments } from './restore-boot.ts';
import type { Session } from './session.ts';
import { type Known, lookFor, planned, type TaskLook } from './task-look.ts';
import { restored } from './undo-decided.ts';
import { lastsUntilReboot, quickEffects } from './undo-effects.ts';

const listing = 'backups';

/** Reads what a run has kept, and works out how it is put back. */
export async function lookToRestore(session: Session, run: string): Promise<TaskLook> {
  const first = new Map<string, Read>([[listing, { probes: { list: listProbe() } }]]);
  const known = await lookFor(session, first, (seen) => readsOf(pathsOf(seen, run), run));
  const { record, found } = known;
  const paths = pathsOf({ record, found: known.first }, run);
  const state = found.states.get('files');
  if (state === undefined) {
    session.context.bus.emit({ type: 'warning', host: session.name, text: `the run ${run} has kept nothing here` });
    return { changes: [], actions: [], found, record, next: record, gone: [] };
  }
  const gone = new Set(state.probe('kernels').stdout.split('\n'));
  const changes = paths.flatMap((path) =>
    gone.has(path)
      ? [withoutKernel(path)]
      : changeOf(path, state.file(path), { run, backup: state.file(`${backupFolder(run)}${path}`) }, session, record),
  );
  const effects = changes.flatMap((change) => change.effects);
  const wishless = record.pending.map((effect) =>
    'present' in effect ? { ...effect, present: [], absent: [] } : effect,
  );
  const pending = effects.length === 0 ? record.pending : mergeEffects([...wishless, ...effects]);
  return {
    changes: planned(changes),
    actions: changes.flatMap((change) => change.actions),
    found,
    record,
    next: nextRecord(record, pending, changes, session, (path) => ({
      now: state.file(path),
      backup: state.file(`${backupFolder(run)}${path}`),
    })),
    gone: [],
  };
}

/** Files that the run has kept, by the path where they stood. */
function pathsOf({ found, record }: Known, run: string): readonly string[] {
  const text = found.states.get(listing)?.probe('list').stdout ?? '';
  return parseList(text, record).find((backup) => backup.run === run)?.files ?? [];
}

function readsOf(paths: readonly string[], run: string): ReadonlyMap<string, Read> {
  if (paths.length === 0) return new Map();
  const kept = paths.map((path) => [path, `${backupFolder(run)}${path}`] as const);
  return new Map([['files', { files: kept.flat(), probes: { kernels: goneKernels(kept) } }]]);
}

function changeOf(
  path: string,
  now: FileState,
  { run, backup }: { readonly run: string; readonly backup: FileState },
  { facts }: Session,
  record: HostRecord,
): readonly Change[] {
  if (backup.kind !== 'file' || isSame(now, backup)) return [];
  const change = { resource: `file ${path}`, diffs: [], actions: [], effects: [], notes: [] };
  const environment = isEnvironment(path) ? withOldArguments(path, now, backup) : null;
  if (environment !== null) {
    if (isSame(now, environment)) return [];
    const effects = quickEffects(effectsAt(path, facts, record));
    return [{ ...change, ...argumentsAlone(path, now, environment), effects }];
  }
  if (now.kind === 'other') {
    return [{ ...change, summary: `leave ${path} as it is`, notes: [`it is ${now.type} now: move it away first`] }];
  }
  const { summary, diff, action } = restored(path, `${backupFolder(run)}${path}`, backup, now);
  if (action === null) return [];
  return [
    { ...change, summary, diffs: [diff], actions: [action], effects: quickEffects(effectsAt(path, facts, record)) },
  ];
}

function isSame(now: FileState, { bytes, mode, owner }: Extract<FileState, { kind: 'file' }>): boolean {
  return now.kind === 'file' && now.bytes.equals(bytes) && now.mode === mode && now.owner === owner;
}

/** An entry that nothing can be booted from is not put back. */
function withoutKernel(path: string): Change {
  const notes = ['its kernel is not there any more: such an entry would boot nothing'];
  return { resource: `file ${path}`, summary: `leave ${path} out`, diffs: [], actions: [], effects: [], notes };
}

function argumentsAlone(
  path: string,
  now: FileState,
  { bytes, mode, owner }: Extract<FileState, { kind: 'file' }>,
): Pick<Change, 'summary' | 'diffs' | 'actions' | 'notes'> {
  return {
    summary: `restore kernelopts in ${path}`,
    diffs: [diffOf(path, now, { bytes, mode, owner })],
    actions: [{ kind: 'write', path, text: bytes.toString('latin1'), encoding: 'latin1', mode, owner }],
    notes: ['all else in it, as the entry that boots, stays as it is'],
  };
}

/** What a change of the file makes due: by its place, by what its playbook said, and of files with kernel arguments. */
function effectsAt(path: string, facts: Facts, record: HostRecord): readonly Effect[] {
  const file = record.files[path];
  const known = file?.owned === 'whole' ? file.effects : defaultEffects(path);
  if (!isBootFile(path, facts, record) || known.some((effect) => effect.kind === 'boot-configuration')) return known;
  const boot = { reason: `${path} changes`, present: [], absent: [] };
  return [...known, { kind: 'boot-configuration', ...boot }, { kind: 'reboot', ...boot }];
}

function isBootFile(path: string, facts: Facts, { ownedArguments }: HostRecord): boolean {
  if (Object.values(ownedArguments).some((places) => path in places)) return true;
  try {
    const { files = [] } = bootDriver(facts).read(facts);
    return files.some((pattern) => isMatch(path, pattern));
  } catch (thrown) {
    // A boot loader that nobody can drive has no file of ours.
    if (thrown instanceof VfleetError) return false;
    throw thrown;
  }
}

/** Whether a shell glob names a path; in globs of ours `*` alone is special. */
function isMatch(path: string, glob: string): boolean {
  const pattern = glob.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${pattern.join('[^/]*')}$`).test(path);
}

function nextRecord(
  record: HostRecord,
  pending: readonly Effect[],
  changes: readonly Change[],
  { facts }: Session,
  filesAt: (path: string) => { readonly now: FileState; readonly backup: FileState },
): HostRecord {
  const written = changes.flatMap(({ actions }) =>
    actions.flatMap((action) => ('path' in action ? [action.path] : [])),
  );
  const lasting = written.filter((path) => lastsUntilReboot(effectsAt(path, facts, record)));
  if (written.length === 0) return record;
  const { leftRunning, ...rest } = record;
  const boot = lasting.filter((path) => isBootFile(path, facts, record));
  const restored = lostByRestore(facts.boot.running, boot.map(filesAt));
  const left = { bootId: facts.identity.bootId, arguments: [], files: lasting, restored };
  return {
    ...rest,
    pending,
    stamp: hasMore(record.pending, pending) ? null : record.stamp,
    ...(lasting.length > 0 && { leftRunning: joinLeft(stillRunning(leftRunning, facts), left) }),
  };
}
