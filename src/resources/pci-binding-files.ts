import { wayPattern } from '../devices/way.ts';
import type { BoundDevice } from '../facts/bound-devices.ts';
import type { Facts } from '../facts/facts.ts';
import { render } from '../template/template.ts';
import type { FileWish } from './file-set.ts';
import { buildsInitramfs, initramfsFile, initramfsPaths } from './initramfs-content.ts';
import type { State } from './resource.ts';

/** How a binding is kept over reboots. */
export interface Keeping {
  readonly name: string;
  readonly driver: string;
  readonly devices: readonly BoundDevice[];
  /** `driverctl`: by its file for each device; `rule`: by a rule of udev's; `early`: by that, in the initramfs already. */
  readonly by: 'driverctl' | 'rule' | 'early';
}

/** Rules of all bindings on a host. */
export const ruleGlob = '/etc/udev/rules.d/82-vfleet-*.rules';
export const driverctlGlob = '/etc/driverctl.d/pci-*';

/**
 * After 80-drivers.rules, as older ones of that begin the list of what is run anew (`RUN{builtin}=`). The override itself is
 * written when the rule is read, before anything on that list is run.
 */
export function rulePath(name: string): string {
  return `/etc/udev/rules.d/82-vfleet-${name}.rules`;
}

/** Read at boot by driverctl(8). */
export function driverctlPath(address: string): string {
  return `/etc/driverctl.d/pci-${address}`;
}

/** Files that a binding of that name may have written beside those of driverctl. */
export function ownPaths(name: string): readonly string[] {
  return [rulePath(name), ...initramfsPaths(name)];
}

/** The files that keep a binding. Errors: `initramfs.unsupported`. */
export function keepingFiles(facts: Facts, keeping: Keeping): readonly FileWish[] {
  const { name, driver, devices, by } = keeping;
  if (devices.length === 0) return [];
  if (by === 'driverctl') {
    const content = { template: 'driverctl-override.hbs', data: { driver } };
    return devices.map(({ address }) => ({ path: driverctlPath(address), content }));
  }
  const rule = { path: rulePath(name), content: ruleText(facts, devices, driver) };
  if (by === 'rule') return [rule];
  const what = `the binding of PCI devices (${name})`;
  const modules = driver === 'vfio-pci' ? ['vfio', 'vfio_iommu_type1', 'vfio_pci'] : [driver.replaceAll('-', '_')];
  return [rule, initramfsFile(facts, { name, what, modules, files: [rule.path] })];
}

/**
 * Whether an initramfs may carry the file: that of initramfs-tools has all rules of `/etc/udev/rules.d` (udev's own hook in
 * Debian), and that of dracut has them where it copies the host's configuration (01systemd-udevd). Once a rule is gone, an
 * initramfs that still has it binds the device in the next boot.
 */
export function isInInitramfs(facts: Facts, path: string): boolean {
  return buildsInitramfs(facts) && !path.startsWith('/etc/driverctl.d/');
}

/**
 * No driver of the host keeps the device, whichever comes first. udev writes the override while it reads the rule, and runs
 * `kmod load MODALIAS` after all rules are read (udev(7), `RUN`); `pci_match_device` in drivers/pci/pci-driver.c then matches
 * nothing else. But the event of a twin, or a driver that is built in, may have bound the device before: a driver that is
 * registered probes all devices that it knows. `pci_device_probe` matches once more, with the device locked and its link `driver`
 * made (`really_probe` in drivers/base/dd.c). So after the override was written either that match fails, or the link is there:
 * then the device is unbound, which waits for the probe to end.
 *
 * All of it is for the place that the device has now (`wayPattern`), and does nothing where the kernel was told `vfleet.nobind`.
 */
function ruleText(facts: Facts, devices: readonly BoundDevice[], driver: string): string {
  const data = devices.map(({ address, id, former, serial }) => {
    const [vendor = '', device = ''] = id.split(':');
    return { address, id, vendor, device, driver, former, serial, way: wayPattern(facts, address) };
  });
  return render('pci-binding.rules.hbs', { devices: data, driver });
}

/** Text of a file that was read; empty where there is none. */
export function textAt(state: State, path: string): string {
  const found = state.file(path);
  return found.kind === 'file' ? found.bytes.toString('utf8') : '';
}
