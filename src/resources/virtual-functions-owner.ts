import type { PhysicalFunction } from '../devices/physical-function.ts';
import type { Facts } from '../facts/facts.ts';
import { type Script, sh } from '../shell/script.ts';

/** Somebody else who sets the number of virtual functions. */
export interface OtherOwner {
  readonly path: string;
  readonly line: string;
  readonly remedy: string;
}

/** What sets a number: sysfs by whoever writes there, NetworkManager, ifcfg, systemd, netplan, options of drivers. */
const setting =
  /sriov_numvfs|^\s*\[sriov\]|^\s*total-vfs\s*=|SRIOV_TOTAL_VFS\s*=|^\s*SR-IOVVirtualFunctions\s*=|^\s*virtual-function-count\s*:|\b(?:max|num)_vfs\s*=/i;

/**
 * One grep over all places that may set a number of virtual functions: those settings, and what says which device they are
 * for. Nothing else of these files is read, as connections hold secrets.
 */
export const ownerProbe: Script = sh`
grep -aHsiE 'sriov|sr-iov|total-vfs|(max|num)_vfs|virtual-function-count|^[[:space:]]*(interface-name|mac-address|name|originalname|path|macaddress|permanentmacaddress|device|hwaddr|macaddress:|set-name:|[a-z0-9._-]+:$)' \\
  /etc/udev/rules.d/*.rules /run/udev/rules.d/*.rules /etc/systemd/network/*.link /run/systemd/network/*.link \\
  /etc/NetworkManager/system-connections/* /run/NetworkManager/system-connections/* /etc/sysconfig/network-scripts/ifcfg-* \\
  /etc/netplan/*.yaml /etc/network/interfaces /etc/network/interfaces.d/* /etc/modprobe.d/*.conf \\
  /etc/systemd/system/*.service /etc/rc.local /etc/rc.d/rc.local
:`;

/** Owners of a device among what that probe printed, and the kernel's arguments. Pure. */
export function otherOwners(text: string, pf: PhysicalFunction, facts: Facts): readonly OtherOwner[] {
  const files = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    const colon = line.indexOf(':');
    const path = line.slice(0, colon);
    if (colon > 0 && !/\/vfleet-[^/]*$/.test(path))
      files.set(path, [...(files.get(path) ?? []), line.slice(colon + 1)]);
  }
  const inFiles = [...files].flatMap(([path, lines]) => {
    const sets = lines.filter((line) => setting.test(line) && !/^\s*[#;]/.test(line));
    const line = sets.find((one) => concerns(/\.rules$/.test(path) ? [one] : lines, one, pf, facts));
    return line === undefined ? [] : [{ path, line: line.trim(), remedy: remedyOf(path) }];
  });
  const { driver } = pf.device;
  const argument = facts.boot.running.split(/\s+/).find((token) => token.startsWith(`${driver}.max_vfs=`));
  const remedy = `remove it: kernelArguments({ '${driver}.max_vfs': absent() })`;
  return argument === undefined ? inFiles : [...inFiles, { path: '/proc/cmdline', line: argument, remedy }];
}

/** What names another device of the host, and not this one, is not about it; what names none may be. */
function concerns(lines: readonly string[], line: string, pf: PhysicalFunction, { hardware, pci }: Facts): boolean {
  const driver =
    /\boptions\s+(\w+)\s.*(?:max|num)_vfs/.exec(line)?.[1] ?? /(?:DRIVERS?|ID_NET_DRIVER\})=="(\w+)"/.exec(line)?.[1];
  if (driver !== undefined && driver !== pf.device.driver) return false;
  const own = [pf.device.address, ...pf.net.flatMap(({ name, mac }) => [name, ...(mac === null ? [] : [mac])])];
  const all = [
    ...pci.map(({ address }) => address),
    ...(hardware?.net ?? []).flatMap(({ name, mac }) => [name, mac ?? name]),
  ];
  const text = lines.join('\n').toLowerCase();
  const isNamed = (name: string): boolean => {
    for (let at = text.indexOf(name.toLowerCase()); at >= 0; at = text.indexOf(name.toLowerCase(), at + 1)) {
      if (!/[\w.-]/.test(text.charAt(at - 1)) && !/[\w-]/.test(text.charAt(at + name.length))) return true;
    }
    return false;
  };
  return own.some(isNamed) || !all.some(isNamed);
}

function remedyOf(path: string): string {
  if (path.includes('/NetworkManager/')) {
    return 'take its [sriov] section out (nmcli connection modify … sriov.total-vfs 0): it resets the number whenever it is brought down';
  }
  if (path.includes('/netplan/')) return 'take virtual-function-count out of it';
  return 'take that line out of it, or leave the device to whoever wrote it';
}
