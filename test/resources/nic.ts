import type { Facts, PciDevice } from '../../src/facts/facts.ts';
import type { HardwareFacts, NetInterface, PciDetail } from '../../src/facts/hardware.ts';
import { factsOf } from '../boot/facts.ts';

export const pfAddress = '0000:3b:00.0';

export interface Nic {
  readonly total?: number | null;
  readonly driver?: string | null;
  readonly vendor?: string;
  /** Drivers of the functions that are there. */
  readonly functions?: readonly (string | null)[];
  /** IOMMU groups of the functions; absent: one of its own for each. That of the NIC is 20. */
  readonly groups?: readonly (number | null)[];
  readonly net?: Partial<NetInterface>;
  readonly others?: readonly Partial<NetInterface>[];
  readonly boot?: Partial<Facts['boot']>;
  readonly lockdown?: Facts['firmware']['lockdown'];
}

/** Facts of a host with one NIC of virtual functions, and a second NIC without. Constructed. */
export function nicFacts({ total = 64, driver = 'i40e', vendor = '8086', functions = [], ...nic }: Nic = {}): Facts {
  const vfs = functions.map((held, index) =>
    pci(
      `0000:3b:02.${index}`,
      held,
      { vendor, device: '154c' },
      nic.groups?.[index] ?? (nic.groups === undefined ? 21 + index : null),
    ),
  );
  const details = Object.fromEntries(vfs.map((vf) => [vf.address, detail({ physicalFunction: pfAddress })]));
  const sriov = total === null ? null : { total, active: vfs.length, autoprobe: true };
  const hardware: HardwareFacts = {
    pci: { [pfAddress]: detail({ sriov }), '0000:01:00.0': detail({}), ...details },
    nodes: [],
    net: [
      net({ name: 'ens1f0', mac: '3c:fd:fe:00:00:01', pci: pfAddress, ...nic.net }),
      net({ name: 'eno1', mac: '3c:fd:fe:00:00:99', pci: '0000:01:00.0', up: true, addresses: ['10.0.0.5/24'] }),
      ...(nic.others ?? []).map(net),
    ],
    block: [],
    nvme: [],
    usb: [],
    serial: [],
    driverctl: false,
  };
  const own = pci(pfAddress, driver, { vendor, device: '1572' }, 20);
  const facts = factsOf({ hardware, pci: [pci('0000:01:00.0', 'igb', {}, 10), own, ...vfs], boot: nic.boot ?? {} });
  return { ...facts, firmware: { ...facts.firmware, lockdown: nic.lockdown ?? 'none' } };
}

function pci(
  address: string,
  driver: string | null,
  ids: { readonly vendor?: string; readonly device?: string },
  iommuGroup: number | null,
): PciDevice {
  const { vendor = '8086', device = '1521' } = ids;
  const driverOverride = driver === 'vfio-pci' ? driver : null;
  const rest = { iommuGroup, numaNode: 0, bootVga: false };
  return { address, class: '020000', vendor, device, driver, driverOverride, ...rest };
}

function detail(given: Partial<PciDetail>): PciDetail {
  const none = { subsystem: null, revision: null, parent: null, physicalFunction: null, sriov: null, slot: null };
  return { ...none, resets: [], ...given };
}

function net(given: Partial<NetInterface>): NetInterface {
  const none = { name: 'eth0', mac: null, pci: null, usb: null, up: false, carrier: null, master: null, uppers: [] };
  return { ...none, addresses: [], defaultRoute: false, ssh: false, ...given };
}
