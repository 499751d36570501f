import type { Facts } from '../../src/facts/facts.ts';
import { cameBack, standingIn, withCameBack } from '../../src/host/came-back.ts';
import { nextRecord, withOwnedBefore } from '../../src/host/next-record.ts';
import { emptyRecord, type HostRecord, parseRecord, printRecord } from '../../src/host/record.ts';
import { ownershipOf } from '../../src/host/sharing.ts';
import { concernsBoot, pathsToUndo, planUndo, type UndoPlan } from '../../src/host/undo-plan.ts';
import { undoRecords } from '../../src/host/undo-record.ts';
import { fingerprintOf } from '../../src/resources/fingerprint.ts';
import { planEnsure } from '../../src/resources/plan-ensure.ts';
import type { Seen } from '../../src/resources/read-batch.ts';
import type { Action, FileState, Resource, State } from '../../src/resources/resource.ts';
import { stateOf } from '../boot/files.ts';

type Files = Readonly<Record<string, FileState>>;

/** A host as far as ownership goes: files, and the record. What a write does to it is done at once, and backed up. */
export interface Host {
  readonly files: Files;
  readonly record: HostRecord;
  /** So many runs have written. */
  readonly runs: number;
}

export function hostOf(files: Readonly<Record<string, string>>): Host {
  const all = Object.entries(files).map(([path, text]) => [path, fileOf(text)] as const);
  return { files: Object.fromEntries(all), record: emptyRecord, runs: 0 };
}

export function fileOf(text: string, mode = '0644'): FileState {
  return { kind: 'file', bytes: Buffer.from(text), mode, owner: 'root:root' };
}

/** Somebody edits a file by hand; `null`: removes it. */
export function edited(host: Host, path: string, text: string | null): Host {
  const { [path]: _, ...others } = host.files;
  return { ...host, files: text === null ? others : { ...others, [path]: fileOf(text) } };
}

/** Text of each file but for backups. */
export function textsOf({ files }: Host): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(files).flatMap(([path, file]) =>
      path.startsWith('/var/lib/vfleet/') || file.kind !== 'file' ? [] : [[path, file.bytes.toString()]],
    ),
  );
}

/** Files that playbooks of these tests make. */
const modelPaths = [
  '/etc/default/grub.d/99-vfleet.cfg',
  '/etc/modules-load.d/vfio.conf',
  '/etc/motd',
  '/etc/udev/rules.d/72-vfleet-usb.rules',
  '/etc/systemd/system/vfleet-hugepages.service',
  '/etc/systemd/system/sysinit.target.d/50-vfleet-hugepages.conf',
  '/etc/vfleet/hugepages.sh',
  '/etc/driverctl.d/pci-0000:18:00.0',
  '/etc/driverctl.d/pci-0000:19:00.0',
  '/etc/udev/rules.d/82-vfleet-one.rules',
  '/etc/udev/rules.d/82-vfleet-two.rules',
];

function stateIn({ files }: Host): State {
  const mounts = { code: 0, stdout: 'mounted /boot vfat - -' };
  // Root has looked, and no process has a node open.
  return stateOf(files, { mounts, open: { code: 0, stdout: 'root\n' } });
}

/** One `ensure` of a playbook. `cut`: power is lost after the record and so many files; absent: all is done. */
export function applied(
  host: Host,
  facts: Facts,
  playbook: string,
  resources: readonly Resource[],
  cut?: number,
): Host {
  const run = `run-${host.runs}`;
  const { record } = host;
  const state = stateIn(host);
  const states = new Map(resources.map((resource) => [resource.name, state]));
  const seen = seenOf(host, [...Object.keys(host.files), ...Object.keys(record.files), ...modelPaths]);
  const ownership = ownershipOf(record, playbook, seen);
  const undone = cameBack(record, facts, standingIn('node01', facts, state));
  const shared = { ...ownership.shared, undone };
  const plan = planEnsure(resources, states, { host: 'node01', facts, ...ownership, shared });
  if (plan.changes.length === 0) return host;
  const wished = resources.flatMap((resource) => resource.wants?.(facts).kernelArguments?.present ?? []);
  const ensuring = {
    ...{ record, playbook, run, facts, seen, step: 0, wished },
    ...{ ownedElsewhere: {}, named: new Set<string>() },
  };
  const last = nextRecord(ensuring, plan);
  const after = cut === undefined ? last : withOwnedBefore(last, record, playbook);
  return {
    files: perform(host.files, plan.actions.slice(0, cut), plan.actions, run),
    record: stored(after),
    runs: host.runs + 1,
  };
}

/** What an undo would do. */
export function undoPlan(host: Host, facts: Facts, playbook: string, force = false): UndoPlan {
  return planUndo(inputOf(host, facts, playbook, force));
}

/** An undo, or as much of it as is done before the power is lost. */
export function undone(
  host: Host,
  facts: Facts,
  playbook: string,
  options: { force?: boolean; cut?: number } = {},
): Host {
  const input = inputOf(host, facts, playbook, options.force ?? false);
  const plan = planUndo(input);
  if (plan.changes.length === 0) return host;
  const run = `run-${host.runs}`;
  const { next, last } = undoRecords(input, plan, run, standingIn('node01', facts, stateIn(host)));
  const actions = plan.changes.flatMap((change) => change.actions);
  const files = perform(host.files, actions.slice(0, options.cut), actions, run);
  return { files, record: stored(options.cut === undefined ? last : next), runs: host.runs + 1 };
}

function inputOf(host: Host, facts: Facts, playbook: string, force: boolean) {
  const state = stateIn(host);
  const record = withCameBack(host.record, playbook, facts, standingIn('node01', facts, state));
  const paths = pathsToUndo(record, playbook);
  const boot = concernsBoot(record, playbook) ? state : null;
  return {
    host: 'node01',
    facts,
    record,
    playbook,
    files: state,
    boot,
    seen: seenOf(host, [...paths, ...Object.keys(host.files)]),
    force,
  };
}

/** As it comes back from the host. */
function stored(record: HostRecord): HostRecord {
  return parseRecord(printRecord(record));
}

function perform(files: Files, actions: readonly Action[], all: readonly Action[], run: string): Files {
  const after: Record<string, FileState> = { ...files };
  // All backups are made before the record is in place.
  for (const action of all) {
    const before = action.kind === 'run' ? undefined : files[action.path];
    if (action.kind !== 'run' && before?.kind === 'file')
      after[`/var/lib/vfleet/backups/${run}${action.path}`] ??= before;
  }
  for (const action of actions) {
    if (action.kind === 'remove') delete after[action.path];
    if (action.kind === 'restore') after[action.path] = files[action.from] ?? { kind: 'absent' };
    if (action.kind === 'write') {
      const { mode, owner, text, encoding } = action;
      after[action.path] = { kind: 'file', bytes: Buffer.from(text, encoding), mode, owner };
    }
  }
  return after;
}

/** What a read script sees at these paths. */
function seenOf({ files }: Host, paths: readonly string[]): Seen {
  const print = (file: FileState | undefined): string => {
    if (file?.kind !== 'file') return 'absent';
    const mode = file.mode === '0600' ? '-rw-------' : '-rw-r--r--';
    return fingerprintOf({ kind: 'file', mode, owner: 'root', group: 'root' }, file.bytes);
  };
  return { files: new Map(paths.map((path) => [path, print(files[path])])), globs: new Map() };
}
