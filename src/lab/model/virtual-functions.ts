import type { MachinePciDevice } from '../machine.ts';

/** The virtual functions of a device, as the kernel adds them (`pci_iov_add_virtfn()` of drivers/pci/iov.c). */
export function virtualFunctions(
  pf: MachinePciDevice,
  count: number,
  others: readonly MachinePciDevice[],
): readonly MachinePciDevice[] {
  const { sriov } = pf;
  if (sriov === undefined) return [];
  const groups = groupsFor(pf, count, others);
  const { bootVga: _, slot: __, serial: ___, sriov: ____, network, ...shared } = pf;
  return Array.from({ length: count }, (_item, index) => ({
    ...shared,
    address: functionAddress(pf, index),
    device: sriov.device,
    driver: sriov.driver,
    group: groups[index] ?? null,
    ...(network === undefined
      ? {}
      : {
          network: {
            name: `${network.name.replace(/np\d+$/, '')}v${index}`,
            mac: macOf(network.mac, index),
            up: false,
          },
        }),
  }));
}

/** The routing id: that of the physical function, First VF Offset, and VF Stride for each one before (PCIe, SR-IOV capability). */
export function functionAddress({ address, sriov }: MachinePciDevice, index: number): string {
  const [, domain = '', bus = '', slot = '', fn = ''] = /^(.*):(..):(..)\.(.)$/.exec(address) ?? [];
  const own = (Number.parseInt(bus, 16) << 8) | (Number.parseInt(slot, 16) << 3) | Number(fn);
  const id = own + (sriov?.offset ?? 1) + index * (sriov?.stride ?? 1);
  const hex = (value: number) => value.toString(16).padStart(2, '0');
  return `${domain}:${hex(id >> 8)}:${hex((id >> 3) & 31)}.${id & 7}`;
}

/** One of its own for each where the way up isolates them; the group of the physical one where that has neighbours. */
function groupsFor(
  pf: MachinePciDevice,
  count: number,
  others: readonly MachinePciDevice[],
): readonly (number | null)[] {
  const slot = pf.address.slice(0, -2);
  const crowded = others.some(({ address, group }) => group === pf.group && !address.startsWith(slot));
  if (pf.group === null || crowded) return Array.from({ length: count }, () => pf.group);
  const used = new Set(others.map(({ group }) => group));
  const free: number[] = [];
  for (let group = 0; free.length < count; group += 1) if (!used.has(group)) free.push(group);
  return free;
}

/** A locally administered one, as drivers make up. */
function macOf(mac: string, index: number): string {
  const hex = (value: number) => (value & 255).toString(16).padStart(2, '0');
  return `0a:${mac.slice(6)}:${hex(index)}`.slice(0, 17);
}
