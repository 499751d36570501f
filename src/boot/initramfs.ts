import { VfleetError } from '../errors.ts';
import type { Facts } from '../facts/facts.ts';
import { type Script, sh } from '../shell/script.ts';

/**
 * Rebuilds the initramfs of every kernel that may boot: `dracut -f --kver` (dracut(8)) for each, or
 * `update-initramfs -u -k all` (update-initramfs(8)). Takes up to minutes. Errors: `initramfs.unsupported`.
 */
export function initramfsScript(facts: Facts): Script {
  const path = sh`
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin`;
  const { initramfs } = facts.boot;
  if (initramfs === 'initramfs-tools')
    return sh`${path}
update-initramfs -u -k all`;
  if (initramfs === 'dracut') {
    const { installed } = facts.kernel;
    if (installed.length === 0)
      return sh`${path}
dracut -f --regenerate-all`;
    return installed.reduce(
      (all: Script, release) => sh`${all}
dracut -f --kver ${release} || exit`,
      path,
    );
  }
  throw new VfleetError({
    code: 'initramfs.unsupported',
    thing: 'the initramfs',
    expected: 'dracut or initramfs-tools',
    found: initramfs === 'none' ? 'no tool that builds one' : initramfs,
    next: 'rebuild it by hand, or leave the file to the tool of the distribution',
  });
}
