import { describe, expect, it } from 'vitest';
import type { VirtualFunctions } from '../../src/devices/virtual-functions.ts';
import type { Facts } from '../../src/facts/facts.ts';
import type { Change } from '../../src/resources/resource.ts';
import { virtualFunctions } from '../../src/resources/virtual-functions.ts';
import { stateOf } from '../boot/files.ts';
import { type Nic, nicFacts, pfAddress } from './nic.ts';

const pf = { address: pfAddress, id: '8086:1572' };
const unit = 'vfleet-vfs-0000:3b:00.0.service';

type Files = Readonly<Record<string, string>>;
interface Said {
  readonly use?: string;
  readonly owners?: string;
  readonly firmware?: string;
}

function change(facts: Facts, wishes: readonly VirtualFunctions[], files: Files = {}, said: Said = {}): Change | null {
  const probes = Object.fromEntries(Object.entries(said).map(([key, stdout]) => [key, { code: 0, stdout }]));
  const context = { host: 'node01', facts, ownedArguments: {} };
  return virtualFunctions(...wishes).change(stateOf(files, probes), context);
}

/** The files that a wish writes. */
function filesFor(nic: Nic, wish: VirtualFunctions): Files {
  const actions = change(nicFacts(nic), [wish])?.actions ?? [];
  return Object.fromEntries(actions.flatMap((one) => (one.kind === 'write' ? [[one.path, one.text]] : [])));
}

const eight = { pf, count: 8 };
const held = new Array<string>(8).fill('vfio-pci');

describe('the number of functions', () => {
  it('is made now and at every boot, by a unit of its own', () => {
    const made = change(nicFacts(), [eight]);
    expect(made?.actions.map((action) => action.kind === 'write' && action.path)).toEqual([
      `/etc/systemd/system/${unit}`,
      '/etc/systemd/system/multi-user.target.d/50-vfleet-vfs-0000:3b:00.0.conf',
      '/etc/vfleet/vfs-0000:3b:00.0.sh',
    ]);
    expect(made?.effects).toMatchObject([{ kind: 'service', unit }]);
    expect(made?.summary).toBe('make 8 virtual functions of 0000:3b:00.0 for vfio-pci');
  });

  describe('with a function that another playbook has bound', () => {
    const rule = {
      '/etc/udev/rules.d/82-vfleet-custom-pci.rules': '# 0000:3b:02.1 [8086:154c]\nKERNEL=="0000:3b:02.1"\n',
    };
    const facts = nicFacts({ functions: ['iavf', 'vfio-pci'] });

    it('is refused where the host is to have it back, or it would go', () => {
      const refused = /0000:3b:02\.1.*82-vfleet-custom-pci\.rules/;
      expect(() => change(facts, [{ pf, count: 2, driver: 'host' }], rule)).toThrow(refused);
      expect(() => change(facts, [eight], rule)).toThrow(refused);
      expect(() => change(facts, [], { ...rule, ...filesFor({}, { pf, count: 2 }) })).toThrow(refused);
    });

    it('is as wished where it is for guests here, too, or another NIC has it', () => {
      expect(change(facts, [{ pf, count: 2 }], rule)).not.toBeNull();
      const other = { '/etc/udev/rules.d/82-vfleet-custom-pci.rules': '# 0000:3b:0a.1 [8086:154c]\n' };
      expect(change(facts, [{ pf, count: 2, driver: 'host' }], other)).not.toBeNull();
    });
  });

  it('is left alone where it is as wished, and made again where somebody has taken it', () => {
    const files = filesFor({}, eight);
    expect(change(nicFacts({ functions: held }), [eight], files)).toBeNull();
    expect(change(nicFacts(), [eight], files)).toMatchObject({ actions: [], effects: [{ kind: 'service', unit }] });
  });

  it('may be made on a NIC that carries the SSH connection', () => {
    expect(change(nicFacts({ net: { up: true, ssh: true } }), [eight])?.effects).toMatchObject([{ kind: 'service' }]);
  });

  it('is changed by way of 0 where nothing uses them', () => {
    const functions = ['iavf', 'iavf'];
    expect(change(nicFacts({ functions }), [eight])?.effects).toMatchObject([{ kind: 'service', unit }]);
  });

  it('is changed at the next boot where the NIC is in use, as its link may go down', () => {
    const functions = ['vfio-pci'];
    const made = change(nicFacts({ functions, net: { up: true, master: 'bond0' } }), [eight]);
    expect(made?.effects).toMatchObject([{ kind: 'reboot', reason: expect.stringContaining('bond0') }]);
    expect(made?.notes.join()).toContain('at the next boot');
  });

  it.each([
    [
      'open through VFIO',
      { use: '0000:3b:02.0 4711\n' },
      {},
      /0000:3b:02\.0: process 4711 has it open.*stop the guest of process 4711, or detach 0000:3b:02\.0/,
    ],
    [
      'given a MAC address',
      {
        use: `vf ${pfAddress} 0 0000:3b:02.0\nmac ${pfAddress} 0     link/ether 52:54:00:aa:00:01 brd ff:ff:ff:ff:ff:ff, spoof\n`,
      },
      {},
      /MAC address 52:54:00:aa:00:01.*ip link set ens1f0 vf 0 mac/,
    ],
    [
      'given a MAC address, by an older ip',
      { use: `mac ${pfAddress} 0 MAC 52:54:00:AA:00:01, spoof checking on\nvf ${pfAddress} 0 0000:3b:02.0\n` },
      {},
      /MAC address 52:54:00:aa:00:01/,
    ],
    [
      'up',
      {},
      { others: [{ name: 'ens1f0v0', pci: '0000:3b:02.0', up: true }] },
      /0000:3b:02\.0: ens1f0v0 is up.*ip link set ens1f0v0 down/,
    ],
  ] as const)('is not changed while a function is %s: EBUSY is explained', (_why, said, nic: Nic, message) => {
    const facts = nicFacts({ functions: ['vfio-pci'], ...nic });
    expect(() => change(facts, [eight], {}, said)).toThrow(message);
    expect(() => change(facts, [eight], {}, said)).toThrow(/EBUSY.*nothing was changed/);
    expect(() => change(facts, [{ pf, count: 1 }], {}, said)).not.toThrow();
  });

  it('is changed all the same where a MAC address is zeros, or an interface of the host has it', () => {
    const use = `vf ${pfAddress} 0 0000:3b:02.0\nmac ${pfAddress} 0 link/ether 00:00:00:00:00:00 brd x\n`;
    expect(change(nicFacts({ functions: ['vfio-pci'] }), [eight], {}, { use })).not.toBeNull();
    const own = use.replace('00:00:00:00:00:00', '3c:fd:fe:00:01:00');
    expect(change(nicFacts({ functions: ['iavf'] }), [eight], {}, { use: own })).not.toBeNull();
  });
});

describe.each([
  ['more than it can have', { total: 4 }, eight, /expected 8 virtual functions, found 4.*ERANGE.*ask for 4 at most/],
  ['no driver', { driver: null }, eight, /no driver; the kernel answers ENOENT/],
  ['a driver that offers none', { total: null }, eight, /offers none.*SR-IOV on in the BIOS/],
  ['a NIC that is given to guests', { driver: 'vfio-pci' }, eight, /vfio-pci: it is given to guests/],
  ['another device at the address', {}, { pf: { address: pfAddress, id: '15b3:1017' }, count: 8 }, /8086:1572/],
  [
    'a function of another',
    { functions: held },
    { pf: { address: '0000:3b:02.1' }, count: 1 },
    /virtual function of 0000:3b/,
  ],
] as const)('%s', (_why, nic: Nic, wish: VirtualFunctions, message) => {
  it('is refused, and explained', () => {
    expect(() => change(nicFacts(nic), [wish])).toThrow(message);
    expect(() => virtualFunctions(wish).read(nicFacts(nic))).not.toThrow();
  });
});

it('facts in which nothing of devices was read refuse', () => {
  expect(() => change({ ...nicFacts(), hardware: null }, [eight])).toThrow(
    expect.objectContaining({ code: 'device.unknown' }),
  );
});

it('one device with two wishes, and a number that is none, are refused', () => {
  expect(() => change(nicFacts(), [eight, { pf, count: 4 }])).toThrow(/two wishes/);
  expect(() => virtualFunctions({ pf, count: -1 })).toThrow(/whole number/);
});

describe('functions of another driver', () => {
  const files = filesFor({}, eight);
  const mixed = [...held.slice(1), 'iavf'];
  it('are handed over', () => {
    expect(change(nicFacts({ functions: mixed }), [eight], files)?.effects).toMatchObject([{ kind: 'service', unit }]);
    const host = { ...eight, driver: 'host' } as const;
    expect(change(nicFacts({ functions: mixed }), [host], filesFor({}, host))?.effects).toMatchObject([
      { kind: 'service' },
    ]);
    expect(change(nicFacts({ functions: mixed.map(() => null) }), [host], filesFor({}, host))).toBeNull();
  });

  it('are not, while they are in use', () => {
    const others = [{ name: 'v7', pci: '0000:3b:02.7', up: true }];
    expect(() => change(nicFacts({ functions: mixed, others }), [eight], files)).toThrow(/v7 is up/);
  });
});

describe('a device that is named no more', () => {
  const files = filesFor({}, eight);
  it('loses its unit and its functions', () => {
    const gone = change(nicFacts({ functions: held }), [], files);
    expect(gone?.actions.map((action) => action.kind)).toEqual(['remove', 'remove', 'remove']);
    expect(gone?.effects).toMatchObject([{ kind: 'service', unit, gone: true }]);
    expect(change(nicFacts(), [], files)?.effects).toEqual([]);
  });

  it('keeps them while a guest has one', () => {
    const use = '0000:3b:02.3 99\n';
    expect(() => change(nicFacts({ functions: held }), [], files, { use })).toThrow(/process 99/);
  });

  it('keeps them where another playbook has made them', () => {
    const theirs = { playbooks: ['other'], whole: true, made: true };
    const shared = {
      tokens: {},
      lines: {},
      files: new Map(Object.keys(files).map((path) => [path, theirs])),
      mine: { tokens: {}, lines: {} },
    };
    const context = { host: 'node01', facts: nicFacts({ functions: held }), ownedArguments: {}, shared };
    expect(virtualFunctions().change(stateOf(files), context)).toBeNull();
  });
});

describe('another owner of the number', () => {
  it.each([
    [
      'a udev rule for the interface',
      '/etc/udev/rules.d/70-sriov.rules:ACTION=="add", SUBSYSTEM=="net", KERNEL=="ens1f0", ATTR{device/sriov_numvfs}="8"',
    ],
    [
      'a udev rule for its driver',
      '/etc/udev/rules.d/70-sriov.rules:ACTION=="add", DRIVERS=="i40e", ATTR{sriov_numvfs}="8"',
    ],
    [
      'NetworkManager',
      '/etc/NetworkManager/system-connections/a b.nmconnection:interface-name=ens1f0\n/etc/NetworkManager/system-connections/a b.nmconnection:[sriov]\n/etc/NetworkManager/system-connections/a b.nmconnection:total-vfs=4',
    ],
    [
      'systemd, by MAC address',
      '/etc/systemd/network/10-x.link:MACAddress=3c:fd:fe:00:00:01\n/etc/systemd/network/10-x.link:SR-IOVVirtualFunctions=8',
    ],
    [
      'a unit of somebody',
      '/etc/systemd/system/sriov.service:ExecStart=/bin/sh -c "echo 8 > /sys/class/net/ens1f0/device/sriov_numvfs"',
    ],
    ['an option of its driver', '/etc/modprobe.d/x.conf:options i40e max_vfs=8'],
  ])('is refused with its file: %s', (_who, owners) => {
    const path = owners.slice(0, owners.indexOf(':'));
    expect(() => change(nicFacts(), [eight], {}, { owners })).toThrow(
      expect.objectContaining({ code: 'device.owner', message: expect.stringContaining(path) }),
    );
  });

  it('is refused where the kernel is told by an argument', () => {
    const boot = { running: 'root=/dev/sda1 igb.max_vfs=7' };
    expect(() => change(nicFacts({ driver: 'igb', boot }), [eight])).toThrow(/igb\.max_vfs=7/);
    expect(change(nicFacts({ driver: 'i40e', boot }), [eight])).not.toBeNull();
  });

  it.each([
    ['of another interface', '/etc/udev/rules.d/70.rules:KERNEL=="eno1", ATTR{device/sriov_numvfs}="8"'],
    ['of another driver', '/etc/modprobe.d/x.conf:options ixgbe max_vfs=8'],
    ['in a comment', '/etc/rc.local:# echo 8 > /sys/class/net/ens1f0/device/sriov_numvfs'],
    [
      'of an interface whose name begins alike',
      '/etc/udev/rules.d/70.rules:KERNEL=="eno1", NAME!="ens1f0x", ATTR{device/sriov_numvfs}="8"',
    ],
    ['of our own', '/etc/systemd/system/vfleet-vfs-0000:3b:00.0.service:ExecStop=echo 0 >sriov_numvfs'],
    ['that owns no number', '/etc/systemd/network/10-x.link:OriginalName=ens1f0'],
  ])('is none: %s', (_who, owners) => {
    expect(change(nicFacts(), [eight], {}, { owners })).not.toBeNull();
  });
});

describe('firmware of a Mellanox NIC', () => {
  const wish = { pf: { address: pfAddress }, count: 16, firmware: true };
  const mellanox = { vendor: '15b3', driver: 'mlx5_core', total: 8 };
  // Columns as mstconfig -e prints them: default, current, next boot.
  const three = (enabled: string, vfs: number): string => `firmware ${pfAddress}
*       NUM_OF_VFS                                  0                    8                    ${vfs}
        SRIOV_EN                                    False(0)             True(1)              ${enabled}
`;
  it('is set where it is asked for and too low, with the reboot that it takes', () => {
    const made = change(nicFacts(mellanox), [wish], {}, { firmware: three('True(1)', 8) });
    expect(made?.actions[0]).toMatchObject({ kind: 'run', label: 'set NUM_OF_VFS=16 in the firmware of 0000:3b:00.0' });
    expect(made?.effects).toMatchObject([{ kind: 'reboot' }]);
    expect(made?.notes.join()).toContain('power is off and on');
  });

  it('is set where it has no functions at all yet; older mstconfig prints one column', () => {
    const firmware = `firmware ${pfAddress}\n         SRIOV_EN            False(0)\n         NUM_OF_VFS          0\n`;
    const made = change(nicFacts({ ...mellanox, total: null }), [wish], {}, { firmware });
    expect(made?.actions[0]).toMatchObject({ label: expect.stringContaining('set SRIOV_EN=1 NUM_OF_VFS=16') });
  });

  it.each([
    ['it is set, and the NIC was not reset', {}, three('True(1)', 16), /cold reboot/],
    ['there is no mstconfig', {}, 'no mstconfig\n', /install mstflint/],
    [
      'the kernel is locked down',
      { lockdown: 'integrity' },
      three('False(0)', 8),
      /lockdown of the kernel \(integrity\)/,
    ],
    ['it cannot be read', {}, `firmware ${pfAddress}\n-E- Failed to open the device\n`, /Failed to open the device/],
    ['it is no Mellanox', { vendor: '8086' }, '', /expected a NIC of Mellanox/],
  ] as const)('is refused where %s', (_why, nic: Nic, firmware, message) => {
    expect(() => change(nicFacts({ ...mellanox, ...nic }), [wish], {}, { firmware })).toThrow(message);
  });

  it('is not touched where it gives enough, and not where nobody asked', () => {
    const enough = change(nicFacts({ ...mellanox, total: 16 }), [wish], {}, { firmware: 'no mstconfig\n' });
    expect(enough?.actions.every((action) => action.kind === 'write')).toBe(true);
    expect(() => change(nicFacts(mellanox), [{ ...wish, firmware: false }])).toThrow(/ERANGE.*nothing was changed/);
  });
});
