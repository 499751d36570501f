import { agentConf, agentConfPath } from '../devices/agent-conf.ts';
import { domainFinding, type Finding, unread } from '../devices/agent-finding.ts';
import { obstaclesOf } from '../devices/obstacles.ts';
import { obstacleText } from '../devices/require-free.ts';
import { devicesOf, unitsOf } from '../devices/select.ts';
import type { Unit } from '../devices/selection.ts';
import type { Facts, PciDevice } from '../facts/facts.ts';

/**
 * Custom devices: all of an id are taken from whatever driver they have, GPUs excepted, and nobody asks what they are for.
 * `units`: what the inventory names, where it names any, with what is allowed of it.
 */
export function customFindings(
  facts: Facts,
  ids: readonly string[],
  host: string,
  units: readonly Unit[] = [],
): readonly Finding[] {
  if (ids.length > 0 && agentConf(facts).disableCustomDevice) {
    const found = `it takes no custom devices: disable_custom_device is set in ${agentConfPath}`;
    return [{ found, remedy: 'set disable_custom_device: false, and restart the agent' }];
  }
  const named = units.flatMap(devicesOf).map(({ address }) => address);
  return ids.flatMap((id): readonly Finding[] => {
    const devices = facts.pci.filter((one) => isOf(one, id));
    if (devices.length === 0) return [{ found: `it finds no device ${id} on ${host}` }];
    const all = devices.map(({ address, driver }) => `${address} (${driver ?? 'no driver'})`).join(', ');
    const others = devices.map(({ address }) => address).filter((address) => !named.includes(address));
    const more = named.length > 0 && others.length > 0 ? `; not named here: ${others.join(', ')}` : '';
    return [
      { found: `it would take every device ${id}: ${all}${more}` },
      ...devices.flatMap((device) => [...domainFinding(device), ...harmOf(facts, device, units)]),
    ];
  });
}

function isOf({ vendor, device, class: code }: PciDevice, id: string): boolean {
  return `${vendor}:${device}` === id.toLowerCase() && !/^030[02]/.test(code);
}

function harmOf(facts: Facts, device: PciDevice, units: readonly Unit[]): readonly Finding[] {
  if (device.driver === 'vfio-pci') return [];
  const allow = units.find((unit) => devicesOf(unit).includes(device))?.allow ?? [];
  const [unit] = unitsOf(facts, new Map([[device, allow]]));
  const obstacles = unit === undefined ? [] : obstaclesOf(facts, { ...unit, mates: [] });
  const [first] = obstacles;
  if (first === undefined) return [];
  const found = `it would take ${device.address} though the host needs it: ${obstacles.map(obstacleText).join(', ')}`;
  return [{ found, remedy: 'name no model of these ids for this host: the agent cannot be told of an address' }];
}

/** By default it goes by ids alone, whatever the port. */
export function usbFindings({ hardware }: Facts, ids: readonly string[]): readonly Finding[] {
  if (hardware === null) return ids.length === 0 ? [] : [unread('USB devices')];
  return [...new Set(ids)].flatMap((id): readonly Finding[] => {
    const ports = hardware.usb.filter(({ vendor, product }) => `${vendor}:${product}` === id.toLowerCase());
    if (ports.length < 2) return [{ found: `it finds ${ports.length === 0 ? 'no' : 'one'} USB device ${id}` }];
    const found = `it cannot tell the USB devices ${id} at ${ports.map(({ port }) => port).join(', ')} apart`;
    return [{ found, remedy: 'plug in one of a kind, or pass the whole controller as a custom PCI device' }];
  });
}

const gib = 1024 * 1024;

/** With `native` it ends where no page of 1 GiB is reserved ("hugepage 1024 nr 0"). */
export function hugepageFindings({ memory, cpu, architecture }: Facts, option: string | undefined): readonly Finding[] {
  if (option !== 'native') return [];
  if (architecture === 'x86_64' && !cpu.flags.includes('pdpe1gb')) {
    const found = 'it would end with hugepages_option: native, as the processor has no pages of 1 GiB';
    return [{ found, remedy: 'set hugepages_option: transparent' }];
  }
  const pages = memory.hugepages.find(({ sizeKiB, node }) => sizeKiB === gib && node === null)?.total ?? 0;
  if (pages > 0) return [{ found: `it would give guests ${pages} pages of 1 GiB` }];
  const found = 'it would end with hugepages_option: native, as no page of 1 GiB is reserved';
  return [{ found, remedy: 'reserve some at boot (the playbook hugepages), or set hugepages_option: transparent' }];
}
