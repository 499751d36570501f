import type { Facts } from '../facts/facts.ts';
import type { ArgumentValue } from './argument-value.ts';

/**
 * Kernel arguments that turn the IOMMU on and let devices of the host pass it by, by the firmware's table, not by the name of
 * the CPU. An AMD IOMMU is on by default: `amd_iommu=on` is no option (`parse_amd_iommu_options` in drivers/iommu/amd/init.c).
 *
 * @example
 * kernelArguments(iommuArguments(host.facts))
 */
export function iommuArguments({ iommu }: Facts): Readonly<Record<string, ArgumentValue>> {
  return {
    ...(iommu.firmware === 'DMAR' && { intel_iommu: 'on' }),
    ...(iommu.firmware === 'IORT' ? { 'iommu.passthrough': '1' } : { iommu: 'pt' }),
  };
}
