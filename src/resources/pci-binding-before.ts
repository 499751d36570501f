import { boundAs, serialsOf } from '../devices/identity.ts';
import type { DeviceSelector } from '../devices/selector.ts';
import { type BoundDevice, parseBound } from '../facts/bound-devices.ts';
import type { Facts, PciDevice } from '../facts/facts.ts';
import type { Binding } from './pci-binding.ts';
import { bindingReason } from './pci-binding-effects.ts';
import { driverctlGlob, ruleGlob, rulePath, textAt } from './pci-binding-files.ts';
import type { ChangeContext, State } from './resource.ts';

/** Devices that an earlier run of the playbook has bound, by its files. */
export function devicesBefore(wish: Binding, state: State, context: ChangeContext): readonly BoundDevice[] {
  const { facts } = context;
  const inRule = parseBound(textAt(state, rulePath(wish.name)));
  const named = ownDriverctl(wish, state, context).flatMap((path) => {
    const device = facts.pci.find(({ address }) => path.endsWith(`/pci-${address}`));
    return device === undefined ? [] : [{ address: device.address, id: idOf(device), former: null, serial: null }];
  });
  return [...inRule, ...named.filter(({ address }) => !inRule.some((device) => device.address === address))];
}

/** Files of driverctl's that the binding has written, and no other one of the playbook. */
export function ownDriverctl(wish: Binding, state: State, context: ChangeContext): readonly string[] {
  return state.matches(driverctlGlob).filter((path) => isOwnFile(wish, path, context));
}

/** Whether a file is the binding's: the playbook's, and not written by another binding of it. */
export function isOwnFile({ name }: Binding, path: string, { shared }: ChangeContext): boolean {
  const effects = shared?.mine.files?.get(path);
  const held = effects?.filter(({ kind }) => kind === 'devices') ?? [];
  return effects !== undefined && (held.length === 0 || held.some(({ reason }) => reason === bindingReason(name)));
}

/** Addresses that other bindings keep. */
export function namedElsewhere(wish: Binding, state: State, context: ChangeContext): ReadonlySet<string> {
  const rules = state.matches(ruleGlob).filter((path) => path !== rulePath(wish.name));
  const theirs = state.matches(driverctlGlob).filter((path) => !isOwnFile(wish, path, context));
  return new Set([
    ...rules.flatMap((path) => parseBound(textAt(state, path)).map(({ address }) => address)),
    ...theirs.map((path) => path.replace(/^.*\/pci-/, '')),
  ]);
}

/** Devices with what they tell no more once they are bound: as it is read, or was when they were bound. */
export function withFormer(
  devices: readonly PciDevice[],
  before: readonly BoundDevice[],
  { selectors, driver }: Binding,
  facts: Facts,
): readonly BoundDevice[] {
  return devices.map((device) => {
    const { address } = device;
    const id = idOf(device);
    // Another binding may have had it first.
    const known = before.find((other) => other.address === address && other.id === id) ?? boundAs(facts, device);
    const isOwn = device.driver !== null && ![driver, 'vfio-pci'].includes(device.driver);
    const serial = printable(serialOf(facts, device, selectors)) ?? known?.serial ?? null;
    return { address, id, former: (isOwn ? device.driver : null) ?? known?.former ?? null, serial };
  });
}

/** Of an NVMe disk its own; of a controller that of the one disk by which alone it was selected. */
function serialOf(facts: Facts, device: PciDevice, selectors: readonly DeviceSelector[]): string | null {
  const own = facts.hardware?.nvme.find(({ pci }) => pci === device.address)?.serial ?? null;
  if (own !== null) return own;
  const wanted = selectors.flatMap(({ serial, address }) => (address === undefined ? (serial ?? []) : []));
  const [one, ...others] = serialsOf(facts, device).filter((serial) => wanted.includes(serial));
  return others.length > 0 ? null : (one ?? null);
}

function idOf({ vendor, device }: PciDevice): string {
  return `${vendor}:${device}`;
}

/** It becomes a part of a comment. */
function printable(serial: string | null): string | null {
  const text = (serial ?? '').trim();
  return /^[\x21-\x7e][\x20-\x7e]{0,60}$/.test(text) ? text : null;
}
