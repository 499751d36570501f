import { leftOutBy, leftOutText } from '../devices/left-out.ts';
import { devicesOf } from '../devices/select.ts';
import type { Unit } from '../devices/selection.ts';
import type { BoundDevice } from '../facts/bound-devices.ts';
import type { PciDevice } from '../facts/facts.ts';
import { gpusLeft } from './gpu-drivers.ts';
import type { Binding } from './pci-binding.ts';
import type { ChangeContext } from './resource.ts';

/** One line on what becomes of the devices. */
export function bindingSummary(
  { driver }: Binding,
  devices: readonly BoundDevice[],
  missing: readonly PciDevice[],
  dropped: readonly PciDevice[],
): string {
  const bind = missing.map(({ address }) => address);
  const keep = devices.map(({ address }) => address).filter((address) => !bind.includes(address));
  return [
    ...(bind.length > 0 ? [`bind ${bind.join(' ')} to ${driver}`] : []),
    ...(keep.length > 0 ? [`keep ${keep.join(' ')} on ${driver}`] : []),
    ...(dropped.length > 0 ? [`give back ${dropped.map(({ address }) => address).join(' ')}`] : []),
  ].join(', ');
}

/** What an operator should know of it. */
export function bindingNotes(
  { selectors, notes }: Binding,
  units: readonly Unit[],
  { facts }: ChangeContext,
): readonly string[] {
  const all = units.flatMap(devicesOf);
  const grouped = all.some(({ iommuGroup }) => iommuGroup !== null);
  return [
    ...notes,
    ...units.flatMap(mateNote),
    ...leftOutBy(facts, selectors).map(leftOutText),
    ...(all.length > 0 && !grouped ? ['which devices share an IOMMU group is known once the IOMMU is on'] : []),
    ...all.flatMap(({ address }) => {
      const resets = facts.hardware?.pci[address]?.resets;
      return resets?.length === 0 ? [`${address}: the kernel has no way to reset it alone between guests`] : [];
    }),
    ...gpusLeft(facts, all).map(
      ({ drivers, left }) =>
        `${drivers.join(', ')} are not blacklisted, as ${left.join(', ')} may need them: bound by address alone`,
    ),
  ];
}

function mateNote({ selected, mates }: Unit): readonly string[] {
  if (mates.length === 0) return [];
  const addresses = (devices: readonly PciDevice[]): string => devices.map(({ address }) => address).join(' ');
  return [`${addresses(mates)} of the same slot or IOMMU group as ${addresses(selected)}: handed over with it`];
}
