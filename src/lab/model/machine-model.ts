import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { VfleetError } from '../../errors.ts';
import type { Boot, MachineKind, MachineModel, MachineSettings } from '../machine.ts';
import { pciIdsFile } from '../machine-kind.ts';
import { attach } from './attach.ts';
import { initramfsName, printInitramfs } from './boot-images.ts';
import { type Disk, openDisk } from './disk.ts';
import { forgetMounts } from './esp.ts';
import { powerOn } from './firmware.ts';
import { editEnvironment, readEnvironment } from './grub-environment.ts';
import { identityOf } from './identity.ts';
import { modelFolder } from './journal.ts';
import { kindFiles } from './kind-files.ts';
import { below, type Entry, file, folder, type Layout, link, merge } from './layout.ts';
import { loaderToolsLayout } from './loader-tools.ts';
import { kernelLayout } from './module-folder.ts';
import { startKernel } from './start-kernel.ts';
import { blessEntry } from './systemd-boot.ts';
import { toolSettings } from './tool-settings.ts';
import { mergedFoldersLayout, toolboxLayout } from './toolbox.ts';
import { rulesOf, udevFiles } from './udev-files.ts';
import { writeRunning } from './write-running.ts';

/** What makes a node's file tree behave as a machine: installed by `furnish`, started by each `boot`. */
export const machineModel: MachineModel = { furnish, boot };

/**
 * Lays a machine's own files into a tree and boots it once. The kind's `root/` is laid last: it replaces what the model
 * would make. Errors: `lab.furnish` when the kind does not boot.
 */
async function furnish(root: string, kind: MachineKind, name: string): Promise<void> {
  const disk = openDisk(root);
  disk.lay(mergedFoldersLayout(disk));
  disk.lay(
    merge([
      baseFiles(kind, name),
      ...kind.settings.kernels.map((kernel) => kernelLayout(kind.settings, kernel)),
      initramfsLayout(kind),
      await toolboxLayout(kind.settings),
      await loaderToolsLayout(kind.settings),
      toolSettings(kind.settings),
      await kindFiles(kind),
    ]),
  );
  disk.lay(new Map([['/usr/share/misc/pci.ids', file(await readFile(pciIdsFile))]]));
  const booted = await boot(root, kind);
  if (booted.kind === 'dead') {
    throw new VfleetError({
      code: 'lab.furnish',
      thing: `machine kind ${kind.folder}`,
      expected: 'files in root/ with which it boots, its generated boot configuration among them',
      found: booted.reason,
      next: `generate ${kind.settings.boot.config} anew, and compare machine.json with it`,
    });
  }
  // What the boot loader has used up, such as an entry that is to be booted once, is still before it when the node starts.
  disk.lay(await kindFiles(kind));
}

/** Powers the tree on. A dead machine's `/proc` and `/sys` are left as they were: nobody can look at them. */
async function boot(root: string, kind: MachineKind): Promise<Boot> {
  const disk = openDisk(root);
  const start = powerOn(disk, kind.settings);
  if (start.kind === 'dead') return start;
  forgetMounts(disk, kind.settings);
  const hostname = disk.read('/etc/hostname')?.trim() || 'localhost';
  const identity = identityOf(disk.read(`${modelFolder}/name`)?.trim() ?? hostname);
  const running = startKernel({
    disk,
    settings: kind.settings,
    start,
    hostname,
    identity,
    bootId: randomUUID(),
    booted: new Date(),
  });
  const [unknown] = rulesOf([...udevFiles(disk), ...start.initramfs.rules]).unknown;
  if (unknown !== undefined)
    return { kind: 'dead', reason: `the lab does not understand this rule of udev's: ${unknown}` };
  writeRunning(disk, running);
  forgetFailure(disk);
  if (start.counted !== null) blessEntry(disk, start.counted);
  return { kind: 'up', bootId: running.bootId, attach: (cell) => attach(cell, running) };
}

function baseFiles({ name: kindName, settings }: MachineKind, name: string): Layout {
  const { distribution, filesystems } = settings;
  const fstab = filesystems.map(
    ({ uuid, mount, type }) => `UUID=${uuid} ${mount} ${type} defaults 0 ${mount === '/' ? 1 : 2}\n`,
  );
  return merge([
    below(modelFolder, { kind: kindName, name }),
    // Debian's grub2-common has it since 2.12, as was seen on the virtual nodes.
    settings.boot.loader === 'update-grub' && settings.tools.grub.startsWith('2.12')
      ? new Map([['/etc/default/grub.d', folder()]])
      : new Map(),
    below('/etc', {
      hostname: name,
      hosts: file(`127.0.0.1 localhost\n127.0.1.1 ${name}\n`),
      'machine-id': identityOf(name).machineId,
      fstab: file(fstab.join('')),
      'os-release': link('../usr/lib/os-release'),
      'modprobe.d': folder(),
      'modules-load.d': folder(),
      'systemd/system': folder(),
    }),
    below('/usr/lib', {
      'os-release': file(
        `PRETTY_NAME="${distribution.prettyName}"\nID="${distribution.id}"\nID_LIKE="${distribution.idLike.join(' ')}"\nVERSION_ID="${distribution.versionId}"\n`,
      ),
      'modules-load.d': folder(),
      'modprobe.d': folder(),
      'systemd/systemd': file('', 0o755),
    }),
    below('/usr/sbin', { init: link('../lib/systemd/systemd') }),
    grubFolder(settings),
  ]);
}

/** Debian's GRUB has another name for its folder than Red Hat's; systemd-boot needs none. */
function grubFolder({ boot, initramfs }: MachineSettings): Layout {
  if (boot.loader === 'systemd-boot') return new Map();
  return below('/boot', { [initramfs === 'initramfs-tools' ? 'grub' : 'grub2']: folder() });
}

/** As the kernel packages' own scripts make them, with no local configuration. */
function initramfsLayout({ settings }: MachineKind): Layout {
  const ostree = settings.boot.loader === 'ostree';
  const images = settings.kernels.map(({ release }): [string, Entry] => [
    ostree ? `/usr/lib/modules/${release}/initramfs.img` : `/boot/${initramfsName(settings, release)}`,
    file(printInitramfs({ release, load: [], add: [], rules: [], modprobe: [] }), 0o600),
  ]);
  return new Map(images);
}

/** grub-common.service of Ubuntu: a boot that came this far did not fail. */
function forgetFailure(disk: Disk): void {
  const path = '/boot/grub/grubenv';
  const text = disk.read(path);
  if (text === null || !readEnvironment(text)?.has('recordfail')) return;
  disk.overwrite(path, editEnvironment(text, 'recordfail', null) ?? text);
}
