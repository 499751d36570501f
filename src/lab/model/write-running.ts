import type { Disk } from './disk.ts';
import { partitionNames } from './esp.ts';
import { logLayout, modelFolder } from './journal.ts';
import { below, file, folder, type Layout, merge } from './layout.ts';
import { procLayout } from './proc.ts';
import type { Running } from './running.ts';
import { mappedLayout, udevLayout } from './sys-block.ts';
import { iommuLayout } from './sys-iommu.ts';
import { modulesLayout } from './sys-modules.ts';
import { virtualNetLayout } from './sys-net.ts';
import { pciLayout } from './sys-pci.ts';
import { platformLayout } from './sys-platform.ts';
import { serialLayout } from './sys-serial.ts';
import { vfioLayout } from './sys-vfio.ts';
import { moduleTable } from './tool-settings.ts';
import { rulesOf, udevFiles } from './udev-files.ts';
import { terminalRecords } from './udev-terminals.ts';

/** Folders that the kernel and the service manager fill anew at each boot. */
const volatile = [
  '/proc',
  '/sys',
  '/dev/vfio',
  '/dev/disk',
  '/run/systemd',
  '/run/udev',
  '/run/ostree',
  `${modelFolder}/log`,
];

/** Puts a running machine into its tree. */
export function writeRunning(disk: Disk, running: Running): void {
  const layout = merge([
    procLayout(running),
    pciLayout(running),
    virtualNetLayout(running),
    mappedLayout(running),
    udevLayout(running),
    serialLayout(running),
    iommuLayout(running),
    modulesLayout(running),
    vfioLayout(running),
    platformLayout(running),
    logLayout(running),
    moduleTable(running),
    unitLayout(running),
    ostreeLayout(running),
    partitionNames(disk, running.settings),
  ]);
  const { rules } = rulesOf(udevFiles(disk));
  const noticed = merge([layout, terminalRecords(layout, running.settings, rules, 'add')]);
  for (const path of volatile) disk.prune(path, noticed);
  disk.lay(noticed);
}

/**
 * State of the units that the stand-in of systemctl tells about: a file each in `/run/systemd/lab`, with
 * `ActiveState SubState Result MainStatus`. `/run/systemd/system` says that systemd is there (sd_booted(3)).
 */
function unitLayout({ modules }: Running): Layout {
  const state =
    modules.service === null
      ? 'inactive dead success 0'
      : modules.service.failed
        ? 'failed failed exit-code 1'
        : 'active exited success 0';
  return merge([
    below('/run/systemd', { system: folder() }),
    below('/run/systemd/lab', {
      'systemd-modules-load.service': state,
      'ssh.service': 'active running success 0',
      'sshd.service': 'active running success 0',
      'systemd-journald.service': 'active running success 0',
    }),
  ]);
}

/** What ostree-prepare-root leaves for those who ask how the system was booted. */
function ostreeLayout({ settings }: Running): Layout {
  return settings.boot.loader === 'ostree' ? below('/run', { 'ostree-booted': file('') }) : new Map();
}
