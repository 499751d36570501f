import type { MachinePciDevice } from '../machine.ts';
import type { Disk } from './disk.ts';

/**
 * What a command in an `install` line of modprobe.d(5) does: nothing at all, or the overriding of drivers before the module is
 * loaded. Others are taken to load it, as a command that ends with `modprobe -i` does.
 */
export type InstallCommand = 'nothing' | 'override' | 'load';

/**
 * Tells by the script's text. One for `sh` that compares with `==` fails at each comparison where that is dash, as on Debian
 * (`[: unexpected operator`), and then only loads the module.
 */
export function readInstallCommand(disk: Disk, command: string, shell: 'bash' | 'dash'): InstallCommand {
  const [program = ''] = command.split(/\s+/);
  if (/^(?:\/usr)?(?:\/s?bin\/)?(?:true|false|:)$/.test(program)) return 'nothing';
  const text = disk.read(program);
  if (text === null) return 'nothing';
  if (!/driver_override/.test(text)) return 'load';
  return shell === 'dash' && /^#!\s*\/bin\/sh\b/.test(text) && text.includes(' == ') ? 'load' : 'override';
}

/**
 * Devices that such a script hands to vfio-pci: display devices but the one that the firmware uses, and their function 1.
 * Source: role gpu-init of github.com/yunionio/ocboot.
 */
export function overriddenBy(devices: readonly MachinePciDevice[]): readonly string[] {
  const displays = devices.filter((item) => /^03(?:00|02)00$/.test(item.class) && item.bootVga !== true);
  const addresses = displays.flatMap(({ address }) => [address, address.replace(/0$/, '1')]);
  return addresses.filter((address) => devices.some((item) => item.address === address));
}
