import { refuseUnknownInitramfs } from '../boot/initramfs.ts';
import type { Facts } from '../facts/facts.ts';
import { moduleState } from '../facts/modules.ts';
import type { FileWish } from './file-set.ts';

/** What an initramfs is to carry beside what its generator finds by itself. */
export interface InitramfsContent {
  /** A word of letters, digits, `_` and `-`: a part of names of files. */
  readonly name: string;
  /** For whoever reads the file: `the binding of PCI devices (gpu)`. */
  readonly what: string;
  readonly modules: readonly string[];
  /** Absolute paths, copied to the same place. */
  readonly files: readonly string[];
}

/**
 * The file that tells the generator of the host's initramfs: `install_items` and `add_drivers` of dracut.conf(5), or a hook of
 * initramfs-tools(7). Modules are added, not loaded: udev loads what a device asks for. A module that is built in need not be
 * named. Errors: `initramfs.unsupported`.
 */
export function initramfsFile(facts: Facts, { name, what, modules, files }: InitramfsContent): FileWish {
  refuseUnknownInitramfs(facts);
  const loadable = modules.filter((module) => moduleState(facts, module).next !== 'builtin');
  const data = { what, modules: loadable, files };
  return facts.boot.initramfs === 'dracut'
    ? { path: dracutPath(name), content: { template: 'initramfs-dracut.conf.hbs', data } }
    : { path: hookPath(name), content: { template: 'initramfs-hook.sh.hbs', data }, mode: '0755' };
}

/** Where such a file may be, whichever generator the host has. */
export function initramfsPaths(name: string): readonly string[] {
  return [dracutPath(name), hookPath(name)];
}

/** Whether the host builds an initramfs of its own, with a tool that is known. */
export function buildsInitramfs({ boot }: Facts): boolean {
  return (boot.initramfs === 'dracut' || boot.initramfs === 'initramfs-tools') && boot.loader !== 'ostree';
}

function dracutPath(name: string): string {
  return `/etc/dracut.conf.d/vfleet-${name}.conf`;
}

/** Without an ending: initramfs-tools runs hooks whose names are of letters, digits, `_` and `-` alone. */
function hookPath(name: string): string {
  return `/etc/initramfs-tools/hooks/vfleet-${name}`;
}
