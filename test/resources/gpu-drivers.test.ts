import { describe, expect, it } from 'vitest';
import { parseArguments } from '../../src/boot/arguments.ts';
import type { Facts, PciDevice } from '../../src/facts/facts.ts';
import { parseArgumentWish } from '../../src/resources/argument-wish.ts';
import { driversKeptAway } from '../../src/resources/drivers-kept-away.ts';
import { cloudpodsGpuArguments, gpuArguments, gpuDrivers } from '../../src/resources/gpu-drivers.ts';
import type { Change } from '../../src/resources/resource.ts';
import { stateOf } from '../boot/files.ts';
import { host, net, pci } from '../devices/facts.ts';

const path = '/etc/modprobe.d/vfleet-gpu.conf';
const nvidia = pci('0000:3b:00.0 030000 10de:2204 nouveau 12');
const twin = pci('0000:af:00.0 030200 10de:20b5 nouveau 40');
const amd = pci('0000:86:00.0 030000 1002:73bf amdgpu 33');
const audio = pci('0000:3b:00.1 040300 10de:1aef snd_hda_intel 12');
const bmc = pci('0000:02:00.0 030000 1a03:2000 ast 3', { bootVga: true });

function driversFor(devices: readonly PciDevice[], ...addresses: readonly string[]): readonly string[] {
  const facts = host(devices);
  return gpuDrivers(
    { name: 'node01', facts },
    addresses.map((address) => ({ address })),
  );
}

describe('drivers are kept away', () => {
  it('of a vendor whose every GPU is given away, never those of audio or of the BMC', () => {
    const found = driversFor([nvidia, audio, bmc], nvidia.address);
    expect(found).toEqual(expect.arrayContaining(['nouveau', 'nvidia', 'nvidia_drm']));
    expect(found).not.toContain('snd_hda_intel');
    expect(found).not.toContain('ast');
  });

  it('not where another GPU of the vendor stays', () => {
    expect(driversFor([nvidia, audio, twin], nvidia.address)).toEqual([]);
    expect(driversFor([nvidia, audio, twin], nvidia.address, twin.address)).toContain('nouveau');
  });

  it('of one vendor, where GPUs of another stay', () => {
    expect(driversFor([nvidia, amd], amd.address)).toEqual(['amdgpu', 'radeon']);
  });

  it('not of what is no GPU', () => {
    expect(driversFor([pci('0000:18:00.0 020000 10de:0001 forcedeth 9'), nvidia], '0000:18:00.0')).toEqual([]);
  });
});

describe('arguments', () => {
  const on = (initramfs: Facts['boot']['initramfs']): Facts => {
    const facts = host([nvidia]);
    return { ...facts, boot: { ...facts.boot, initramfs } };
  };
  const tokens = (facts: Facts, drivers: readonly string[]) => parseArgumentWish(gpuArguments(facts, drivers)).present;

  it('are those that the tool of the initramfs obeys', () => {
    expect(tokens(on('dracut'), ['nouveau', 'nvidia'])).toEqual([
      'rd.driver.blacklist=nouveau,nvidia',
      'rdblacklist=nouveau,nvidia',
      'nouveau.modeset=0',
    ]);
    expect(tokens(on('initramfs-tools'), ['amdgpu'])).toEqual(['modprobe.blacklist=amdgpu']);
    expect(tokens(on('dracut'), [])).toEqual([]);
  });

  it('for Cloudpods satisfy its agent, word for word', () => {
    const { present, exact } = parseArgumentWish(cloudpodsGpuArguments(on('dracut')));
    // pkg/hostman/isolated_device/gpu.go, CustomProbe
    for (const demanded of [
      'vfio_iommu_type1.allow_unsafe_interrupts=1',
      'intel_iommu=on',
      'nouveau.modeset=0',
      'rd.driver.blacklist=nouveau',
    ]) {
      expect(present).toContain(demanded);
      expect(exact).toContain(demanded);
    }
    expect(parseArguments(present.join(' ')).map(({ token }) => token)).toEqual(present);
    expect(present).toContain('rdblacklist=nouveau');
    // initramfs-tools knows neither name: the agent alone reads the one.
    expect(parseArgumentWish(cloudpodsGpuArguments(on('initramfs-tools'))).present).not.toContain(
      'rdblacklist=nouveau',
    );
  });
});

describe('the blacklist', () => {
  const change = (
    facts: Facts,
    drivers: readonly string[],
    files: Readonly<Record<string, string>> = {},
    open = '',
  ): Change | null =>
    driversKeptAway('gpu', drivers, [{ address: nvidia.address }]).change(
      stateOf(files, { open: { code: 0, stdout: `root\n${open}` } }),
      { host: 'node01', facts, ownedArguments: {} },
    );

  it('is written for the initramfs too; a driver that is loaded needs a reboot', () => {
    const found = change(host([nvidia, audio]), ['nouveau', 'nvidia']);
    expect(found?.actions).toMatchObject([
      { path, text: expect.stringContaining('blacklist nouveau\nblacklist nvidia\n') },
    ]);
    expect(found?.effects.map(({ kind }) => kind)).toEqual(['initramfs', 'reboot']);
    const idle = change(host([{ ...nvidia, driver: null }]), ['nouveau']);
    expect(idle?.effects.map(({ kind }) => kind)).toEqual(['initramfs']);
  });

  it('is refused while a process uses the GPU', () => {
    const open = 'open 812 /dev/dri/card0 Xorg\nnode 0000:3b:00.0 card0\n';
    expect(() => change(host([nvidia]), ['nouveau'], {}, open)).toThrow(/Xorg \(812\) has \/dev\/dri\/card0 open/);
  });

  it('is refused where a mate of the GPU is in use', () => {
    const nic = pci('0000:3b:00.2 020000 8086:1572 i40e 12');
    const facts = host([nvidia, nic], { net: [net('eth0', { pci: nic.address, ssh: true })] });
    expect(() => change(facts, ['nouveau'])).toThrow(/eth0 carries this SSH connection; it goes with 0000:3b:00\.0/);
  });

  describe('of a GPU that is given away no more', () => {
    const free = { ...twin, driver: 'vfio-pci' };
    const booted = (line: string, devices: readonly PciDevice[] = [nvidia, free]): Facts => {
      const facts = host(devices);
      return { ...facts, boot: { ...facts.boot, running: `root=/dev/sda1 ${line}` } };
    };
    const old = { [path]: 'blacklist nouveau\nblacklist amdgpu\n' };
    const kinds = (found: Change | null) => found?.effects.map(({ kind }) => kind);

    it('needs a reboot where the kernel was told to keep its driver away', () => {
      const found = change(booted('modprobe.blacklist=nvidia,nouveau'), [], old);
      expect(kinds(found)).toEqual(['initramfs', 'reboot']);
      expect(found?.effects[1]?.reason).toBe('the running kernel keeps nouveau from 0000:af:00.0');
      expect(kinds(change(booted('nouveau.modeset=0'), ['amdgpu'], old))).toEqual(['initramfs', 'reboot']);
    });

    it('needs none where nothing keeps it away, has it already, or is there', () => {
      expect(kinds(change(booted('quiet'), [], old))).toEqual(['initramfs']);
      expect(kinds(change(booted('modprobe.blacklist=nouveau', [nvidia, twin]), [], old))).toEqual(['initramfs']);
      expect(kinds(change(booted('modprobe.blacklist=nouveau', [nvidia]), [], old))).toEqual(['initramfs']);
    });
  });

  it('goes when no driver is to be kept away any more, and is nothing to do where there is none', () => {
    expect(change(host([nvidia]), [], { [path]: 'blacklist nouveau\n' })?.actions).toEqual([{ kind: 'remove', path }]);
    expect(change(host([nvidia]), [])).toBeNull();
  });
});
