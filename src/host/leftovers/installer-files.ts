/** The text of short files that the Cloudpods installer writes (ocboot at f70e31bb, role `utils/gpu-init`), by path. */
const texts: Readonly<Record<string, readonly string[]>> = {
  '/etc/modprobe.d/vfio.conf': ['install vfio-pci /usr/bin/vfio-pci-override.sh'],
  '/etc/modprobe.d/blacklist-gpu.conf': ['blacklist nouveau', 'blacklist nvidia', 'blacklist nvidia_drm'],
  '/etc/modprobe.d/kvm.conf': ['options kvm ignore_msrs=1'],
  '/etc/dracut.conf.d/vfio.conf': ['add_drivers+=" vfio vfio_iommu_type1 vfio_pci"'],
};

export const overrideScript = '/usr/bin/vfio-pci-override.sh';
export const reserveScript = '/usr/lib/systemd/oc-hugetlb-reserve-pages.sh';
export const hugepageUnit = '/usr/lib/systemd/system/oc-hugetlb-gigantic-pages.service';
/** The link by which `systemctl enable` has the unit started. */
export const hugepageLink = '/etc/systemd/system/sysinit.target.wants/oc-hugetlb-gigantic-pages.service';

const unit: readonly RegExp[] = [
  /^ConditionKernelCommandLine=hugepagesz=1G$/,
  /^ExecStart=\/usr\/lib\/systemd\/oc-hugetlb-reserve-pages\.sh$/,
];

/** What its longer files are known by, of whatever version (roles `utils/gpu-init` and `utils/kernel-check`). */
const marks: Readonly<Record<string, readonly RegExp[]>> = {
  [overrideScript]: [/\bdriver_override\b/, /0x030000\b/, /0x030200\b/, /^modprobe -i vfio-pci$/],
  [reserveScript]: [/\bhugepages_option\b/, /\bhugepages-1048576kB\b/, /\bnr_hugepages\b/],
  [hugepageUnit]: unit,
  [hugepageLink]: unit,
};

/** Paths at which the installer writes. */
export const installerPaths: readonly string[] = [...Object.keys(texts), ...Object.keys(marks)];

/** Whether a file, given by its lines, is as the installer writes it, so that nothing of anybody else's is in it. */
export function isInstallers(path: string, lines: readonly string[]): boolean {
  const text = texts[path];
  if (text !== undefined) return lines.length === text.length && text.every((line, index) => line === lines[index]);
  return marks[path]?.every((mark) => lines.some((line) => mark.test(line))) ?? false;
}
