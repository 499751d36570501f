import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { builtinMachineKinds, loadMachineKind } from '../../src/lab/machine-kind.ts';
import { kindNamed, temporaryFolder } from './model/bench.ts';

test('every machine kind of the package says where it comes from', async () => {
  const kinds = (await builtinMachineKinds()).map((kind) => kind.name);
  const sources = await readFile(new URL('../../src/lab/machines/SOURCES.md', import.meta.url), 'utf8');
  const named = sources.split('\n').flatMap((line) => (/^\| ([a-z][^|]*)/.exec(line)?.[1] ?? '').trim().split(', '));
  expect(kinds.filter((kind) => !named.includes(kind))).toEqual([]);
  expect(kinds).toEqual(expect.arrayContaining(['centos-7-intel', 'debian-12-intel', 'rocky-9.4-intel']));
});

describe('a kind of one’s own', () => {
  test('is a folder of the same form, named after the folder', async () => {
    const folder = await copyOf('debian-12-intel', (settings) => ({ ...settings, title: 'mine' }));
    const kind = await loadMachineKind(folder);
    expect([kind.name, kind.folder, kind.settings.title]).toEqual(['mine', folder, 'mine']);
    expect(kind.settings.boot.first).toBe('/boot/efi/EFI/debian/grub.cfg');
  });

  const wrong: [string, (settings: Settings) => unknown, RegExp][] = [
    ['an unknown key', (settings) => ({ ...settings, memroyKiB: 1 }), /Unrecognized key: "memroyKiB"/],
    ['a key that is missing', ({ title: _, ...rest }) => rest, /machine\.json title.*expected string/s],
    ['a short address', (settings) => onDevice(settings, { address: '03:00.0' }), /pci\.0\.address.*found "03:00\.0"/],
    ['a device that is there twice', (settings) => onDevice(settings, { address: '0000:00:11.5' }), /is there twice/],
    [
      'a bridge that comes later',
      (settings) => onDevice(settings, { behind: '0000:16:02.0' }),
      /no device 0000:16:02\.0/,
    ],
    ['a NUMA node that is none', (settings) => onDevice(settings, { numaNode: 7 }), /pci\.0\.numaNode.*no such node/],
    [
      'memory of nodes that is not its sum',
      (settings) => ({ ...settings, numaMemoryKiB: [1, 2] }),
      /whose sum is memoryKiB/,
    ],
    [
      'a disk on a device that is not there',
      (settings) => ({ ...settings, disks: [{ name: 'sda', on: '1-9', sizeBytes: 512, model: 'm', serial: 's' }] }),
      /disks\.0\.on.*no device 1-9/,
    ],
    ['a USB device at no hub', (settings) => onPort(settings, '1-1.2'), /usb\.0\.port.*no hub 1-1 before it/],
    ['a USB device on no bus', (settings) => onPort(settings, '9-1'), /usb\.0\.port.*no such bus/],
    ['no root file system', (settings) => ({ ...settings, filesystems: [] }), /one must be mounted on \//],
    ['a version from the future', (settings) => ({ ...settings, version: 2 }), /version.*expected 1.*found 2/],
  ];
  test.each(wrong)('is refused for %s', async (_, change, message) => {
    const folder = await copyOf('debian-12-intel', change);
    await expect(loadMachineKind(folder)).rejects.toThrow(message);
  });

  test('is refused with the reason when its file is missing or no JSON', async () => {
    const folder = await temporaryFolder();
    await expect(loadMachineKind(folder)).rejects.toThrow(/machine\.json.*no such file.*next: name a folder/s);
    await writeFile(join(folder, 'machine.json'), '{');
    await expect(loadMachineKind(folder)).rejects.toThrow(/expected JSON/);
  });
});

type Settings = Record<string, unknown> & { readonly pci: readonly Record<string, unknown>[] };

function onPort(settings: Settings, port: string): unknown {
  return { ...settings, usb: [{ port, vendor: '0403', product: '6001', interfaces: [] }] };
}

function onDevice(settings: Settings, change: Record<string, unknown>): unknown {
  return { ...settings, pci: settings.pci.map((device, index) => (index === 0 ? { ...device, ...change } : device)) };
}

async function copyOf(name: string, change: (settings: Settings) => unknown): Promise<string> {
  const { settings } = await kindNamed(name);
  const folder = join(await temporaryFolder(), 'mine');
  await mkdir(folder);
  const plain: Settings = JSON.parse(JSON.stringify(settings));
  await writeFile(join(folder, 'machine.json'), JSON.stringify(change(plain)));
  return folder;
}
