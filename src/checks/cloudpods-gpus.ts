import { agentConf, agentConfPath } from '../devices/agent-conf.ts';
import { domainFinding, type Finding } from '../devices/agent-finding.ts';
import { agentGpuObstacles, agentGpus } from '../devices/agent-gpus.ts';
import type { DeviceSelector } from '../devices/selector.ts';
import type { Facts, PciDevice } from '../facts/facts.ts';

/**
 * What the agent would do with the GPUs of a host: it binds displays and 3D controllers itself, with members of the group that are
 * of the same vendor. `selectors`: with what is allowed of them.
 */
export function gpuFindings(facts: Facts, selectors: readonly DeviceSelector[]): readonly Finding[] {
  if (agentConf(facts).disableGpu) {
    const found = `it takes no GPUs: disable_gpu is set in ${agentConfPath}`;
    return [{ found, remedy: 'set disable_gpu: false, and restart the agent' }];
  }
  const gpus = agentGpus(facts);
  if (gpus.length === 0) return [];
  const all = gpus.map(({ address }) => address).join(', ');
  const needed = agentGpuObstacles(facts, selectors).filter(({ kind }) => kind !== 'unknown');
  return [
    { found: `it would take the GPUs ${all}` },
    ...argumentFindings(facts),
    ...needed.map((one) => ({
      found: `it would take ${one.device} though the host needs it: ${one.reason}`,
      remedy: one.remedy,
    })),
    ...gpus.flatMap((gpu) => [...domainFinding(gpu), ...driverFindings(gpu), ...groupFindings(facts, gpu)]),
  ];
}

/** The line is split at blanks, and each word must stand there exactly: `intel_iommu=on,sm_on` is none. */
function argumentFindings({ boot, cpu }: Facts): readonly Finding[] {
  const words = boot.running.split(' ');
  const wanted = [
    ['vfio_iommu_type1.allow_unsafe_interrupts=1'],
    ...(cpu.vendor === 'intel' ? [['intel_iommu=on']] : []),
    ['nouveau.modeset=0'],
    ['rdblacklist=nouveau', 'rd.driver.blacklist=nouveau'],
  ];
  const missing = wanted.filter((either) => !either.some((word) => words.includes(word)));
  if (missing.length === 0) return [];
  const list = missing.map((either) => either.join(' or ')).join(', ');
  return [
    {
      found: `it would report the host as not prepared for GPUs: /proc/cmdline lacks ${list}`,
      remedy: 'apply the GPU playbook with consumer: cloudpods, and reboot; it looks for these words exactly',
    },
  ];
}

function driverFindings({ address, class: code, driver }: PciDevice): readonly Finding[] {
  if (driver === null || driver === 'vfio-pci') return [];
  if (code.startsWith('0380')) {
    const found = `it would skip ${address}, held by ${driver}: it binds no devices of class 0380 itself`;
    return [{ found, remedy: `bind it before: driverctl set-override ${address} vfio-pci` }];
  }
  if (!/^nvidia/.test(driver)) return [{ found: `it would take ${address} from ${driver}` }];
  return [
    {
      found: `it would find ${address} in the hands of ${driver}, which may not let it go`,
      remedy: 'remove the driver from the host',
    },
  ];
}

/** Members of another vendor stay where they are, and the group is not viable. */
function groupFindings({ pci }: Facts, gpu: PciDevice): readonly Finding[] {
  if (gpu.iommuGroup === null) return [];
  const left = pci.filter(
    ({ iommuGroup, vendor, class: code, driver }) =>
      iommuGroup === gpu.iommuGroup &&
      vendor !== gpu.vendor &&
      !code.startsWith('06') &&
      driver !== null &&
      driver !== 'vfio-pci' &&
      driver !== 'pci-stub',
  );
  if (left.length === 0) return [];
  const list = left.map(({ address, driver }) => `${address} (${driver})`).join(', ');
  return [
    {
      found: `it would leave ${list} of group ${gpu.iommuGroup} on the host, so that no guest with ${gpu.address} starts`,
      remedy: 'bind them to vfio-pci before, use another slot, or turn ACS on in the BIOS',
    },
  ];
}
