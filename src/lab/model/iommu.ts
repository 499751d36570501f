import type { MachineKernel, MachineSettings } from '../machine.ts';
import { type CommandLine, valueOf, valuesOf } from './command-line.ts';

/** What became of the IOMMU at this boot. */
export interface Iommu {
  /** Translation is on: there are units and groups. */
  readonly on: boolean;
  /** Names in `/sys/class/iommu`. */
  readonly units: readonly string[];
  /** Interrupt remapping, which is on without translation too. */
  readonly remapping: boolean;
  readonly domain: 'dma' | 'dma-lazy' | 'passthrough';
  /** The domain type was said on the command line. */
  readonly domainByArgument: boolean;
}

/**
 * Whether the kernel turns the IOMMU on. Intel: `intel_iommu_setup()` of drivers/iommu/intel/iommu.c and the kernel's
 * own default; AMD: on wherever there is an `IVRS` table (`amd_iommu_detect()` of drivers/iommu/amd/init.c); both: the
 * words of `iommu=` (`iommu_setup()` of arch/x86/kernel/pci-dma.c).
 */
export function decideIommu(settings: MachineSettings, kernel: MachineKernel, line: CommandLine): Iommu {
  const common = valuesOf(line, 'iommu').flatMap((value) => value.split(','));
  const off = common.includes('off');
  const { iommuTable, interruptRemapping } = settings.firmware;
  const { domain, byArgument } = decideDomain(kernel, line, common);
  const answer = (on: boolean, units: readonly string[], remapping: boolean): Iommu => ({
    on,
    units: on ? units : [],
    remapping: remapping && interruptRemapping && valueOf(line, 'intremap') !== 'off',
    domain,
    domainByArgument: byArgument,
  });
  if (iommuTable === 'DMAR') return answer(intelWanted(kernel, line) && !off, unitNames('dmar', settings), !off);
  if (iommuTable === 'IVRS') {
    const on = !off && !valuesOf(line, 'amd_iommu').includes('off');
    return answer(on, unitNames('ivhd', settings), on);
  }
  return answer(false, [], false);
}

/** The words are taken in order, so that the last of `on` and `off` counts. */
function intelWanted(kernel: MachineKernel, line: CommandLine): boolean {
  return valuesOf(line, 'intel_iommu')
    .flatMap((value) => value.split(','))
    .reduce((on, word) => (word === 'on' ? true : word === 'off' ? false : on), kernel.intelIommuDefaultOn);
}

/** `iommu=pt`, `iommu=nopt`, `iommu.passthrough=`: `iommu_set_def_domain_type()` of drivers/iommu/iommu.c. */
function decideDomain(
  kernel: MachineKernel,
  line: CommandLine,
  common: readonly string[],
): { domain: Iommu['domain']; byArgument: boolean } {
  const translated = kernel.defaultDomain === 'passthrough' ? 'dma' : kernel.defaultDomain;
  const generic = valueOf(line, 'iommu.passthrough');
  if (generic !== null) return { domain: /^[1yY]/.test(generic) ? 'passthrough' : translated, byArgument: true };
  const word = common.findLast((item) => item === 'pt' || item === 'nopt');
  if (word !== undefined) return { domain: word === 'pt' ? 'passthrough' : translated, byArgument: true };
  return { domain: kernel.defaultDomain, byArgument: false };
}

/** AMD has one unit for each IOMMU function (class 0806) on the bus; Intel's are not on the bus: one for each node. */
function unitNames(prefix: 'dmar' | 'ivhd', settings: MachineSettings): readonly string[] {
  const functions = settings.pci.filter((device) => device.class.startsWith('0806')).length;
  const count = prefix === 'ivhd' ? Math.max(1, functions) : settings.numaNodes;
  return Array.from({ length: count }, (_, index) => `${prefix}${index}`);
}
