import { describe, expect, test } from 'vitest';
import type { Obstacle } from '../../src/devices/obstacle.ts';
import { obstaclesOf, obstaclesOfPort } from '../../src/devices/obstacles.ts';
import type { OpenNodes } from '../../src/devices/open-nodes.ts';
import { requireFree } from '../../src/devices/require-free.ts';
import { selectUnits } from '../../src/devices/select.ts';
import type { DeviceSelector } from '../../src/devices/selector.ts';
import type { PciDevice } from '../../src/facts/facts.ts';
import type { HardwareFacts } from '../../src/facts/hardware.ts';
import { factsOf } from '../boot/facts.ts';
import { block, detail, host, net, nvme, pci, serial, usb } from './facts.ts';

const nic = pci('0000:18:00.0 020000 8086:1572 i40e 20');
const disk = pci('0000:5e:00.0 010802 144d:a808 nvme 30');
const gpu = pci('0000:3b:00.0 030000 10de:2204 nouveau 12');
const xhci = pci('0000:00:14.0 0c0330 8086:a1af xhci_hcd 5');

/** What stands in the way of a device of a host that also has other devices. */
function against(
  device: PciDevice,
  hardware: Partial<HardwareFacts> = {},
  more: {
    readonly allow?: DeviceSelector['allow'];
    readonly open?: OpenNodes;
    readonly others?: readonly PciDevice[];
  } = {},
): readonly Obstacle[] {
  const facts = host([device, ...(more.others ?? [])], hardware);
  const units = selectUnits(facts, [{ address: device.address, ...(more.allow && { allow: more.allow }) }], 'node01');
  return units.flatMap((unit) => obstaclesOf(facts, unit, more.open));
}

const kinds = (obstacles: readonly Obstacle[]): readonly string[] => obstacles.map(({ kind }) => kind);

describe('an interface', () => {
  const eth = (more: Parameters<typeof net>[1], others: readonly ReturnType<typeof net>[] = []) => ({
    net: [net('eth0', { pci: nic.address, ...more }), ...others],
  });

  test.each([
    ['that carries the SSH connection', { ssh: true }, 'ssh-path', 'eth0 carries this SSH connection'],
    ['below what carries it', { ssh: true, master: 'br0', uppers: ['br0'] }, 'ssh-path', 'is a part of br0'],
    [
      'with the default route',
      { defaultRoute: true, addresses: ['192.0.2.7/24'] },
      'default-route',
      'has 192.0.2.7/24',
    ],
    ['of a bond', { master: 'bond0', uppers: ['bond0'] }, 'network-in-use', 'eth0 is a part of bond0'],
    ['of a bridge', { master: 'br0', uppers: ['br0'] }, 'network-in-use', 'eth0 is a part of br0'],
    ['below a VLAN', { uppers: ['eth0.7'] }, 'network-in-use', 'eth0 is below eth0.7'],
    ['with an address', { up: true, addresses: ['192.0.2.7/24'] }, 'network-in-use', 'eth0 has 192.0.2.7/24'],
    ['of unknown addresses', { up: true, addresses: null }, 'network-in-use', 'could not be read'],
    ['with a link', { up: true, carrier: true }, 'link-up', 'eth0 is up and has a link'],
    ['that may have a link', { up: true, carrier: null }, 'link-up', 'eth0 is up'],
  ] as const)('%s: %s', (_name, more, kind, words) => {
    const found = against(nic, eth(more));
    expect(kinds(found)).toEqual([kind]);
    expect(found[0]).toMatchObject({ device: nic.address, reason: expect.stringContaining(words) });
    expect(found[0]?.remedy).not.toBe('');
  });

  test.each([
    ['is down', { addresses: null }],
    ['has no carrier', { up: true, carrier: false }],
    ['belongs to another device', { pci: '0000:19:00.0', ssh: true }],
  ] as const)('that %s is free', (_name, more) => {
    expect(against(nic, eth(more))).toEqual([]);
  });

  test('with a link passes with consent, one with an address never does', () => {
    expect(against(nic, eth({ up: true, carrier: true }), { allow: ['link-up'] })).toEqual([]);
    expect(kinds(against(nic, eth({ up: true, addresses: ['192.0.2.7/24'] }), { allow: ['link-up'] }))).toHaveLength(1);
  });

  test('names what is on it by its addresses', () => {
    const [found] = against(
      nic,
      eth({ master: 'br0', uppers: ['br0'] }, [net('br0', { addresses: ['192.0.2.9/24'] })]),
    );
    expect(found?.reason).toContain('br0 (192.0.2.9/24)');
  });
});

describe('a disk', () => {
  const controller = { nvme: [nvme('nvme0', disk.address, { serial: 'S4' })] };
  const blocks = (...block: HardwareFacts['block']) => ({ ...controller, block });
  const whole = (more = {}) => block('nvme0n1', { pci: disk.address, signature: 'none', ...more });
  const part = (more = {}) =>
    block('nvme0n1p1', { pci: disk.address, partitionOf: 'nvme0n1', signature: 'none', ...more });

  test.each([
    ['mounted', [whole({ mounts: ['/srv'] })], 'disk-in-use', 'nvme0n1 is mounted at /srv'],
    ['with a mounted partition', [whole(), part({ mounts: ['/srv', '/x'] })], 'disk-in-use', 'at /srv and 1 more'],
    ['with swap', [whole(), part({ swap: true })], 'disk-in-use', 'nvme0n1p1 is swap'],
    ['held by LVM', [whole({ holders: ['dm-3'] })], 'disk-in-use', 'held by dm-3'],
    ['held by a pool', [whole({ holders: ['zpool tank'] })], 'disk-in-use', 'held by zpool tank'],
    ['with the root', [whole(), part({ mounts: ['/'] })], 'boot-disk', 'mounted at /'],
    ['with /boot/efi', [whole(), part({ mounts: ['/boot/efi'] })], 'boot-disk', '/boot/efi'],
    [
      'with the root on LVM on md',
      [whole({ holders: ['md0'] }), block('md0', { holders: ['dm-0'] }), block('dm-0', { mounts: ['/'] })],
      'boot-disk',
      'nvme0n1 is held by md0 (md0 is held by dm-0 (dm-0 is mounted at /))',
    ],
    ['with a file system', [whole({ signature: 'xfs' })], 'data', 'nvme0n1 has xfs on it'],
    ['with a table of partitions', [whole({ signature: 'gpt' })], 'data', 'nvme0n1 has gpt on it'],
    ['with a partition', [whole(), part()], 'data', 'nvme0n1p1 is a partition'],
    ['that nobody has looked at', [whole({ signature: null })], 'data', 'could not be read'],
  ] as const)('%s: %s', (_name, found, kind, words) => {
    const obstacles = against(disk, blocks(...found));
    expect(kinds(obstacles)).toEqual([kind]);
    expect(obstacles[0]).toMatchObject({ device: disk.address, reason: expect.stringContaining(words) });
  });

  test('that is empty is free, and so is a controller without one', () => {
    expect(against(disk, blocks(whole()))).toEqual([]);
    expect(against(disk, controller)).toEqual([]);
  });

  test('with data passes with consent; in use it never does', () => {
    const allow = ['data'] as const;
    expect(against(disk, blocks(whole({ signature: 'xfs' })), { allow })).toEqual([]);
    for (const uses of [{ mounts: ['/srv'] }, { holders: ['dm-0'] }, { swap: true }, { mounts: ['/'] }]) {
      expect(against(disk, blocks(whole({ signature: 'xfs', ...uses })), { allow })).toHaveLength(1);
    }
  });

  test('of native multipath, below no controller, is found by its namespace', () => {
    const multipath = blocks(whole({ pci: null, signature: 'gpt' }), part({ pci: null, mounts: ['/'] }));
    expect(kinds(against(disk, multipath))).toEqual(['boot-disk']);
  });

  test('that holds itself in a circle is told once', () => {
    const found = against(
      disk,
      blocks(whole({ holders: ['dm-0'] }), block('dm-0', { holders: ['dm-1'] }), block('dm-1', { holders: ['dm-0'] })),
    );
    expect(kinds(found)).toEqual(['disk-in-use']);
  });

  test('of another controller is no obstacle', () => {
    expect(against(disk, blocks(block('sda', { pci: '0000:00:17.0', mounts: ['/'] })))).toEqual([]);
  });
});

describe('a display', () => {
  test('that the machine boots with needs consent', () => {
    const boot = { ...gpu, bootVga: true };
    expect(against(boot)).toMatchObject([{ kind: 'boot-display', consent: 'boot-display' }]);
    expect(against(boot, {}, { allow: ['boot-display'] })).toEqual([]);
    expect(against(gpu)).toEqual([]);
  });

  test.each([
    ['1a03:2000', 'ast'],
    ['102b:0534', 'mgag200'],
    ['19e5:1711', '-'],
    ['103c:3306', 'hpilo'],
    ['ffff:0001', 'ast'],
  ])('%s with driver %s is of a BMC, which needs consent', (id, driver) => {
    const bmc = pci(`0000:03:00.0 030000 ${id} ${driver} 9`);
    expect(against(bmc)).toMatchObject([{ kind: 'bmc', consent: 'bmc' }]);
    expect(against(bmc, {}, { allow: ['bmc'] })).toEqual([]);
  });
});

describe('where a device is', () => {
  test('behind VMD it is refused, in domain ffff it is not', () => {
    const hidden = pci('10000:01:00.0 010802 8086:0a54 nvme 30');
    expect(against(hidden)).toMatchObject([{ kind: 'vmd', reason: expect.stringContaining('Intel VMD') }]);
    expect(against(pci('ffff:01:00.0 010802 8086:0a54 nvme 30'))).toEqual([]);
  });

  test('a VMD controller goes with the disks that it hides', () => {
    const vmd = pci('0000:5d:05.5 010400 8086:201d vmd 9');
    const hidden = { pci: '10000:01:00.0', mounts: ['/srv'] };
    expect(kinds(against(vmd, { block: [block('nvme0n1', hidden)] }))).toEqual(['disk-in-use']);
    expect(against(vmd, { block: [block('nvme0n1', { ...hidden, pci: '0000:5e:00.0' })] })).toEqual([]);
  });

  test.each([
    ['a bridge', '060400 8086:2030 pcieport', 'bridge'],
    ['an ISA bridge', '060100 8086:a1c1 -', 'bridge'],
    ['an IOMMU', '080600 1022:1481 -', 'system-device'],
    ['an interrupt controller', '080020 8086:2036 -', 'system-device'],
  ])('%s is never given', (_name, text, kind) => {
    const allow = ['data', 'boot-display', 'bmc', 'link-up', 'input'] as const;
    expect(kinds(against(pci(`0000:64:00.0 ${text} 4`), {}, { allow }))).toContain(kind);
  });

  test('a bridge with a driver of its own spoils the group, one that VFIO looks away from does not', () => {
    const isa = pci('0000:00:1f.0 060100 8086:a1c1 lpc_ich 12');
    expect(against(gpu, {}, { others: [isa] })).toMatchObject([
      { kind: 'group-mate', device: isa.address, reason: expect.stringContaining('lpc_ich') },
    ]);
    expect(against(gpu, {}, { others: [{ ...isa, driver: null }] })).toEqual([]);
    expect(against(gpu, {}, { others: [pci('0000:3a:00.0 060400 8086:2030 pcieport 12')] })).toEqual([]);
    expect(against(gpu, {}, { others: [pci('0000:3a:00.0 060400 8086:2030 shpchp 12')] })).toEqual([]);
  });

  test('behind a bridge from PCIe to PCI it shares the group with all that is there', () => {
    const bridge = pci('0000:02:00.0 060400 1a03:1150 - 25');
    const card = pci('0000:03:01.0 070002 13a8:0158 serial 25');
    const bmc = pci('0000:03:00.0 030000 1a03:2000 ast 25');
    expect(against(card, {}, { others: [bridge, bmc] })).toMatchObject([
      {
        kind: 'bmc',
        device: bmc.address,
        reason: expect.stringContaining(`goes with ${card.address} (IOMMU group 25)`),
      },
    ]);
  });
});

test('a mate of the slot that is in use is an obstacle, and says with what it goes', () => {
  const second = pci('0000:18:00.1 020000 8086:1572 i40e 21');
  const hardware = { net: [net('eth1', { pci: second.address, ssh: true })] };
  expect(against(nic, hardware, { others: [second] })).toMatchObject([
    {
      kind: 'ssh-path',
      device: second.address,
      reason: expect.stringMatching(/goes with 0000:18:00.0 \(the same card\)/),
    },
  ]);
  expect(against(nic, hardware, { others: [{ ...second, address: '0000:19:00.0' }] })).toEqual([]);
});

test('a physical function goes with its virtual ones; without any it is free', () => {
  const vf = pci('0000:18:02.0 020000 8086:154c vfio-pci 40');
  const sriov = { total: 64, active: 1, autoprobe: false };
  const details = { [nic.address]: detail({ sriov }), [vf.address]: detail({ physicalFunction: nic.address }) };
  expect(against(nic, { pci: details }, { others: [vf] })).toMatchObject([
    { kind: 'virtual-functions', reason: 'it has 1 virtual function (0000:18:02.0 on vfio-pci)' },
  ]);
  expect(against(vf, { pci: details }, { others: [nic] })).toEqual([]);
  expect(against(nic, { pci: { [nic.address]: detail({ sriov: { ...sriov, active: 0 } }) } })).toEqual([]);
});

describe('a controller of USB', () => {
  const on = (more: Parameters<typeof usb>[1]) => ({ usb: [usb('1-4', { pci: xhci.address, ...more })] });

  test('with a keyboard is refused', () => {
    const keyboard = { title: 'Dell Keyboard', interfaces: [{ class: '03', driver: 'usbhid' }] };
    expect(against(xhci, on(keyboard))).toMatchObject([
      { kind: 'input', reason: expect.stringContaining('1-4 Dell Keyboard') },
    ]);
    expect(against(xhci, on({ ...keyboard, pci: '0000:00:15.0' }))).toEqual([]);
    expect(against(xhci, on(keyboard), { allow: ['input'] })).toEqual([]);
    expect(against(xhci, on(keyboard), { allow: ['bmc'] })).toHaveLength(1);
  });

  test('with what a BMC has plugged in needs consent', () => {
    const virtual = on({
      vendor: '046b',
      title: 'American Megatrends Virtual Keyboard',
      interfaces: [{ class: '03', driver: null }],
    });
    expect(against(xhci, virtual)).toMatchObject([{ kind: 'bmc', consent: 'bmc' }]);
    expect(against(xhci, virtual, { allow: ['bmc'] })).toEqual([]);
  });

  test('goes with disks and interfaces that are plugged in', () => {
    const hardware = {
      ...on({}),
      block: [block('sda', { pci: xhci.address, usb: '1-4', mounts: ['/boot'] })],
      net: [net('usb0', { pci: xhci.address, usb: '1-4', ssh: true })],
    };
    expect(kinds(against(xhci, hardware))).toEqual(['ssh-path', 'boot-disk']);
  });

  test('with a dongle and hubs is free', () => {
    expect(
      against(xhci, { usb: [usb('usb1', { pci: xhci.address, hub: true }), usb('1-4', { pci: xhci.address })] }),
    ).toEqual([]);
  });
});

describe('a port of USB', () => {
  const port = (hardware: Partial<HardwareFacts>) => kinds(obstaclesOfPort(host([xhci], hardware), '1-4'));

  test('with a hub, a mounted disk, or a NIC with SSH is refused', () => {
    expect(port({ usb: [usb('1-4', { hub: true })] })).toEqual(['hub']);
    expect(port({ block: [block('sda', { usb: '1-4', mounts: ['/mnt'] })] })).toEqual(['disk-in-use']);
    expect(port({ net: [net('usb0', { usb: '1-4', ssh: true })] })).toEqual(['ssh-path']);
    expect(port({ usb: [usb('1-4.2', { interfaces: [{ class: '03', driver: null }] })] })).toEqual(['input']);
  });

  test('with a dongle is free, whatever is at port 1-40', () => {
    expect(port({ usb: [usb('1-4')], net: [net('usb0', { usb: '1-40', ssh: true })] })).toEqual([]);
  });
});

test('a serial card with a console or a getty is refused, another is free', () => {
  const card = pci('0000:03:01.0 070002 13a8:0158 serial 25');
  const port = (more = {}) => ({ serial: [serial('ttyS4', { pci: card.address, ...more })] });
  expect(against(card, port({ console: true }))).toMatchObject([
    { kind: 'console', remedy: expect.stringContaining('console=ttyS4') },
  ]);
  expect(against(card, port({ getty: true }))).toMatchObject([
    { remedy: expect.stringContaining('serial-getty@ttyS4.service') },
  ]);
  expect(against(card, port())).toEqual([]);
});

describe('a process that has a device open', () => {
  const node = (path: string, pciAddress: string | null = null, pid = 812) => [
    { path, pid, process: 'Xorg', pci: pciAddress },
  ];

  test.each([
    ['a display', gpu, node('/dev/dri/card0', gpu.address)],
    ['a GPU of the driver by NVIDIA', { ...gpu, driver: 'nvidia' }, node('/dev/nvidia0', gpu.address)],
    ['one of which nobody says which it is', { ...gpu, driver: 'nvidia' }, node('/dev/nvidia0')],
    ['the whole driver by NVIDIA', { ...gpu, driver: 'nvidia' }, node('/dev/nvidiactl')],
    ['the whole driver by AMD', { ...gpu, driver: 'amdgpu' }, node('/dev/kfd')],
    ['a disk', disk, node('/dev/nvme0n1')],
    ['a controller', disk, node('/dev/nvme0')],
    ['a partition', disk, node('/dev/nvme0n1p1')],
    ['a dongle', xhci, node('/dev/bus/usb/001/002')],
  ] as const)('%s: refused', (_name, device, open) => {
    const hardware = {
      nvme: [nvme('nvme0', disk.address)],
      block: [block('nvme0n1p1', { partitionOf: 'nvme0n1', pci: disk.address, signature: 'none' })],
      usb: [usb('1-4', { pci: xhci.address })],
    };
    const found = against(device, hardware, { open, allow: ['data'] });
    expect(found).toMatchObject([
      { kind: 'in-use', device: device.address, reason: expect.stringContaining('Xorg (812)') },
    ]);
  });

  test.each([
    ['of another device', gpu, node('/dev/dri/card1', '0000:af:00.0')],
    ['that a guest has', { ...gpu, driver: 'vfio-pci' }, node('/dev/vfio/12')],
    [
      'of the driver, beside that of another device',
      { ...gpu, driver: 'nvidia' },
      [...node('/dev/nvidiactl'), ...node('/dev/nvidia1', '0000:af:00.0')],
    ],
    ['of nothing', gpu, []],
  ] as const)('a node %s does not count', (_name, device, open) => {
    expect(against(device, {}, { open })).toEqual([]);
  });

  test('is unknown without rights; not looked for, it is not judged', () => {
    expect(kinds(against(gpu, {}, { open: null }))).toEqual(['unknown']);
    expect(against({ ...gpu, driver: 'vfio-pci' }, {}, { open: null })).toEqual([]);
    expect(against(gpu)).toEqual([]);
  });
});

test('where nobody has read what uses it, it is not free', () => {
  const facts = factsOf({ pci: [gpu], hardware: null });
  expect(kinds(obstaclesOf(facts, { selected: [gpu], mates: [], allow: [] }))).toEqual(['unknown']);
});

test('a refusal names host, device, reason and remedy, with the code of the first obstacle', () => {
  const facts = host([nic, disk], {
    net: [net('eth0', { pci: nic.address, ssh: true })],
    block: [block('nvme0n1', { pci: disk.address, mounts: ['/'] })],
  });
  const units = selectUnits(facts, [{ address: nic.address }, { address: disk.address }], 'node01');
  expect(() => requireFree(facts, units, 'node01')).toThrow(
    expect.objectContaining({
      code: 'device.ssh-path',
      message: expect.stringMatching(
        /^node01: devices 0000:18:00.0, 0000:5e:00.0: .*SSH connection.*mounted at \/; next: reach/,
      ),
    }),
  );
  expect(() => requireFree(facts, [], 'node01')).not.toThrow();
});
