import type { Firmware } from './recipe.ts';

/** Sizes and places on the disk, in MiB: after the first, GRUB's own partition or the ESP, and then the root. */
export const layout = { bootLoader: { start: 1, size: 100 }, root: { start: 101, size: 1800 }, disk: 1902 } as const;

/** A script for sfdisk(8). */
export type PartitionTable = string;

/** Partition types. Source: UEFI Specification, 5.3.3; GRUB Manual, "BIOS installation"; Discoverable Partitions. */
const types = {
  bios: '21686148-6449-6E6F-744E-656564454649',
  uefi: 'C12A7328-F81F-11D2-BA4B-00A0C93EC93B',
  root: '0FC63DAF-8483-4772-8E79-3D69D8477DE4',
} as const;

/** A GPT with what the firmware starts from, GRUB's own partition or an ESP, and the root. */
export function partitionTable(firmware: Firmware): PartitionTable {
  const { bootLoader, root } = layout;
  const parts = [
    { ...bootLoader, type: types[firmware] },
    { ...root, type: types.root },
  ];
  return [
    'label: gpt',
    ...parts.map(({ start, size, type }) => `start=${start}MiB,size=${size}MiB,type=${type}`),
    '',
  ].join('\n');
}
