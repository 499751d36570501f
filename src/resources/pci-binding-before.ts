import type { Facts, PciDevice } from '../facts/facts.ts';
import type { Binding } from './pci-binding.ts';
import { bindingReason } from './pci-binding-effects.ts';
import { type BoundDevice, driverctlGlob, namedInRule, ruleGlob, rulePath, textAt } from './pci-binding-files.ts';
import type { ChangeContext, State } from './resource.ts';

/** Devices that an earlier run of the playbook has bound, by its files. */
export function devicesBefore(wish: Binding, state: State, context: ChangeContext): readonly BoundDevice[] {
  const { facts } = context;
  const inRule = namedInRule(textAt(state, rulePath(wish.name)));
  const named = ownDriverctl(wish, state, context).flatMap((path) => {
    const device = facts.pci.find(({ address }) => path.endsWith(`/pci-${address}`));
    return device === undefined ? [] : [{ address: device.address, id: idOf(device), serial: null }];
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
    ...rules.flatMap((path) => namedInRule(textAt(state, path)).map(({ address }) => address)),
    ...theirs.map((path) => path.replace(/^.*\/pci-/, '')),
  ]);
}

/** Devices with the serial numbers of their disks: as they are read, or were when they were bound. */
export function withSerials(
  devices: readonly PciDevice[],
  before: readonly BoundDevice[],
  { hardware }: Facts,
): readonly BoundDevice[] {
  return devices.map((device) => {
    const { address } = device;
    const id = idOf(device);
    const read = hardware?.nvme.find(({ pci }) => pci === address)?.serial ?? null;
    const known = before.find((other) => other.address === address && other.id === id)?.serial ?? null;
    return { address, id, serial: printable(read) ?? known };
  });
}

function idOf({ vendor, device }: PciDevice): string {
  return `${vendor}:${device}`;
}

/** It becomes a part of a comment. */
function printable(serial: string | null): string | null {
  const text = (serial ?? '').trim();
  return /^[\x21-\x7e][\x20-\x7e]{0,60}$/.test(text) ? text : null;
}
