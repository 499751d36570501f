import type { MachineKernel, MachineSettings } from '../machine.ts';
import { type Initramfs, readInitramfs, readKernelImage } from './boot-images.ts';
import { type CommandLine, readCommandLine, valueOf } from './command-line.ts';
import type { Disk } from './disk.ts';
import { type EfiVariables, storedVariables } from './efi-variables.ts';
import { systemPartitionId, systemPartitions } from './esp.ts';
import { runGrub } from './grub.ts';
import { grubFiles } from './grub-files.ts';
import { grubFlavour } from './grub-flavour.ts';
import type { LoaderEnd } from './loader-end.ts';
import { runSystemdBoot } from './systemd-boot.ts';

/** What the firmware and the boot loader come to: a kernel with its command line and initramfs, or a dead machine. */
export type Start =
  | {
      readonly kind: 'kernel';
      readonly kernel: MachineKernel;
      readonly line: CommandLine;
      readonly initramfs: Initramfs;
      /** What the boot loader tells the system, and the entry that waits for word that the boot was good. */
      readonly variables: EfiVariables;
      readonly counted: string | null;
    }
  | { readonly kind: 'dead'; readonly reason: string };

/** From power-on to the mounted root file system. Only the generated boot configuration and the images are read. */
export function powerOn(disk: Disk, settings: MachineSettings): Start {
  const end = loadKernel(disk, settings);
  if (end.kind === 'stuck') return dead(end.reason);
  const { variables, counted } = end;
  const release = readKernelImage(disk.read(end.path) ?? '');
  if (release === null) return dead(`invalid magic number in ${end.path}`);
  const kernel = settings.kernels.find((item) => item.release === release);
  if (kernel === undefined) return dead(`the kernel ${release} is none that this machine kind knows`);
  const line = readCommandLine(end.commandLine);
  const images = end.initrds.map((path) => readInitramfs(disk.read(path) ?? ''));
  const initramfs = images.find((image) => image !== null && image.release === release);
  const reason = initramfs == null ? noInitramfs(images, release) : findRoot(disk, settings, line);
  if (initramfs == null || reason !== null) return dead(reason ?? 'no initramfs');
  const silent = silentMode(disk, line);
  return silent === null ? { kind: 'kernel', kernel, line, initramfs, variables, counted } : dead(silent);
}

function loadKernel(disk: Disk, settings: MachineSettings): LoaderEnd {
  const { loader } = settings.boot;
  if (loader === 'systemd-boot' || loader === 'proxmox-boot-tool') return trySystemPartitions(disk, settings);
  const files = grubFiles(disk, settings.filesystems);
  const platform = settings.firmware.kind === 'uefi' ? 'efi' : 'pc';
  const end = runGrub(files, settings.boot.first, platform, grubFlavour(settings.tools.grub));
  if (end.kind === 'stuck') return end;
  const { path, commandLine } = end.kernel;
  return { kind: 'kernel', path, commandLine, initrds: end.initrds, variables: new Map(), counted: null };
}

/** The firmware goes on to the next one when a boot loader ends without having started a kernel (UEFI, "Boot Manager"). */
function trySystemPartitions(disk: Disk, settings: MachineSettings): LoaderEnd {
  const reasons: string[] = [];
  for (const partition of systemPartitions(settings)) {
    const end = runSystemdBoot(disk, partition, storedVariables(disk));
    const id = systemPartitionId(settings, partition);
    if (end.kind === 'kernel')
      return {
        ...end,
        variables: new Map([...end.variables, ...(id === null ? [] : [['LoaderDevicePartUUID', id] as const])]),
      };
    reasons.push(end.reason);
  }
  return { kind: 'stuck', reason: reasons.join('; ') };
}

function dead(reason: string): Start {
  return { kind: 'dead', reason };
}

/** These distributions need theirs: drivers of disks and file systems are modules. */
function noInitramfs(images: readonly (Initramfs | null)[], release: string): string {
  const found = images.find((image) => image !== null);
  if (found != null) return `the initramfs is that of ${found.release}, its modules do not fit the kernel ${release}`;
  return 'Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)';
}

/**
 * Whether the initramfs finds the root file system: by UUID, or by its device (kernel-command-line(7), dracut.cmdline(7)).
 * With `rd.lvm.lv=` only the volumes named are activated.
 */
function findRoot(disk: Disk, settings: MachineSettings, line: CommandLine): string | null {
  const root = settings.filesystems.find(({ mount }) => mount === '/');
  const asked = valueOf(line, 'root');
  const names =
    root === undefined
      ? []
      : [`UUID=${root.uuid}`, `/dev/disk/by-uuid/${root.uuid}`, root.source, `ZFS=${root.source}`];
  if (asked === null || !names.includes(asked)) return `the initramfs gives up: root=${asked ?? ''} is not there`;
  const deployment = valueOf(line, 'ostree');
  if (settings.boot.loader === 'ostree' && (deployment === null || !disk.isFolder(deployment)))
    return `ostree-prepare-root: Couldn't find specified OSTree root '${deployment ?? ''}'`;
  const words = new Set(line.text.split(/\s+/));
  const missing = settings.rootNeeds.find((need) => !words.has(need));
  return missing === undefined ? null : `the initramfs gives up waiting for the root device: ${missing} is missing`;
}

const silentWords = new Set(['single', 's', 'S', '1', 'rescue', 'emergency', 'rd.break', '-b']);

/** Ways to come up without a network: systemd(1) "Kernel Command Line", and another program as init. */
function silentMode(disk: Disk, line: CommandLine): string | null {
  const word = line.arguments.find(([name, value]) => value === null && silentWords.has(name))?.[0];
  if (word !== undefined) return `the machine waits in its rescue mode (${word})`;
  const unit = valueOf(line, 'systemd.unit');
  if (unit === 'rescue.target' || unit === 'emergency.target') return `the machine waits in ${unit}`;
  const init = valueOf(line, 'init');
  const shell = init !== null && !/systemd|\/sbin\/init$/.test(init) && disk.size(init) !== null;
  return shell ? `${init} runs as init, and nothing else` : null;
}
