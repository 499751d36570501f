import type { MachineSettings } from '../machine.ts';
import type { UdevFile } from './udev-files.ts';

/**
 * What stands in for the binary images in `/boot`: short texts with the facts that matter. The stand-ins of
 * `update-initramfs` and `dracut` write the same form (`src/lab/tools/write-initramfs`).
 */
const kernelMark = 'vfleet lab kernel image';
const initramfsMark = 'vfleet lab initramfs';

/** Text of `/boot/vmlinuz-RELEASE`. */
export function printKernelImage(release: string): string {
  return `${kernelMark}\n${release}\n`;
}

/** Release of a kernel image; `null`: this is no kernel (a real one lacks its magic number then). */
export function readKernelImage(text: string): string | null {
  const [mark, release] = text.split('\n');
  return mark === kernelMark && release !== undefined && release !== '' ? release : null;
}

/** What an initramfs carries. */
export interface Initramfs {
  readonly release: string;
  /** Modules that it loads by itself, whatever hardware there is. */
  readonly load: readonly string[];
  /** Modules that it carries, to be loaded for a device. */
  readonly add: readonly string[];
  /** Its copies of files with rules of udev. */
  readonly rules: readonly UdevFile[];
  /** Its copy of modprobe.d, one configuration line each. */
  readonly modprobe: readonly string[];
}

export function printInitramfs({ release, load, add, rules, modprobe }: Initramfs): string {
  const lines = [
    initramfsMark,
    release,
    ...load.map((name) => `load ${name}`),
    ...add.map((name) => `add ${name}`),
    ...rules.flatMap(({ name, text }) => text.split('\n').map((line) => `udev ${name} ${line}`)),
    ...modprobe.map((line) => `modprobe ${line}`),
  ];
  return `${lines.join('\n')}\n`;
}

/** Reads an initramfs; `null`: it cannot be unpacked. */
export function readInitramfs(text: string): Initramfs | null {
  const [mark, release, ...lines] = text.split('\n');
  if (mark !== initramfsMark || release === undefined || release === '' || !text.endsWith('\n')) return null;
  const after = (word: string) =>
    lines.filter((line) => line.startsWith(`${word} `)).map((line) => line.slice(word.length + 1));
  return {
    release,
    load: after('load'),
    add: after('add'),
    rules: filesIn(after('udev')),
    modprobe: after('modprobe'),
  };
}

/** Each line begins with the name of the file that it is of. */
function filesIn(lines: readonly string[]): readonly UdevFile[] {
  const texts = new Map<string, string>();
  for (const line of lines) {
    const [, name = '', text = ''] = /^(\S+) ?(.*)$/.exec(line) ?? [];
    texts.set(name, `${texts.get(name) ?? ''}${text}\n`);
  }
  return [...texts].map(([name, text]) => ({ name, text }));
}

/** Name of the initramfs of a release in `/boot`: each distribution has its own. */
export function initramfsName({ initramfs, distribution }: MachineSettings, release: string): string {
  if (initramfs === 'initramfs-tools') return `initrd.img-${release}`;
  return isSuse(distribution.id) ? `initrd-${release}` : `initramfs-${release}.img`;
}

/** SLES, openSUSE and what comes from them (os-release(5)). */
export function isSuse(id: string): boolean {
  return /^(?:sle|opensuse)/.test(id);
}
