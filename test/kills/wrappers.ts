import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** Folder in a node in which the wrappers ask. On its disk, for a boot empties /run. */
export const askFolder = '/var/lib/lab-kills';

/** The first folder of the PATH of log-ins, and of what systemd-run starts (`src/lab/tools/run-unit`). */
const wrapperFolder = '/usr/local/sbin';

/** Commands that change a disk, and the tools that do; those that a node does not have are left out. */
const commands = (
  'mv rm cp ln mkdir rmdir chmod chown touch truncate sync cat tee dd mktemp install ' +
  'grub-mkconfig grub2-mkconfig update-grub grub-editenv grub2-editenv grub-reboot grub2-reboot grubby dracut ' +
  'update-initramfs kernel-install bootctl proxmox-boot-tool rpm-ostree systemctl reboot'
).split(' ');

/** Puts a wrapper before each of them, and shortens every wait. */
export function layWrappers(root: string): void {
  const folder = path.join(root, wrapperFolder);
  mkdirSync(folder, { recursive: true });
  mkdirSync(path.join(root, askFolder), { recursive: true });
  for (const name of commands) {
    const real = ['/usr/bin', '/usr/sbin'].map((bin) => `${bin}/${name}`).find((file) => existsSync(root + file));
    if (real !== undefined) layScript(path.join(folder, name), wrapper(name, real));
  }
  layScript(path.join(folder, 'sleep'), '#!/bin/sh\nexec /usr/bin/sleep 0.1\n');
}

/** `cat` counts where its output is a file: the redirection itself, which the shell does, is before it. */
const writesFile = `exec 6>&1
case $(/usr/bin/stat -c %F - <&6) in regular*) exec 6>&- ;; *) exec 6>&-; exec /usr/bin/cat "$@" ;; esac
`;

/**
 * One asks at a time, by a name of its own: what was killed while it asked, as by a shutdown, leaves an answer that is not
 * for the next one. What is not answered has no power any more.
 */
function wrapper(name: string, real: string): string {
  return `#!/bin/sh
[ -e ${askFolder}/armed ] || exec ${real} "$@"
${name === 'cat' ? writesFile : ''}exec 7>>${askFolder}/lock
/usr/bin/flock 7
me=$$.$(/usr/bin/date +%s%N)
printf '%s\\0' $# "$me" ${name} "$@" >${askFolder}/ask
until [ "$me" = "$go" ]; do read -r go <${askFolder}/answer; done
exec 7>&-
exec ${real} "$@"
`;
}

function layScript(file: string, text: string): void {
  writeFileSync(file, text);
  chmodSync(file, 0o755);
}
