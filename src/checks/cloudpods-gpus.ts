import { domainFinding, type Finding } from '../devices/agent-finding.ts';
import type { Facts, PciDevice } from '../facts/facts.ts';

/**
 * GPUs as the agent finds them: displays but the boot one, 3D controllers, and `0380` of NVIDIA and AMD. It binds those of the
 * first two classes itself, with members of the group that are of the same vendor.
 */
export function gpuFindings(facts: Facts): readonly Finding[] {
  const gpus = facts.pci.filter(isGpu);
  if (gpus.length === 0) return [];
  const all = gpus.map(({ address }) => address).join(', ');
  return [
    { found: `it would take the GPUs ${all}` },
    ...argumentFindings(facts),
    ...gpus.flatMap((gpu) => [...domainFinding(gpu), ...driverFindings(gpu), ...groupFindings(facts, gpu)]),
  ];
}

function isGpu({ class: code, vendor, bootVga }: PciDevice): boolean {
  if (code.startsWith('0300')) return !bootVga;
  return code.startsWith('0302') || (code.startsWith('0380') && ['10de', '1002'].includes(vendor));
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
