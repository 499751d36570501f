import { parseArguments, sameName } from '../boot/arguments.ts';
import { devicesOf, selectUnits } from '../devices/select.ts';
import type { DeviceSelector } from '../devices/selector.ts';
import type { Facts, PciDevice } from '../facts/facts.ts';
import { type ArgumentValue, exactly } from './argument-value.ts';

/** Drivers of GPUs for graphics and computing, by vendor. Audio functions and hubs have drivers that others need, too. */
const driversOf: Readonly<Record<string, readonly string[]>> = {
  '10de': ['nouveau', 'nvidia', 'nvidia_drm', 'nvidia_modeset', 'nvidia_uvm', 'nvidiafb'],
  '1002': ['amdgpu', 'radeon'],
};

/** GPUs of one vendor that stay with the host, so that its drivers have to. */
export interface GpusLeft {
  readonly drivers: readonly string[];
  /** Their addresses. */
  readonly left: readonly string[];
}

/**
 * Drivers that nothing on the host needs once the selected GPUs are given away: every GPU of their vendor is among them. Others
 * are bound by address, and nothing is blacklisted. Pure. Errors: those of `selectUnits`.
 *
 * @example
 * kernelArguments(gpuArguments(host.facts, gpuDrivers(host, host.vars.devices)))
 */
export function gpuDrivers(
  { name, facts }: { readonly name: string; readonly facts: Facts },
  selectors: readonly DeviceSelector[],
): readonly string[] {
  const given = selectUnits(facts, selectors, name).flatMap(devicesOf);
  return vendorsOf(given).flatMap((vendor) =>
    leftOf(facts, given, vendor).length === 0 ? (driversOf[vendor] ?? []) : [],
  );
}

/** Of the vendors of given GPUs, those that have others on the host. */
export function gpusLeft(facts: Facts, given: readonly PciDevice[]): readonly GpusLeft[] {
  return vendorsOf(given).flatMap((vendor) => {
    const left = leftOf(facts, given, vendor);
    return left.length === 0 ? [] : [{ drivers: driversOf[vendor] ?? [], left }];
  });
}

/**
 * Arguments that keep drivers of GPUs from being loaded, also by an initramfs that does not have `/etc/modprobe.d`:
 * `rd.driver.blacklist=` and, for old tooling, `rdblacklist=` (dracut.cmdline(7)), and `modprobe.blacklist=`, which modprobe
 * itself reads (modprobe(8)) and so counts with initramfs-tools. nouveau is told to leave the screen alone where it is built in.
 */
export function gpuArguments(facts: Facts, drivers: readonly string[]): Readonly<Record<string, ArgumentValue>> {
  if (drivers.length === 0) return {};
  const names = facts.boot.initramfs === 'dracut' ? dracutNames : ['modprobe.blacklist'];
  return {
    ...Object.fromEntries(names.map((name) => [name, drivers.join(',')])),
    ...(drivers.includes('nouveau') && { 'nouveau.modeset': '0' }),
  };
}

const dracutNames = ['rd.driver.blacklist', 'rdblacklist'];

/**
 * What the host agent of Cloudpods looks for in `/proc/cmdline`, word for word, when it has a GPU
 * (pkg/hostman/isolated_device/gpu.go of yunionio/cloudpods); it takes `rd.driver.blacklist=nouveau`, or the old name, which
 * dracut is told, too.
 */
export function cloudpodsGpuArguments({ iommu, boot }: Facts): Readonly<Record<string, ArgumentValue>> {
  return {
    ...(iommu.firmware === 'DMAR' && { intel_iommu: exactly('on') }),
    'vfio_iommu_type1.allow_unsafe_interrupts': exactly('1'),
    'rd.driver.blacklist': exactly('nouveau'),
    ...(boot.initramfs === 'dracut' && { rdblacklist: exactly('nouveau') }),
    'nouveau.modeset': exactly('0'),
  };
}

/**
 * Of drivers that were kept away and are not to be any more, what the running kernel keeps from GPUs all the same, until the next
 * boot: libkmod reads `modprobe.blacklist=` of `/proc/cmdline`, and nouveau registers nothing with `modeset=0`. `given`: GPUs that
 * need no driver of the host. `null`: nothing.
 */
export function keptUntilReboot(
  { boot, pci }: Facts,
  released: readonly string[],
  given: readonly PciDevice[],
): string | null {
  const running = parseArguments(boot.running);
  const words = running.flatMap(({ name, value }) =>
    sameName(name, 'modprobe.blacklist') ? (value ?? '').replaceAll('-', '_').split(',') : [],
  );
  const isOff = running.some(({ name, value }) => sameName(name, 'nouveau.modeset') && value === '0');
  const kept = released.filter((driver) => words.includes(driver) || (driver === 'nouveau' && isOff));
  const known = new Set(given.map(({ address }) => address));
  const without = pci.filter(
    (device) =>
      isGpu(device) &&
      !known.has(device.address) &&
      (device.driver === null || device.driver === 'vfio-pci') &&
      (driversOf[device.vendor] ?? []).some((driver) => kept.includes(driver)),
  );
  if (without.length === 0) return null;
  return `the running kernel keeps ${kept.join(', ')} from ${without.map(({ address }) => address).join(', ')}`;
}

function vendorsOf(devices: readonly PciDevice[]): readonly string[] {
  const vendors = devices.filter(isGpu).map(({ vendor }) => vendor);
  return [...new Set(vendors)].filter((vendor) => vendor in driversOf);
}

function leftOf({ pci }: Facts, given: readonly PciDevice[], vendor: string): readonly string[] {
  const known = new Set(given.map(({ address }) => address));
  const left = pci.filter((device) => isGpu(device) && device.vendor === vendor && !known.has(device.address));
  return left.map(({ address }) => address);
}

/** Class 03; and accelerators (12) of these vendors, which their GPUs without a display sometimes are. */
function isGpu({ class: code }: PciDevice): boolean {
  return code.startsWith('03') || code.startsWith('12');
}
