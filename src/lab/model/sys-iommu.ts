import { below, folder, type Layout, link, merge, relativeTarget } from './layout.ts';
import { pciPath } from './pci-paths.ts';
import { atLeast } from './release.ts';
import type { Running } from './running.ts';

/**
 * `/sys/class/iommu` and `/sys/kernel/iommu_groups`. Both folders are there on every machine; without translation they
 * are empty (`iommu_device_sysfs_add()` of drivers/iommu/iommu-sysfs.c is called for a unit in use only).
 */
export function iommuLayout(running: Running): Layout {
  const { iommu } = running;
  const empty = merge([below('/sys/class', { iommu: folder() }), below('/sys/kernel', { iommu_groups: folder() })]);
  if (!iommu.on) return empty;
  return merge([empty, ...iommu.units.map((unit, index) => unitLayout(running, unit, index)), groupLayout(running)]);
}

function unitLayout({ settings }: Running, unit: string, index: number): Layout {
  const functions = settings.pci.filter((device) => device.class.startsWith('0806'));
  const owner = functions[index];
  const amd = settings.firmware.iommuTable === 'IVRS' && owner !== undefined;
  const at = amd ? `${pciPath(settings.pci, owner.address)}/iommu/${unit}` : `/sys/devices/virtual/iommu/${unit}`;
  const details = amd
    ? below(`${at}/amd-iommu`, { cap: '40', features: '58f77ef22294ade' })
    : below(`${at}/intel-iommu`, { address: 'fbffc000', cap: 'd2078c106f0466', ecap: 'f020df', version: '1:0' });
  return merge([
    details,
    below(at, { devices: folder(), subsystem: link(relativeTarget(`${at}/x`, '/sys/class/iommu')) }),
    below('/sys/class/iommu', { [unit]: link(relativeTarget('/sys/class/iommu/x', at)) }),
  ]);
}

function groupLayout({ settings, iommu, kernel }: Running): Layout {
  const queued = atLeast(kernel.release, 5, 15) && !settings.firmware.virtualIommu;
  const type = { passthrough: 'identity', dma: 'DMA', 'dma-lazy': queued ? 'DMA-FQ' : 'DMA' }[iommu.domain];
  return merge(
    settings.pci.flatMap(({ address, group }) => {
      if (group === null) return [];
      const at = `/sys/kernel/iommu_groups/${group}`;
      const target = relativeTarget(`${at}/devices/x`, pciPath(settings.pci, address));
      return [
        below(`${at}/devices`, { [address]: link(target) }),
        below(at, {
          reserved_regions: '0x00000000fee00000 0x00000000feefffff msi',
          // Since 4.11 (Documentation/ABI/testing/sysfs-kernel-iommu_groups).
          type: atLeast(kernel.release, 4, 11) ? type : undefined,
        }),
      ];
    }),
  );
}
