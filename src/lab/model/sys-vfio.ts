import { below, file, type Layout, link, merge } from './layout.ts';
import type { Running } from './running.ts';

/** `/dev/vfio/GROUP` for each group that vfio-pci has a device of (Documentation/driver-api/vfio.rst), a plain file here. */
export function vfioLayout({ settings, iommu, modules }: Running): Layout {
  if (!iommu.on) return new Map();
  const held = settings.pci.filter(({ address, group }) => group !== null && modules.bound.get(address) === 'vfio-pci');
  const groups = [...new Set(held.map(({ group }) => String(group)))];
  return merge(
    groups.map((group, index) =>
      merge([
        below('/dev/vfio', { [group]: file('', 0o600) }),
        below(`/sys/devices/virtual/vfio/${group}`, { dev: `237:${index}` }),
        below('/sys/class/vfio', { [group]: link(`../../devices/virtual/vfio/${group}`) }),
      ]),
    ),
  );
}
