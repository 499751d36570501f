import { devicesOf, selectUnits } from '../devices/select.ts';
import { VfleetError } from '../errors.ts';
import type { BoundDevice } from '../facts/bound-devices.ts';
import type { Facts } from '../facts/facts.ts';
import type { Binding } from './pci-binding.ts';

/**
 * Whether selectors mean the same devices still once these are bound, when drivers and serial numbers are not to be seen any
 * more, but for what the binding notes of them. Pure.
 */
export function isLasting(
  { selectors, driver, name }: Pick<Binding, 'selectors' | 'driver' | 'name'>,
  noted: readonly BoundDevice[],
  facts: Facts,
): boolean {
  const bound = new Set(noted.map(({ address }) => address));
  const after = onceBound(facts, noted, { driver, name });
  try {
    const found = new Set(
      selectUnits(after, selectors, '')
        .flatMap(devicesOf)
        .map(({ address }) => address),
    );
    return found.size === bound.size && [...found].every((address) => bound.has(address));
  } catch (thrown) {
    if (thrown instanceof VfleetError) return false;
    throw thrown;
  }
}

function onceBound(
  facts: Facts,
  noted: readonly BoundDevice[],
  { driver, name }: Pick<Binding, 'driver' | 'name'>,
): Facts {
  const isBound = (address: string | null): boolean => noted.some((one) => one.address === address);
  const { hardware } = facts;
  return {
    ...facts,
    pci: facts.pci.map((device) => (isBound(device.address) ? { ...device, driver } : device)),
    hardware: hardware && {
      ...hardware,
      nvme: hardware.nvme.filter(({ pci }) => !isBound(pci)),
      block: hardware.block.filter(({ pci }) => !isBound(pci)),
      bound: [
        ...(hardware.bound ?? []).filter(({ address }) => !isBound(address)),
        ...noted.map((device) => ({ ...device, binding: name })),
      ],
    },
  };
}
