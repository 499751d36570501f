import { bootDriver } from '../boot/choose-driver.ts';
import { VfleetError } from '../errors.ts';
import type { Facts } from '../facts/facts.ts';
import type { Effect } from '../resources/effect.ts';
import { mergeEffects } from '../resources/effect-order.ts';
import { defaultEffects } from '../resources/places.ts';
import type { Change, FileState, Read } from '../resources/resource.ts';
import { listProbe, parseList } from './backup-list.ts';
import { joinLeft, stillRunning } from './left-running.ts';
import { hasMore } from './next-record.ts';
import { backupFolder, type HostRecord } from './record.ts';
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
  const changes = paths.flatMap((path) =>
    changeOf(path, state.file(path), { run, backup: state.file(`${backupFolder(run)}${path}`) }, session, record),
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
    next: nextRecord(record, pending, changes, session),
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
  return new Map([['files', { files: [...paths, ...paths.map((path) => `${backupFolder(run)}${path}`)] }]]);
}

function changeOf(
  path: string,
  now: FileState,
  { run, backup }: { readonly run: string; readonly backup: FileState },
  { facts }: Session,
  record: HostRecord,
): readonly Change[] {
  if (backup.kind !== 'file') return [];
  const same =
    now.kind === 'file' && now.bytes.equals(backup.bytes) && now.mode === backup.mode && now.owner === backup.owner;
  if (same) return [];
  const change = { resource: `file ${path}`, diffs: [], actions: [], effects: [], notes: [] };
  if (now.kind === 'other') {
    return [{ ...change, summary: `leave ${path} as it is`, notes: [`it is ${now.type} now: move it away first`] }];
  }
  const { summary, diff, action } = restored(path, `${backupFolder(run)}${path}`, backup, now);
  if (action === null) return [];
  return [
    { ...change, summary, diffs: [diff], actions: [action], effects: quickEffects(effectsAt(path, facts, record)) },
  ];
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
): HostRecord {
  const written = changes.flatMap(({ actions }) =>
    actions.flatMap((action) => ('path' in action ? [action.path] : [])),
  );
  const lasting = written.filter((path) => lastsUntilReboot(effectsAt(path, facts, record)));
  if (written.length === 0) return record;
  const { leftRunning, ...rest } = record;
  const left = { bootId: facts.identity.bootId, arguments: [], files: lasting };
  return {
    ...rest,
    pending,
    stamp: hasMore(record.pending, pending) ? null : record.stamp,
    ...(lasting.length > 0 && { leftRunning: joinLeft(stillRunning(leftRunning, facts), left) }),
  };
}
