import { VfleetError } from '../errors.ts';
import type { Facts } from '../facts/facts.ts';
import { domainFinding, type Finding, unread } from './agent-finding.ts';

/** It writes as many functions as the NIC can have, over whatever number there is, which the kernel refuses but of 0. */
export function agentNicFindings({ hardware, pci }: Facts, names: readonly string[]): readonly Finding[] {
  if (hardware === null) return names.length === 0 ? [] : [unread('interfaces')];
  return names.flatMap((name): readonly Finding[] => {
    const own = hardware.net.filter((net) => (net.name === name || net.master === name) && net.pci !== null);
    if (own.length === 0) {
      return [
        {
          found: `it finds no NIC ${name}`,
          remedy: 'correct the names (sriovNics, or sriov_nics in /etc/yunion/host.conf)',
        },
      ];
    }
    return own.flatMap(({ pci: address }) => {
      const device = pci.find((one) => one.address === address);
      const sriov = address === null ? null : (hardware.pci[address]?.sriov ?? null);
      if (device === undefined) return [];
      if (sriov === null) {
        return [
          {
            found: `${device.address} (${name}) has no virtual functions to give`,
            remedy: 'turn SR-IOV on in the BIOS or its firmware',
          },
        ];
      }
      const { active, total } = sriov;
      const busy = active !== 0 && active !== total;
      return [
        ...domainFinding(device),
        busy
          ? {
              found: `it would fail to make ${total} functions of ${device.address} (${name}), which has ${active}: EBUSY`,
              remedy: `take them away first: vfleet undo of what makes them, or echo 0 >/sys/bus/pci/devices/${device.address}/sriov_numvfs`,
            }
          : { found: `it would make all ${total} functions of ${device.address} (${name})` },
      ];
    });
  });
}

/** Refuses names of NICs that the agent could not take. Errors: `device.sriov`, `device.unknown`. */
export function requireAgentNics(facts: Facts, names: readonly string[], host: string): void {
  const bad = agentNicFindings(facts, names).filter((one): one is Required<Finding> => one.remedy !== undefined);
  if (bad.length === 0) return;
  throw new VfleetError({
    code: facts.hardware === null ? 'device.unknown' : 'device.sriov',
    host,
    thing: `NICs ${names.join(', ')}`,
    expected: 'those that the Cloudpods host agent can make virtual functions of',
    found: bad.map(({ found }) => found).join('; '),
    next: `${[...new Set(bad.map(({ remedy }) => remedy))].join('; ')}; nothing was changed`,
  });
}
