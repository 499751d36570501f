import type { BoundDevice } from '../facts/bound-devices.ts';
import type { Facts, PciDevice } from '../facts/facts.ts';
import type { Effect } from './effect.ts';
import { isInInitramfs } from './pci-binding-files.ts';
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
  /** No IOMMU is at work yet: the reboot that turns it on binds them. */
  readonly isAhead: boolean;
  /** Files that are written or removed. */
  readonly paths: readonly string[];
}

/**
 * What is due. All devices are named each time, as what is kept of a file is what its undo needs; where a reboot is due as well,
 * they are not bound before it.
 */
export function bindingEffects(
  { name, driver, devices, missing, dropped, isAhead, paths }: BindingOutcome,
  facts: Facts,
): readonly Effect[] {
  const inImage = paths.find((path) => isInInitramfs(facts, path));
  const why = isAhead && missing.length > 0 ? `${driver} takes devices once the IOMMU is on` : stubbornOnes(missing);
  const held = [
    ...devices.map(({ address, id }) => ({ address, id, driver })),
    ...dropped.map(({ address, vendor, device }) => ({ address, id: `${vendor}:${device}`, driver: null })),
  ];
  const effects: readonly (Effect | null)[] = [
    inImage === undefined ? null : { kind: 'initramfs', reason: `${inImage} changes, which the initramfs copies` },
    paths.some((path) => path.endsWith('.rules'))
      ? { kind: 'udev', reason: `the rules of ${name} change`, subsystems: [] }
      : null,
    held.length === 0 ? null : { kind: 'devices', reason: bindingReason(name), devices: held },
    why === '' ? null : { kind: 'reboot', reason: why, present: [], absent: [] },
  ];
  return effects.filter((effect) => effect !== null);
}

/** Why devices are held: which of a playbook's bindings has written a file is known by it. */
export function bindingReason(name: string): string {
  return `the binding ${name}`;
}

/** Devices whose drivers cannot be trusted to let them go, for people. */
function stubbornOnes(missing: readonly PciDevice[]): string {
  const stubborn = missing.filter(keepsHold);
  return stubborn.map(({ address, driver }) => `${driver} does not let ${address} go safely`).join(', ');
}
