import { openNodesProbe, parseOpenNodes } from '../devices/open-nodes.ts';
import { requireFree } from '../devices/require-free.ts';
import { devicesOf, selectUnits } from '../devices/select.ts';
import type { Unit } from '../devices/selection.ts';
import type { DeviceSelector } from '../devices/selector.ts';
import { refuseUsed } from '../devices/users.ts';
import { VfleetError } from '../errors.ts';
import type { BoundDevice } from '../facts/bound-devices.ts';
import type { Facts, PciDevice } from '../facts/facts.ts';
import { diffOf } from './diff.ts';
import { fileSet } from './file-set.ts';
import { devicesBefore, namedElsewhere, ownDriverctl, withFormer } from './pci-binding-before.ts';
import { bindingEffects } from './pci-binding-effects.ts';
import { driverctlGlob, driverctlPath, keepingFiles, ownPaths, ruleGlob } from './pci-binding-files.ts';
import { isLasting } from './pci-binding-lasting.ts';
import { refuseBinding, refuseStuck } from './pci-binding-refusals.ts';
import { isHeld, isTakenEarly } from './pci-binding-timing.ts';
import { bindingNotes, bindingSummary } from './pci-binding-words.ts';
import type { Action, Change, ChangeContext, Read, Resource, State } from './resource.ts';

export interface PciBindingOptions {
  /** Tells the bindings of a host apart, in names of files: letters, digits and `-`. One for each playbook. */
  readonly name: string;
  /** What is to hold the devices. Default: `vfio-pci`. */
  readonly driver?: string;
  /**
   * Whether it is done in the initramfs already. Default: where the drivers of the devices are likely to be there, as those of
   * disks and displays are. With false, devices whose drivers are there are unbound once the installed system boots.
   */
  readonly early?: boolean;
  /**
   * Where no IOMMU is at work yet, write what binds at boot before the reboot that turns it on, so that this one reboot does for
   * all; then `ensure` the same again, as it is known after it what else goes with the devices. Default: refuse such a host.
   */
  readonly ahead?: boolean;
  /** What else an operator should know, shown with the change. */
  readonly notes?: readonly string[];
}

/** What a binding wishes for. */
export interface Binding {
  readonly resource: string;
  readonly name: string;
  readonly driver: string;
  readonly early: boolean | undefined;
  readonly ahead: boolean;
  readonly selectors: readonly DeviceSelector[];
  readonly notes: readonly string[];
}

/**
 * PCI devices that a driver for passthrough holds, with all functions of their slots and all of their IOMMU groups: now, where
 * they are free, and from boot on. By address, with the ids as a check, never by ids alone. Devices that are named no more are
 * given back, and so are all by an undo. Errors (`VfleetError`): `device.binding` at once; on a host `device.in-use` and all
 * others of devices, before anything is written, and `initramfs.unsupported`.
 *
 * @example
 * pciBinding(host.vars.devices, { name: 'nvme' })
 */
export function pciBinding(selectors: readonly DeviceSelector[], options: PciBindingOptions): Resource {
  const { name, driver = 'vfio-pci', early, ahead = false, notes = [] } = options;
  refuseOption('name', name, /^[a-z0-9][a-z0-9-]{0,40}$/, 'letters, digits and -');
  refuseOption('driver', driver, /^[a-z0-9][\w-]{0,60}$/i, 'the name of a driver, as vfio-pci');
  const resource = `PCI binding ${name}`;
  const wish: Binding = { resource, name, driver, early, ahead, selectors, notes };
  return {
    kind: 'PCI binding',
    name: resource,
    read: (facts) => readOf(wish, facts),
    change: (state, context) => change(wish, state, context),
  };
}

function readOf(wish: Binding, facts: Facts): Read {
  const wanted = unitsFor(wish, facts).flatMap(devicesOf);
  return {
    files: [...ownPaths(wish.name), ruleGlob, driverctlGlob, ...wanted.map(({ address }) => driverctlPath(address))],
    probes: { open: openNodesProbe },
  };
}

/** None where the selection is refused, which `change` tells. */
function unitsFor({ selectors }: Binding, facts: Facts): readonly Unit[] {
  try {
    return selectUnits(facts, selectors, facts.identity.hostname);
  } catch (thrown) {
    if (thrown instanceof VfleetError) return [];
    throw thrown;
  }
}

function change(wish: Binding, state: State, context: ChangeContext): Change | null {
  const { host, facts } = context;
  const { name, driver } = wish;
  const units = selectUnits(facts, wish.selectors, host);
  const wanted = units.flatMap(devicesOf);
  const isAhead = wish.ahead && wanted.length > 0 && facts.iommu.groups.length === 0;
  // It was planned before that reboot, and what it does is not known yet.
  if (isAhead && context.tentative === true) return null;
  const before = devicesBefore(wish, state, context);
  const devices = withFormer(wanted, before, wish, facts);
  refuseBinding(wish, wanted, devices, state, context);
  const open = parseOpenNodes(state.probe('open').stdout);
  const taken = units.filter((unit) => devicesOf(unit).some((device) => device.driver !== driver));
  requireFree(facts, taken, host, open);
  const elsewhere = namedElsewhere(wish, state, context);
  const gone = before.filter(({ address }) => !devices.some((device) => device.address === address));
  const dropped = gone.filter(({ address }) => !elsewhere.has(address)).flatMap((device) => onHost(facts, device));
  refuseUsed(dropped, open, host);
  const kept = files(wish, devices, wanted, state, context);
  const notHeld = wanted.filter((device) => !isHeld(device, driver));
  // What is in place works at the boot with the IOMMU, whatever keeps that away until then.
  const missing = isAhead && kept.actions.length === 0 ? [] : notHeld;
  const due = kept.actions.length > 0 || missing.length > 0 || dropped.length > 0;
  if (!due && kept.change === null) return null;
  if (kept.actions.length === 0) refuseStuck(missing, wish, context);
  return {
    resource: wish.resource,
    summary: due ? bindingSummary(wish, devices, missing, dropped) : (kept.change?.summary ?? ''),
    diffs: kept.diffs,
    actions: kept.actions,
    effects: due ? bindingEffects({ name, driver, devices, missing, dropped, isAhead, paths: kept.paths }, facts) : [],
    notes: due ? bindingNotes(wish, units, context) : [],
    ...(kept.change?.shares !== undefined && { shares: kept.change.shares }),
    ...(kept.change?.adopts !== undefined && { adopts: kept.change.adopts }),
  };
}

interface Kept {
  readonly change: Change | null;
  readonly actions: readonly Action[];
  readonly diffs: readonly string[];
  readonly paths: readonly string[];
}

/** The files that keep the binding, and those of an earlier one that go. */
function files(
  wish: Binding,
  devices: readonly BoundDevice[],
  wanted: readonly PciDevice[],
  state: State,
  context: ChangeContext,
): Kept {
  const { facts } = context;
  const early = wish.early ?? wanted.some(isTakenEarly);
  // The files of driverctl have no place for a note.
  const unnoted = devices.map((device) => ({ ...device, former: null, serial: null }));
  const isDriverctl = facts.hardware?.driverctl === true && isLasting(wish, unnoted, facts);
  const by = early ? 'early' : isDriverctl ? 'driverctl' : 'rule';
  const wishes = keepingFiles(facts, { name: wish.name, driver: wish.driver, devices, by });
  // Of files that are taken over as they are: what becomes due when they go.
  const outcome = { name: wish.name, driver: wish.driver, devices, missing: [], dropped: [], isAhead: false };
  const effects = bindingEffects({ ...outcome, paths: wishes.map(({ path }) => path) }, facts);
  const change = fileSet({ resource: wish.resource, summary: '', effects }, wishes, state, context);
  const isWished = (path: string): boolean => wishes.some((other) => other.path === path);
  const own = [...ownPaths(wish.name), ...ownDriverctl(wish, state, context)];
  const stale = own.filter((path) => !isWished(path) && state.file(path).kind === 'file');
  const actions = [...(change?.actions ?? []), ...stale.map((path) => ({ kind: 'remove', path }) as const)];
  return {
    change,
    actions,
    paths: actions.flatMap((action) => (action.kind === 'run' ? [] : [action.path])),
    diffs: [...(change?.diffs ?? []), ...stale.map((path) => diffOf(path, state.file(path), null))],
  };
}

/** The device of a binding as the host has it; none where another one, or nothing, is there now. */
function onHost({ pci }: Facts, { address, id }: BoundDevice): readonly PciDevice[] {
  return pci.filter((device) => device.address === address && `${device.vendor}:${device.device}` === id);
}

function refuseOption(key: string, value: string, pattern: RegExp, expected: string): void {
  if (pattern.test(value)) return;
  throw new VfleetError({
    code: 'device.binding',
    thing: `${key} of pciBinding`,
    expected,
    found: JSON.stringify(value),
    next: 'correct the playbook',
  });
}
