import { describe, expect, test } from 'vitest';
import { vfioModules } from '../../src/facts/modules.ts';
import { parseFacts } from '../../src/facts/probe.ts';
import { fixtureFacts, fixtureFile, fixtureNames, fixtureSections } from './fixtures.ts';

describe.each(fixtureNames)('%s', (name) => {
  test('gives the facts that stand beside it', () => {
    expect(parseFacts(fixtureSections(name))).toEqual(JSON.parse(fixtureFile(name, 'facts.json')));
  });

  test('says where it comes from', () => {
    const [source, ...notes] = fixtureFile(name, 'source').trim().split('\n');
    expect(['vm', 'public', 'constructed']).toContain(source);
    expect(notes.join(' ').length).toBeGreaterThan(20);
  });

  test('has entries of which at most one is the default', () => {
    const { boot } = fixtureFacts(name);
    expect(boot.entries?.filter((entry) => entry.default).length ?? 0).toBeLessThanOrEqual(1);
  });
});

/** What an operator would look for first: loader, its file, kernel of the next boot, table, groups, remapping, initramfs. */
const rows: readonly (readonly unknown[])[] = [
  ['almalinux-8-bls', 'bls', '/boot/grub2/grub.cfg', '4.18.0-553.el8_10.x86_64', 'DMAR', 7, false, 'dracut', true],
  ['arch-systemd-boot', 'systemd-boot', '/boot/loader/entries', '6.6.60-1-lts', 'IVRS', 5, true, 'mkinitcpio', false],
  [
    'centos-7-intel',
    'grub2-mkconfig',
    '/boot/grub2/grub.cfg',
    '3.10.0-1160.119.1.el7.x86_64',
    'DMAR',
    7,
    true,
    'dracut',
    true,
  ],
  ['debian-12-intel', 'update-grub', '/boot/grub/grub.cfg', '6.1.0-44-amd64', 'DMAR', 7, true, 'initramfs-tools', true],
  ['debian-12-microvm', 'unknown', null, null, 'none', 0, false, 'none', false],
  ['debian-12-no-rights', 'update-grub', '/boot/grub/grub.cfg', null, 'DMAR', 7, true, 'initramfs-tools', true],
  [
    'debian-12-nvme-root',
    'update-grub',
    '/boot/grub/grub.cfg',
    '6.1.0-56-amd64',
    'DMAR',
    21,
    true,
    'initramfs-tools',
    true,
  ],
  [
    'debian-12-vtd-off',
    'update-grub',
    '/boot/grub/grub.cfg',
    '6.1.0-44-amd64',
    'none',
    0,
    false,
    'initramfs-tools',
    true,
  ],
  [
    'debian-13-amd',
    'update-grub',
    '/boot/grub/grub.cfg',
    '6.12.94+deb13-amd64',
    'IVRS',
    5,
    true,
    'initramfs-tools',
    false,
  ],
  [
    'fedora-coreos-ostree',
    'ostree',
    '/boot/loader/entries',
    '6.11.6-300.fc41.x86_64',
    'IVRS',
    5,
    true,
    'dracut',
    false,
  ],
  [
    'openeuler-22.03-amd',
    'grub2-mkconfig',
    '/boot/efi/EFI/openEuler/grub.cfg',
    '5.10.0-216.0.0.115.oe2203sp4.x86_64',
    'IVRS',
    5,
    true,
    'dracut',
    true,
  ],
  [
    'openeuler-22.03-arm64',
    'grub2-mkconfig',
    '/boot/efi/EFI/openEuler/grub.cfg',
    '5.10.0-182.0.0.95.oe2203sp3.aarch64',
    'IORT',
    4,
    null,
    'dracut',
    true,
  ],
  ['proxmox-8-zfs', 'proxmox-boot-tool', null, '6.8.12-4-pve', 'DMAR', 7, true, 'initramfs-tools', false],
  ['rocky-9-bls', 'bls', '/boot/grub2/grub.cfg', '5.14.0-427.42.1.el9_4.x86_64', 'DMAR', 0, true, 'dracut', false],
  [
    'ubuntu-22.04-intel',
    'update-grub',
    '/boot/grub/grub.cfg',
    '5.15.0-204-generic',
    'DMAR',
    7,
    true,
    'initramfs-tools',
    false,
  ],
];

test('every fixture has a row', () => {
  expect(rows.map(([name]) => name)).toEqual(fixtureNames);
});

test.each(rows)('%s: %s, %s, next %s, %s, %s groups, remapping %s, %s', (name, ...expected) => {
  const facts = fixtureFacts(String(name));
  const { boot, kernel, iommu } = facts;
  expect([
    boot.loader,
    boot.configPath,
    kernel.next,
    iommu.firmware,
    iommu.groups.length,
    iommu.interruptRemapping,
    boot.initramfs,
    vfioModules(facts).includes('vfio_virqfd'),
  ]).toEqual(expected);
});

describe('single readings', () => {
  test('guests: by process name, by executable, and not the helpers', () => {
    expect(fixtureFacts('centos-7-intel').guests.qemu).toEqual([
      { pid: 4021, name: 'web01' },
      { pid: 4077, name: 'db01' },
      { pid: 5000, name: 'win10' },
    ]);
  });

  test('a log that may not be read is unknown, not empty', () => {
    expect(fixtureFacts('debian-12-no-rights').log).toEqual({ lines: null, source: null });
    expect(fixtureFacts('debian-12-vtd-off').log.lines).not.toBeNull();
  });

  test('entries that may not be read are unknown', () => {
    const { boot, identity } = fixtureFacts('debian-12-no-rights');
    expect([identity.root, boot.entries]).toEqual([false, null]);
  });

  test('Secure Boot and lockdown', () => {
    expect(fixtureFacts('rocky-9-bls').firmware).toEqual({ kind: 'uefi', secureBoot: true, lockdown: 'integrity' });
    expect(fixtureFacts('proxmox-8-zfs').firmware).toEqual({ kind: 'uefi', secureBoot: false, lockdown: 'none' });
    expect(fixtureFacts('centos-7-intel').firmware).toEqual({ kind: 'bios', secureBoot: false, lockdown: null });
  });

  test('a continued line of the settings is one value', () => {
    const configured = fixtureFacts('centos-7-intel').boot.configured ?? [];
    expect(configured[0]?.value).toMatch(/^"crashkernel=auto .* intel_iommu=on iommu=pt .*"$/);
  });

  test('vfio built into the kernel', () => {
    const { modules } = fixtureFacts('ubuntu-22.04-intel');
    expect(modules.loaded).not.toContain('vfio');
    expect(modules.vfio.find(({ name }) => name === 'vfio_pci')).toEqual({
      name: 'vfio_pci',
      running: 'builtin',
      next: 'builtin',
    });
  });

  test('devices as they were on a virtual machine: what is held, what the host uses, functions, ports, pages', () => {
    const { hardware, pci, memory } = fixtureFacts('debian-12-nvme-root');
    const held = pci.filter(({ driver }) => driver === 'vfio-pci').map(({ address }) => address);
    expect(held).toEqual(['0000:01:00.0', '0000:02:00.0', '0000:08:00.1', '0000:08:00.2', '0000:08:00.3']);
    expect(hardware?.pci['0000:08:00.0']).toMatchObject({ sriov: { total: 4, active: 3 }, physicalFunction: null });
    expect(hardware?.pci['0000:08:00.3']).toMatchObject({ physicalFunction: '0000:08:00.0', parent: '0000:00:16.0' });
    expect(hardware?.net.filter(({ ssh }) => ssh === true)).toMatchObject([
      { name: 'enp0s3', pci: '0000:00:03.0', defaultRoute: true, addresses: ['10.0.2.15/24'] },
    ]);
    expect(hardware?.block.map(({ name, mounts }) => [name, ...mounts])).toEqual([
      ['nvme0n1'],
      ['nvme0n1p1', '/boot/efi'],
      ['nvme0n1p2', '/'],
      ['nvme1n1'],
      ['sda'],
    ]);
    expect(hardware?.nvme.map(({ serial, pci: address }) => [serial, address])).toEqual([
      ['ROOT-NVME-1', '0000:00:02.0'],
      ['SPARE-SRIOV-1', '0000:08:00.0'],
    ]);
    expect(hardware?.usb.filter(({ hub }) => !hub).map(({ port, serial }) => [port, serial])).toEqual([
      ['1-1', '28754-0000:00:14.0:00.0-1'],
      ['2-2', 'SPARE-USB-1'],
    ]);
    const ports = hardware?.serial.filter(({ uart }) => uart !== null);
    expect(ports?.map(({ name, console, getty, links }) => [name, console, getty, ...links])).toEqual([
      ['ttyS0', true, false],
      ['ttyS1', false, false, '/dev/vfleet/plc'],
    ]);
    expect(memory.hugepages).toContainEqual({ sizeKiB: 2048, node: 0, total: 24, free: 24 });
  });
});
