import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Facts } from '../../src/facts/facts.ts';
import type { HardwareFacts } from '../../src/facts/hardware.ts';
import { parseFacts } from '../../src/facts/probe.ts';
import { renderFacts } from '../../src/facts/render.ts';
import type { Sections } from '../../src/facts/sections.ts';
import { factAt, trackFacts } from '../../src/facts/track.ts';
import { fixtureFacts, fixtureSections, parseSections } from './fixtures.ts';

const folder = fileURLToPath(new URL('hardware/', import.meta.url));
const names = readdirSync(folder).sort();

/** A host of another fixture with the devices of this one: only these sections are in `probe.txt`. */
function sectionsOf(name: string): Sections {
  const own = parseSections(readFileSync(`${folder}${name}/probe.txt`, 'utf8'));
  return new Map([...fixtureSections('debian-12-intel'), ...own]);
}

function facts(name: string, change: Readonly<Record<string, string>> = {}): Facts {
  const changed = Object.entries(change).map(([key, text]): [string, Buffer] => [key, Buffer.from(text)]);
  return parseFacts(new Map([...sectionsOf(name), ...changed]));
}

function hardware(name: string, change: Readonly<Record<string, string>> = {}): HardwareFacts {
  const found = facts(name, change).hardware;
  if (found === null) throw new Error('no hardware');
  return found;
}

test.each(names)('%s says that it is constructed, and after what', (name) => {
  const [source, note = ''] = readFileSync(`${folder}${name}/source`, 'utf8').trim().split('\n');
  expect(source).toBe('constructed');
  expect(note.length).toBeGreaterThan(20);
});

test('facts of an older probe have none', () => {
  expect(fixtureFacts('debian-12-intel').hardware).toBeNull();
  expect(renderFacts(fixtureFacts('debian-12-intel'))).toMatch(/devices\n {2}in use +unknown/);
});

test('a section that is missing is refused by name, unless all are', () => {
  for (const key of [...sectionsOf('vmd').keys()].filter((item) => item.startsWith('hardware-'))) {
    const cut = new Map(sectionsOf('vmd'));
    cut.delete(key);
    expect(() => parseFacts(cut)).toThrow(key);
  }
});

describe('PCI devices', () => {
  test('a GPU has four functions behind one bridge, in one slot and in the group of all', () => {
    const { pci, hardware: found } = facts('one-group');
    const functions = pci.filter(({ address }) => address.startsWith('0000:01:00.'));
    expect(functions.map(({ iommuGroup, driver }) => [iommuGroup, driver])).toEqual([
      [0, 'nouveau'],
      [0, 'snd_hda_intel'],
      [0, 'xhci_hcd'],
      [0, null],
    ]);
    expect(functions.map(({ address }) => found?.pci[address])).toEqual(
      functions.map(() => ({
        ...{ subsystem: '1458:37a7', revision: 'a1', parent: '0000:00:01.0', physicalFunction: null },
        ...{ sriov: null, resets: ['bus'], slot: '1' },
      })),
    );
    expect(new Set(pci.map(({ iommuGroup }) => iommuGroup))).toEqual(new Set([0]));
  });

  test('a device behind VMD is in a domain of five digits, and its root port behind the controller', () => {
    const { pci, hardware: found } = facts('vmd');
    expect(pci.map(({ address }) => address)).toContain('10000:e1:00.0');
    expect(found?.pci['10000:e1:00.0']?.parent).toBe('10000:e0:06.0');
    expect(found?.pci['10000:e0:06.0']?.parent).toBe('0000:00:0e.0');
    expect(found?.pci['0000:00:0e.0']?.parent).toBeNull();
  });

  test('domains of an arm64 server are told apart', () => {
    const { pci, hardware: found } = facts('arm-domains');
    expect(pci.map(({ address, numaNode }) => [address, numaNode])).toEqual([
      ['0000:00:00.0', 0],
      ['0000:01:00.0', 0],
      ['0001:00:00.0', 1],
      ['0001:01:00.0', 1],
      ['0005:80:00.0', 1],
      ['0005:90:01.0', 1],
      ['0005:90:01.1', 1],
    ]);
    expect(found?.pci['0005:90:01.1']).toMatchObject({
      parent: '0005:80:00.0',
      sriov: { total: 8, active: 0, autoprobe: true },
    });
  });

  test('virtual functions know whose they are, up to the last', () => {
    const { pci } = hardware('mellanox-vfs');
    expect(pci['0000:03:00.0']?.sriov).toEqual({ total: 64, active: 32, autoprobe: false });
    expect(pci['0000:03:00.2']?.physicalFunction).toBe('0000:03:00.0');
    expect(pci['0000:03:08.1']).toMatchObject({
      physicalFunction: '0000:03:00.1',
      parent: '0000:00:02.0',
      sriov: null,
    });
    expect(Object.values(pci).filter(({ physicalFunction }) => physicalFunction !== null)).toHaveLength(64);
  });

  test('an old kernel tells only that it can reset; a new one by what', () => {
    const lines = (text: string) => hardware('one-group', { 'hardware-pci': text }).pci['0000:01:00.0']?.resets;
    expect(lines('0000:01:00.0/revision:0xa1\n')).toEqual(['reset']);
    expect(lines('0000:01:00.0/reset_method:pm bus\n')).toEqual(['pm', 'bus']);
    expect(hardware('one-group', { 'hardware-pci': '' }).pci['0000:00:01.0']?.resets).toEqual([]);
  });
});

describe('interfaces', () => {
  const ssh = (name: string, change = {}) =>
    Object.fromEntries(hardware(name, change).net.map((item) => [item.name, item.ssh]));

  test('of no device and with nothing to do are left out', () => {
    expect(hardware('one-group').net).toEqual([
      {
        ...{ name: 'eno1', mac: '04:d4:c4:00:00:01', pci: '0000:00:1f.6', usb: null, up: true, carrier: true },
        ...{ master: null, uppers: [], addresses: ['192.0.2.31/24'], defaultRoute: true, ssh: true },
      },
    ]);
  });

  test('carry what is on top of them: default route and SSH of a VLAN are those of its card', () => {
    const net = hardware('arm-domains').net.map(({ name, addresses, defaultRoute, ssh: path }) => [
      ...[name, addresses?.join(' '), defaultRoute, path],
    ]);
    expect(net).toEqual([
      ['enP5p144s1f0', '', true, true],
      ['enP5p144s1f0.20', '2001:db8:20::5/64', true, true],
      ['enP5p144s1f1', '', false, false],
    ]);
  });

  test('without a known connection nobody knows which carries it', () => {
    expect(ssh('one-group', { 'hardware-ssh': '' })).toEqual({ eno1: null });
    expect(
      ssh('one-group', { 'hardware-ssh': 'connection 127.0.0.1 1 127.0.0.1 22\nback local 127.0.0.1 dev lo\n' }),
    ).toEqual({
      eno1: null,
    });
  });

  test('the zone of a link-local address and the way back name the interface, too', () => {
    expect(ssh('one-group', { 'hardware-ssh': 'connection fe80::9 5 fe80::6d4:c4ff:fe00:1%eno1 22\n' })).toEqual({
      eno1: true,
    });
    expect(
      ssh('one-group', { 'hardware-ssh': 'connection 10.9.9.9 5 10.1.1.1 22\nback 10.9.9.9 dev eno1 \n' }),
    ).toEqual({
      eno1: true,
    });
  });

  test('of Open vSwitch each may be it, as no link shows which', () => {
    const change = {
      'hardware-net': 'eno1/flags:0x1003\neno2/flags:0x1003\nbr-ex/flags:0x1003\novs-system/flags:0x1002\n',
      'hardware-net-paths': [
        'eno1 ../../devices/pci0000:00/0000:00:1f.6/net/eno1',
        'eno1/master ../../../../virtual/net/ovs-system',
        'eno2 ../../devices/pci0000:00/0000:00:1c.0/net/eno2',
        'br-ex ../../devices/virtual/net/br-ex',
        'ovs-system ../../devices/virtual/net/ovs-system',
      ].join('\n'),
      'hardware-addresses': 'asked\n9: br-ex    inet 192.0.2.31/24 scope global br-ex\\ valid_lft forever\n',
    };
    expect(ssh('one-group', change)).toMatchObject({ 'br-ex': true, eno1: true, eno2: false });
  });

  test('without ip addresses are unknown, and the kernel tells the routes', () => {
    const change = {
      'hardware-addresses': '',
      'hardware-routes': '/proc/net/route:eno1\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n',
    };
    expect(hardware('one-group', change).net).toMatchObject([{ name: 'eno1', addresses: null, defaultRoute: true }]);
    const six = `/proc/net/ipv6_route:${'0'.repeat(32)} 00 ${'0'.repeat(32)} 00 fe80 00000400 1 0 3     eno1\n`;
    expect(hardware('one-group', { ...change, 'hardware-routes': six }).net).toMatchObject([{ defaultRoute: true }]);
  });

  test('each of several next hops has the default route', () => {
    const change = {
      'hardware-routes': 'default proto bgp \\\tnexthop via 10.0.0.1 dev a weight 1 \\\tnexthop dev eno1 weight 1\n',
    };
    expect(hardware('one-group', change).net).toMatchObject([{ name: 'eno1', defaultRoute: true }]);
  });
});

describe('disks', () => {
  test('of native multipath belong to the controller whose hidden path leads to them', () => {
    const { nvme, block } = hardware('vmd');
    expect(nvme).toEqual([
      {
        ...{ name: 'nvme0', pci: '10000:e1:00.0', serial: 'S4EWNX0N000001', model: 'Samsung SSD 970 EVO Plus 1TB' },
        namespaces: ['nvme0n1'],
      },
    ]);
    expect(block.map(({ name, pci, partitionOf }) => [name, pci, partitionOf])).toEqual([
      ['dm-0', null, null],
      ['nvme0n1', '10000:e1:00.0', null],
      ['nvme0n1p1', '10000:e1:00.0', 'nvme0n1'],
    ]);
  });

  test('subsystem and controller may have other numbers', () => {
    const change = {
      'hardware-nvme-namespaces': [
        '/sys/class/nvme/nvme0/nvme3c0n1',
        '/sys/class/nvme-subsystem/nvme-subsys3/nvme0',
        '/sys/class/nvme-subsystem/nvme-subsys3/nvme3n1',
      ].join('\n'),
    };
    expect(hardware('vmd', change).nvme[0]?.namespaces).toEqual(['nvme3n1']);
  });

  test('are held, mounted and signed; a partition has no signature of its disk', () => {
    const [mapped, disk, partition] = hardware('vmd').block;
    expect(mapped).toMatchObject({ mounts: ['/', '/home'], signature: 'btrfs' });
    expect(mapped?.holders).toEqual(['btrfs 0c2f6d1e-7a55-4e0c-9a53-2f6c1f1c9a10']);
    expect(disk).toMatchObject({ mounts: [], signature: 'gpt', serial: 'S4EWNX0N000001', sizeBytes: 1000204886016 });
    expect(partition).toMatchObject({ holders: ['dm-0'], signature: 'crypto_LUKS' });
  });

  test('that udev found nothing on, and that it has not looked at, are told apart', () => {
    const signature = (text: string) => hardware('vmd', { 'hardware-udev': text }).block[1]?.signature;
    expect(signature('/run/udev/data/b259:1:I:1\n')).toBe('none');
    expect(signature('')).toBeNull();
  });

  test('a member of an imported pool of ZFS is held by it, whether or not it is mounted', () => {
    const udev =
      '/run/udev/data/b259:2:I:1\n/run/udev/data/b259:2:E:ID_FS_TYPE=zfs_member\n/run/udev/data/b259:2:E:ID_FS_LABEL=rpool\n';
    const read = (change: Readonly<Record<string, string>>) =>
      hardware('vmd', { 'hardware-udev': udev, 'hardware-block-holders': '', ...change }).block[2];
    expect(read({ 'hardware-pools': '/proc/spl/kstat/zfs/rpool/state\n' })?.holders).toEqual(['zpool rpool']);
    expect(read({ 'hardware-mounts': '0:30 / / zfs rpool/ROOT/pve-1\n' })).toMatchObject({
      holders: ['zpool rpool'],
      mounts: ['/'],
    });
    expect(read({ 'hardware-pools': '/proc/spl/kstat/zfs/tank/state\n' })?.holders).toEqual([]);
  });

  test('are mounted by number, swapped to by any name, and of a part only where nothing else is', () => {
    const change = {
      'hardware-mounts': '259:2 / /srv/my\\040data ext4 /dev/root\n259:2 /sub /var/x ext4 /dev/root\n',
      'hardware-swaps': '/dev/mapper/luks-root  partition\t8\t0\t-2\n',
    };
    const [mapped, , partition] = hardware('vmd', change).block;
    expect(partition?.mounts).toEqual(['/srv/my data']);
    expect(mapped?.swap).toBe(true);
    expect(hardware('vmd', { 'hardware-mounts': '259:2 /sub /var/x ext4 /dev/root\n' }).block[2]?.mounts).toEqual([
      '/var/x',
    ]);
  });
});

describe('USB devices', () => {
  test('keep their port when their number changes, and a plan that read them holds', () => {
    const [before, after] = [facts('usb-before'), facts('usb-replugged')];
    const ports = (found: Facts) => found.hardware?.usb.map(({ port, device }) => [port, device]);
    expect(ports(before)).toEqual([
      ['1-2', 2],
      ['1-2.3', 3],
      ['1-2.4', 4],
      ['usb1', 1],
    ]);
    expect(ports(after)).toEqual([
      ['1-2', 9],
      ['1-2.3', 11],
      ['1-2.4', 10],
      ['usb1', 1],
    ]);
    const read: Record<string, unknown> = {};
    JSON.stringify(trackFacts(before, (path, value) => (read[path] = value)).hardware);
    expect(read['hardware.usb.1.port']).toBe('1-2.3');
    expect(Object.entries(read).filter(([path, value]) => factAt(after, path) !== value)).toEqual([]);
  });

  test('are told with controller, interfaces and what is a hub', () => {
    expect(hardware('usb-before').usb[1]).toEqual({
      ...{ port: '1-2.3', bus: 1, device: 3, vendor: '0403', product: '6001', serial: 'A1', hub: false },
      ...{
        title: 'FTDI FT232R USB UART: test',
        pci: '0000:00:14.0',
        interfaces: [{ class: 'ff', driver: 'ftdi_sio' }],
        node: { user: 'root', group: 'kvm', mode: '660' },
      },
    });
    expect(hardware('usb-before').usb.map(({ node }) => node?.group ?? null)).toEqual(['root', 'kvm', null, 'root']);
    expect(hardware('usb-before').usb.map(({ hub }) => hub)).toEqual([true, false, false, true]);
  });
});

describe('serial ports', () => {
  test('of USB have their port and their links, but not those by path', () => {
    expect(hardware('usb-before').serial).toMatchObject([
      {
        name: 'ttyUSB0',
        usb: '1-2.3',
        links: ['/dev/modem', '/dev/serial/by-id/usb-FTDI_FT232R_USB_UART_A1-if00-port0'],
      },
      { name: 'ttyUSB1', usb: '1-2.4', uart: null, links: [] },
    ]);
  });

  test('have a UART by type, by name where root asks, or none', () => {
    const change = {
      'hardware-serial': 'ttyS0/type:4\nttyS1/type:0\nttyS2/type:99\nttyS3/type:7\nconsole/active:tty0\n',
      'hardware-serial-uarts': '2: uart:XR17V35X port:000003E8 irq:4 tx:0 rx:0\n1: uart:unknown port:000002F8 irq:3\n',
      'boot-running': 'quiet console=tty0 console=ttyS1,115200n8\n',
      'hardware-serial-gettys': '/etc/systemd/system/getty.target.wants/serial-getty@ttyS3.service\n',
    };
    const ports = hardware('usb-before', change).serial.map(({ name, uart, console, getty }) => [
      name,
      uart,
      console,
      getty,
    ]);
    expect(ports).toEqual([
      ['ttyS0', '16550A', false, false],
      ['ttyS1', null, true, false],
      ['ttyS2', 'XR17V35X', false, false],
      ['ttyS3', '16650V2', false, true],
    ]);
  });

  test('of arm64 that the console is on', () => {
    expect(hardware('arm-domains').serial).toMatchObject([{ name: 'ttyAMA0', uart: null, console: true, getty: true }]);
  });

  test('have no getty that is masked, unless it runs still', () => {
    const unit = 'serial-getty@ttyAMA0.service';
    const link = `/run/systemd/generator/getty.target.wants/${unit}`;
    const running = `/sys/fs/cgroup/system.slice/system-serial\\x2dgetty.slice/${unit}`;
    const getty = (...lines: readonly string[]) =>
      hardware('arm-domains', { 'hardware-serial-gettys': `${lines.join('\n')}\n` }).serial.map((port) => port.getty);
    expect(getty(link, `masked ${unit}`)).toEqual([false]);
    expect(getty(link, running, `masked ${unit}`)).toEqual([true]);
    expect(getty(link, 'masked serial-getty@ttyAMA1.service')).toEqual([true]);
  });
});

test('nodes without memory are none', () => {
  expect(hardware('arm-domains').nodes).toEqual([{ node: 1, totalKiB: 131072000, freeKiB: 65536000 }]);
});

test('free memory of a node does not make a plan stale', () => {
  const read: string[] = [];
  JSON.stringify(trackFacts(facts('arm-domains'), (path) => read.push(path)).hardware?.nodes);
  expect(read).toContain('hardware.nodes.0.totalKiB');
  expect(read).not.toContain('hardware.nodes.0.freeKiB');
});

describe('text for people', () => {
  test('names what uses a device', () => {
    const text = renderFacts(facts('one-group'));
    expect(text).toMatch(/eno1 +0000:00:1f\.6, .*, up, 192\.0\.2\.31\/24, default route, SSH/);
    expect(renderFacts(facts('vmd'))).toMatch(/nvme0n1p1 .*crypto_LUKS, held by dm-0/);
    expect(renderFacts(facts('mellanox-vfs'))).toMatch(/0000:03:00\.0 +32 of 64 virtual functions/);
  });
});

describe('garbage', () => {
  const keys = [...sectionsOf('vmd').keys()].filter((key) => key.startsWith('hardware-'));
  const bits = [
    '0000:01:00.0',
    '10000:e1:00.0',
    'nvme0n1',
    '/',
    ':',
    '=',
    '\\040',
    ' ',
    '\n',
    '*',
    'b8:0',
    'eno1',
    '..',
    '\u0000',
    '-> x',
  ];
  const noise = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.string({ maxLength: 100 }).map((text) => Buffer.from(text)),
    fc.array(fc.constantFrom(...bits), { maxLength: 30 }).map((parts) => Buffer.from(parts.join(''))),
  );

  test('in any section gives facts that can be shown', () => {
    fc.assert(
      fc.property(fc.constantFrom(...names), fc.constantFrom(...keys), noise, (name, key, bytes) => {
        fc.pre(!/undefined|NaN|\[object/.test(Buffer.from(bytes).toString()));
        const found = parseFacts(new Map(sectionsOf(name)).set(key, Buffer.from(bytes)));
        expect(renderFacts(found)).not.toMatch(/undefined|NaN|\[object/);
      }),
      { numRuns: 300 },
    );
  });

  test('mixed into the lines of any section spoils no other line', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...names),
        fc.constantFrom(...keys),
        fc.stringMatching(/^[#@%&]{1,20}$/),
        (name, key, line) => {
          const text = sectionsOf(name).get(key)?.toString() ?? '';
          // The word that ip was asked is the first line of its section.
          const at = text.indexOf('\n') + 1;
          const mixed = `${text.slice(0, at)}${line}\n${text.slice(at)}${line}\n`;
          expect(hardware(name, { [key]: mixed })).toEqual(hardware(name));
        },
      ),
      { numRuns: 200 },
    );
  });
});
