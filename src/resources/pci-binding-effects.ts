import type { Facts, PciDevice } from '../facts/facts.ts';
import type { Effect } from './effect.ts';
import { type BoundDevice, isInInitramfs } from './pci-binding-files.ts';
import { keepsHold } from './pci-binding-timing.ts';

/** What a binding comes to on a host. */
export interface BindingOutcome {
  readonly name: string;
  readonly driver: string;
  /** Devices that it keeps. */
  readonly devices: readonly BoundDevice[];
  /** Those of them that its driver does not hold yet. */
  readonly missing: readonly PciDevice[];
  /** Devices of an earlier run that are to be given back. */
  readonly dropped: readonly PciDevice[];
  /** Drivers that a reboot which is planned before keeps away, as all of their GPUs are given away. */
  readonly away: readonly string[];
  /** Files that are written or removed. */
  readonly paths: readonly string[];
}

/**
 * What is due. All devices are named each time, as what is kept of a file is what its undo needs; where a reboot is due as well,
 * they are not bound before it.
 */
export function bindingEffects(
  { name, driver, devices, missing, dropped, away, paths }: BindingOutcome,
  facts: Facts,
): readonly Effect[] {
  const inImage = paths.find((path) => isInInitramfs(facts, path));
  const stubborn = missing.filter((device) => keepsHold(device) && !away.includes(device.driver ?? ''));
  const held = [
    ...devices.map(({ address, id }) => ({ address, id, driver })),
    ...dropped.map(({ address, vendor, device }) => ({ address, id: `${vendor}:${device}`, driver: null })),
  ];
  const effects: readonly (Effect | null)[] = [
    inImage === undefined ? null : { kind: 'initramfs', reason: `${inImage} changes, which the initramfs copies` },
    paths.some((path) => path.endsWith('.rules'))
      ? { kind: 'udev', reason: `the rules of ${name} change`, subsystems: [] }
      : null,
    held.length === 0 ? null : { kind: 'devices', reason: `the binding ${name}`, devices: held },
    stubborn.length === 0
      ? null
      : {
          kind: 'reboot',
          reason: stubborn.map((device) => `${device.driver} does not let ${device.address} go safely`).join(', '),
          present: [],
          absent: [],
        },
  ];
  return effects.filter((effect) => effect !== null);
}
