import { nearest } from '../nearest.ts';
import { canonicalName } from './kernel-parameter.ts';

/** Parameters of which a misspelling is likely and does harm: the kernel takes unknown ones without a word. */
export const knownParameters: readonly string[] = [
  'intel_iommu',
  'amd_iommu',
  'iommu',
  'iommu.passthrough',
  'vfio_iommu_type1.allow_unsafe_interrupts',
  'vfio-pci.ids',
  'vfio-pci.disable_vga',
  'biosdevname',
  'net.ifnames',
  'hugepages',
  'hugepagesz',
  'default_hugepagesz',
  'modprobe.blacklist',
  'rd.driver.blacklist',
  'rdblacklist',
  'nouveau.modeset',
  'crashkernel',
  'pci',
];

/** The parameter that was probably meant by a name that is none of the known ones; short words are too near to others. */
export function meantParameter(name: string): string | null {
  const known = new Set(knownParameters.map(canonicalName));
  if (name.length < 5 || known.has(canonicalName(name))) return null;
  return nearest(
    name,
    knownParameters.filter((candidate) => candidate.length >= 5),
  );
}
