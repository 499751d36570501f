import { type PhysicalFunction, physicalFunction } from '../devices/physical-function.ts';
import { selectFunctions, type VirtualFunctions, type WishedFunctions } from '../devices/virtual-functions.ts';
import { VfleetError } from '../errors.ts';
import type { Facts } from '../facts/facts.ts';
import { diffOf } from './diff.ts';
import type { Effect } from './effect.ts';
import { fileSet } from './file-set.ts';
import type { Action, Change, ChangeContext, Resource, State } from './resource.ts';
import { bindingFiles, refuseBound } from './virtual-functions-bound.ts';
import { devicesWithUnits, filesOf, functionFiles, presentFiles, unitOf } from './virtual-functions-files.ts';
import { firmwareProbe, firmwareScript, planFirmware } from './virtual-functions-firmware.ts';
import { otherOwners, ownerProbe } from './virtual-functions-owner.ts';
import { type FunctionPlan, planFunctions, refuseKind, refuseUsed } from './virtual-functions-plan.ts';
import { functionUseProbe, parseFunctionUse } from './virtual-functions-use.ts';

/**
 * Virtual functions, now and at every boot: a unit of our own makes them before the network comes up and gives them to their
 * driver, each by its own address. All of a playbook's belong into one such resource, as those that it names no more are
 * taken away. Errors (`VfleetError`): `virtual-functions.invalid` at once; `device.none` and the like, `device.sriov`,
 * `device.owner`, `device.in-use`, `device.firmware` on a host.
 *
 * @example
 * virtualFunctions({ pf: { address: '0000:3b:00.0', id: '8086:1572' }, count: 8 })
 */
export function virtualFunctions(...wishes: readonly VirtualFunctions[]): Resource {
  for (const { count } of wishes) refuseCount(count);
  return {
    kind: 'virtual functions',
    name: 'virtual functions',
    read: (facts) => {
      const all = wished(facts, wishes);
      const stale = (facts.hardware === null ? [] : facts.pci).flatMap(
        (device) => physicalFunction(facts, device) ?? [],
      );
      const active = stale.filter(({ functions }) => functions.length > 0);
      return {
        files: [
          ...functionFiles,
          ...bindingFiles,
          ...all.flatMap((one) => filesOf(one.pf.device, one).map(({ path }) => path)),
        ],
        probes: {
          owners: ownerProbe,
          use: functionUseProbe(active),
          firmware: firmwareProbe(all.flatMap(({ pf, firmware }) => (firmware ? [pf] : []))),
        },
      };
    },
    change: (state, context) => changeAll(wishes, state, context),
  };
}

/** What is wished for each device; nothing where it cannot be found, which `change` tells. */
function wished(facts: Facts, wishes: readonly VirtualFunctions[]): readonly WishedFunctions[] {
  try {
    return selectFunctions(facts, wishes, '');
  } catch (error) {
    if (error instanceof VfleetError) return [];
    throw error;
  }
}

function changeAll(wishes: readonly VirtualFunctions[], state: State, context: ChangeContext): Change | null {
  const all = selectFunctions(context.facts, wishes, context.host);
  refuseTwice(all, context.host);
  const changes = [...all.flatMap((one) => changeOne(one, state, context) ?? []), ...takeAway(all, state, context)];
  if (changes.length === 0) return null;
  const [shares, adopts] = [changes.flatMap((one) => one.shares ?? []), changes.flatMap((one) => one.adopts ?? [])];
  return {
    resource: 'virtual functions',
    summary: changes.map(({ summary }) => summary).join('; '),
    diffs: changes.flatMap(({ diffs }) => diffs),
    actions: changes.flatMap(({ actions }) => actions),
    effects: changes.flatMap(({ effects }) => effects),
    notes: changes.flatMap(({ notes }) => notes),
    ...(shares.length > 0 && { shares }),
    ...(adopts.length > 0 && { adopts }),
  };
}

function changeOne(one: WishedFunctions, state: State, context: ChangeContext): Change | null {
  const { pf, count } = one;
  const { facts, host } = context;
  const { address } = pf.device;
  refuseOwners(pf, state, context);
  const firmware = planned(one, state, context);
  const unit = unitOf(address);
  const plan: FunctionPlan =
    firmware === null
      ? planFunctions(pf, one, parseFunctionUse(state.probe('use').stdout), facts, host)
      : { act: 'create', postponed: 'the firmware takes a reset' };
  if (one.driver === 'host' || plan.act === 'recreate') refuseBound(pf, state, host);
  const summary = `make ${count} virtual functions of ${address}${one.driver === 'host' ? '' : ` for ${one.driver}`}`;
  const effects = effectsOf(unit, plan, `${address} is to have ${count} virtual functions`);
  const files = fileSet({ resource: '', summary, effects }, filesOf(pf.device, one), state, context);
  if (files === null && plan.act === 'nothing') return null;
  const none = { resource: '', summary, diffs: [], actions: [], effects, notes: [] };
  const { actions, notes } = firmware ?? { actions: [], notes: [] };
  const change = files ?? none;
  const due = change.actions.length > 0 || plan.act !== 'nothing' ? effects : change.effects;
  const left =
    plan.act === 'recreate' && plan.postponed !== null ? [`${plan.postponed}: changed at the next boot`] : [];
  return { ...change, actions: [...actions, ...change.actions], effects: due, notes: [...notes, ...left] };
}

/** A NIC that is in use does not lose its link at run time: what would take it down is left to a boot. */
function effectsOf(unit: string, { postponed }: FunctionPlan, reason: string): readonly Effect[] {
  if (postponed === null) return [{ kind: 'service', reason, unit }];
  return [{ kind: 'reboot', reason: `${reason}, and ${postponed}`, present: [], absent: [] }];
}

/** What is to be set in the firmware; `null`: nothing. Errors: `device.firmware`. */
function planned(
  { pf, count, firmware }: WishedFunctions,
  state: State,
  { facts, host }: ChangeContext,
): { readonly actions: readonly Action[]; readonly notes: readonly string[] } | null {
  if (!firmware) return null;
  refuseKind(pf, host);
  const { address } = pf.device;
  const { settings, resetDue } = planFirmware(pf, count, state.probe('firmware').stdout, facts, host);
  if (resetDue) throw coldReset(address, host);
  if (settings.length === 0) return null;
  const label = `set ${settings.join(' ')} in the firmware of ${address}`;
  return {
    actions: [{ kind: 'run', label, script: firmwareScript(address, settings) }],
    notes: [`${label}: kept by the NIC, also after an undo; some take it only when the power is off and on again`],
  };
}

/** Units of an earlier run, for devices that are named no more. */
function takeAway(
  all: readonly WishedFunctions[],
  state: State,
  { facts, host, shared }: ChangeContext,
): readonly Change[] {
  const gone = devicesWithUnits(state).filter((address) => all.every(({ pf }) => pf.device.address !== address));
  return gone.flatMap((address): readonly Change[] => {
    const files = presentFiles(address, state);
    const mine = shared?.mine.files;
    const isOurs = mine === undefined || files.some((path) => mine.has(path));
    if (!isOurs || files.some((path) => shared?.files.has(path))) return [];
    const device = facts.pci.find((one) => one.address === address);
    const pf = device === undefined ? null : physicalFunction(facts, device);
    const uses = parseFunctionUse(state.probe('use').stdout);
    if (pf !== null) refuseUsed(pf.functions, { pf, uses, facts, host }, `${address} is to have none any more`);
    if (pf !== null) refuseBound(pf, state, host);
    const busy = pf !== null && pf.functions.length > 0;
    const unit = unitOf(address);
    return [
      {
        resource: '',
        summary: `make no virtual functions of ${address} any more`,
        diffs: files.map((path) => diffOf(path, state.file(path), null)),
        actions: files.map((path) => ({ kind: 'remove', path })),
        // Where none are there, nothing runs that could be stopped.
        effects: busy ? [{ kind: 'service', reason: `${unit} goes`, unit, gone: true }] : [],
        notes: [],
      },
    ];
  });
}

function refuseOwners(pf: PhysicalFunction, state: State, { facts, host }: ChangeContext): void {
  const [owner] = otherOwners(state.probe('owners').stdout, pf, facts);
  if (owner === undefined) return;
  throw new VfleetError({
    code: 'device.owner',
    host,
    thing: `virtual functions of ${pf.device.address}`,
    expected: 'nobody else who sets their number',
    found: `${owner.path}: ${owner.line}`,
    next: `${owner.remedy}; nothing was changed`,
  });
}

function refuseTwice(all: readonly WishedFunctions[], host: string): void {
  const twin = all.find(({ pf }, at) => all.findIndex((one) => one.pf.device === pf.device) < at);
  if (twin === undefined) return;
  const next = 'name it once';
  throw invalid(`virtual functions of ${twin.pf.device.address}`, 'one number', 'two wishes', next).of(host);
}

function refuseCount(count: number): void {
  if (Number.isInteger(count) && count >= 0 && count <= 65535) return;
  throw invalid('virtual functions', 'how many, a whole number from 0', String(count), 'correct the playbook');
}

function invalid(thing: string, expected: string, found: string, next: string): VfleetError {
  return new VfleetError({ code: 'virtual-functions.invalid', thing, expected, found, next });
}

function coldReset(address: string, host: string): VfleetError {
  return new VfleetError({
    code: 'device.firmware',
    host,
    thing: `firmware of ${address}`,
    expected: 'the number that is set in it',
    found: 'the old one still: it has not been reset since',
    next: 'turn the machine off and on (a cold reboot; mstfwreset, where nothing uses the NIC)',
  });
}
