import type { MachineFilesystem, MachineSettings } from '../machine.ts';
import { isSuse } from './boot-images.ts';
import { enterpriseGrub } from './grub-flavour.ts';
import { modelFolder } from './journal.ts';
import { below, file, type Layout } from './layout.ts';
import { loadableModules, moduleFacts } from './module-table.ts';
import type { Running } from './running.ts';

/** What the stand-in tools need to know of the machine, in a form that `sh` can read. */
export function toolSettings(settings: MachineSettings): Layout {
  const at = (mount: string) => settings.filesystems.find((item) => item.mount === mount);
  const root = at('/');
  const boot = at('/boot') ?? root;
  const esp = at('/boot/efi');
  const enterprise = enterpriseGrub(settings.tools.grub);
  const names: Readonly<Record<string, string>> = {
    LAB_LOADER: settings.boot.loader,
    LAB_FAMILY: family(settings),
    LAB_DISTRIBUTION: settings.distribution.id,
    LAB_MACHINE: settings.architecture,
    LAB_INITRAMFS: settings.initramfs,
    LAB_SYSTEMD: String(settings.tools.systemd),
    LAB_KMOD: String(settings.tools.kmod),
    // Debian's tools name the version of their package, Red Hat's that of GRUB.
    LAB_GRUB_VERSION: enterprise === null ? settings.tools.grub : settings.tools.grub.replace(/-.*/, ''),
    LAB_GRUB_BUILD: String(enterprise?.build ?? ''),
    LAB_EL: String(enterprise?.version ?? ''),
    LAB_GRUB_CONFIG: settings.boot.config,
    LAB_GRUB_FOLDER: settings.initramfs === 'initramfs-tools' ? '/boot/grub' : '/boot/grub2',
    LAB_ROOT_SOURCE: root?.source ?? '',
    LAB_ROOT_UUID: root?.uuid ?? '',
    LAB_BOOT_UUID: boot?.uuid ?? '',
    LAB_BOOT_GRUB: boot?.grub ?? '',
    LAB_BOOT_FS: grubModule(boot),
    LAB_BOOT_SOURCE: boot?.source ?? '',
    LAB_ESP_UUID: esp?.uuid ?? '',
    LAB_ESP_GRUB: esp?.grub ?? '',
    LAB_ESP_SOURCE: esp?.source ?? '',
    LAB_FIRMWARE: settings.firmware.kind,
    LAB_BOOT_PREFIX: at('/boot') === undefined ? '/boot' : '',
    LAB_CPUS: String(settings.cpu.count),
  };
  const lines = Object.entries(names).map(([name, value]) => `${name}='${value.replaceAll("'", "'\\''")}'\n`);
  return below(modelFolder, { 'machine.sh': file(lines.join('')) });
}

/** Whose tools of GRUB they are: they differ in names, paths and what they write. */
function family({ initramfs, distribution }: MachineSettings): 'debian' | 'redhat' | 'suse' {
  if (initramfs === 'initramfs-tools') return 'debian';
  return isSuse(distribution.id) ? 'suse' : 'redhat';
}

function grubModule(filesystem: MachineFilesystem | undefined): string {
  const type = filesystem?.type ?? 'ext2';
  return type.startsWith('ext') ? 'ext2' : type;
}

/**
 * What loading each module of the running kernel would do, a line each with `|` between the fields: name, size, modules that it uses,
 * PCI drivers, parameters, version, message. The stand-in of modprobe reads it.
 */
export function moduleTable({ kernel }: Running): Layout {
  const rows = loadableModules(kernel).map(({ name, size, uses, drivers, parameters, version, log }) => {
    const shown = Object.entries(parameters).map(([parameter, value]) => `${parameter}=${value}`);
    return [name, size, uses.join(','), drivers.join(','), shown.join(','), version ?? '', log ?? ''].join('|');
  });
  const builtin = kernel.builtin.map((name) => `${moduleFacts(kernel, name).name}\n`);
  return below(modelFolder, { modules: file(rows.map((row) => `${row}\n`).join('')), builtin: file(builtin.join('')) });
}
