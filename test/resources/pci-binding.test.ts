import { describe, expect, it } from 'vitest';
import type { Check } from '../../src/checks/check.ts';
import { devicesBound } from '../../src/checks/devices-bound.ts';
import { devicesOf, selectUnits } from '../../src/devices/select.ts';
import type { DeviceSelector } from '../../src/devices/selector.ts';
import { parseBound } from '../../src/facts/bound-devices.ts';
import type { Facts, PciDevice } from '../../src/facts/facts.ts';
import type { HardwareFacts } from '../../src/facts/hardware.ts';
import { readCommandLine } from '../../src/lab/model/command-line.ts';
import { applyUdevRules } from '../../src/lab/model/udev-event.ts';
import { pciUdevDevice } from '../../src/lab/model/udev-pci.ts';
import { readUdevRules } from '../../src/lab/model/udev-rules.ts';
import type { Effect } from '../../src/resources/effect.ts';
import { mergeEffects } from '../../src/resources/effect-order.ts';
import { type PciBindingOptions, pciBinding } from '../../src/resources/pci-binding.ts';
import type { Change, ChangeContext, FileState, Shared } from '../../src/resources/resource.ts';
import { stateOf } from '../boot/files.ts';
import { block, detail, host, nvme, pci } from '../devices/facts.ts';
import { errorCode } from '../error-code.ts';

const rule = '/etc/udev/rules.d/82-vfleet-test.rules';
const hook = '/etc/initramfs-tools/hooks/vfleet-test';
const dracut = '/etc/dracut.conf.d/vfleet-test.conf';

const disk = pci('0000:5e:00.0 010802 144d:a808 nvme 30');
const nic = pci('0000:18:00.0 020000 8086:1572 i40e 20');
const gpu = pci('0000:3b:00.0 030000 10de:2204 nouveau 12');
const audio = pci('0000:3b:00.1 040300 10de:1aef snd_hda_intel 12');
const disks: Partial<HardwareFacts> = { nvme: [nvme('nvme0', disk.address, { serial: 'S4EMNX0R123456' })] };

const noShared: Shared = { tokens: {}, lines: {}, files: new Map(), mine: { tokens: {}, lines: {} } };

interface Given {
  readonly files?: Readonly<Record<string, string | FileState>>;
  readonly options?: Partial<PciBindingOptions>;
  readonly open?: string;
  readonly context?: Partial<ChangeContext>;
  /** Files of the playbook, with what they made due. */
  readonly own?: readonly (readonly [path: string, effects: readonly Effect[]])[];
}

function change(facts: Facts, devices: readonly (string | DeviceSelector)[], given: Given = {}): Change | null {
  const { files = {}, options, open = '', context, own = [] } = given;
  const selectors = devices.map((one) => (typeof one === 'string' ? { address: one } : one));
  const shared = { ...noShared, mine: { ...noShared.mine, files: new Map(own) } };
  return pciBinding(selectors, { name: 'test', ...options }).change(
    stateOf(files, { open: { code: 0, stdout: `root\n${open}` } }),
    { host: 'node01', facts, ownedArguments: {}, shared, ...context },
  );
}

const withIommu = (facts: Facts): Facts => ({
  ...facts,
  iommu: { ...facts.iommu, units: ['dmar0'], groups: [{ id: 12, devices: [gpu.address] }] },
});
const bound = (device: PciDevice): PciDevice => ({ ...device, driver: 'vfio-pci', driverOverride: 'vfio-pci' });
const writes = (found: Change | null): Readonly<Record<string, string>> =>
  Object.fromEntries(
    (found?.actions ?? []).flatMap((action) => (action.kind === 'write' ? [[action.path, action.text]] : [])),
  );
const placed = (found: Change | null): Readonly<Record<string, FileState>> =>
  Object.fromEntries(
    (found?.actions ?? []).flatMap((action) => {
      if (action.kind !== 'write') return [];
      const { path, text, mode, owner } = action;
      return [[path, { kind: 'file', bytes: Buffer.from(text), mode, owner } as const]];
    }),
  );
const removes = (found: Change | null): readonly string[] =>
  (found?.actions ?? []).flatMap((action) => (action.kind === 'remove' ? [action.path] : []));
const kinds = (found: Change | null): readonly string[] => mergeEffects(found?.effects ?? []).map(({ kind }) => kind);

describe('a disk', () => {
  const facts = host([disk, nic], disks);
  const first = change(facts, [disk.address]);

  it('is bound by address and ids from the initramfs on, and at once', () => {
    const text = writes(first)[rule] ?? '';
    expect(text).toContain('# 0000:5e:00.0 [144d:a808] driver nvme serial S4EMNX0R123456\n');
    expect(text).toContain('ATTR{vendor}=="0x144d", ATTR{device}=="0xa808", ATTR{driver_override}="vfio-pci"');
    expect(writes(first)[hook]).toContain('manual_add_modules vfio vfio_iommu_type1 vfio_pci\n');
    expect(first?.actions).toContainEqual(expect.objectContaining({ path: hook, mode: '0755' }));
    expect(kinds(first)).toEqual(['initramfs', 'udev', 'devices']);
    expect(first?.summary).toBe('bind 0000:5e:00.0 to vfio-pci');
  });

  it('is bound only behind the bridges that it is behind now, as addresses of one model may move', () => {
    const bridges = {
      [disk.address]: detail({ parent: '0000:5d:02.0' }),
      '0000:5d:02.0': detail({ parent: '0000:00:1c.4' }),
      '0000:00:1c.4': detail(),
    };
    const text = writes(change(host([disk], { ...disks, pci: bridges }), [disk.address]))[rule] ?? '';
    expect(text).toContain(
      'KERNEL=="0000:5e:00.0", DEVPATH=="*/pci0000:??/0000:00:1c.4/0000:5d:02.0/0000:5e:00.0", ATTR{vendor}',
    );
    // One that is on a root bus is behind none.
    expect(writes(first)[rule]).toContain('DEVPATH=="*/pci0000:??/0000:5e:00.0"');
  });

  it('is not bound in a boot whose command line has vfleet.nobind', () => {
    const { rules, unknown } = readUdevRules('82-vfleet-test.rules', writes(first)[rule] ?? '');
    expect(unknown).toEqual([]);
    const boot = (line: string) => {
      const { address, class: code, vendor, device: id } = disk;
      const device = { address, class: code, vendor, device: id, driver: 'nvme', group: 30 };
      const event = pciUdevDevice('add', device, { pci: [device], commandLine: readCommandLine(line) }, null);
      const { written, run } = applyUdevRules(rules, event);
      return [written.get('driver_override') ?? null, run.length];
    };
    expect(boot('root=/dev/nvme0n1p2 quiet')).toEqual(['vfio-pci', 2]);
    expect(boot('root=/dev/nvme0n1p2 vfleet.nobind quiet')).toEqual([null, 0]);
    expect(boot('vfleet.nobind=1')).toEqual([null, 0]);
    expect(boot('vfleet.nobinding')).toEqual(['vfio-pci', 2]);
  });

  it('is nothing to do once it is bound, though its serial number cannot be read any more', () => {
    const selector = { address: disk.address, serial: 'S4EMNX0R123456' };
    expect(change(host([bound(disk), nic]), [selector], { files: placed(first) })).toBeNull();
  });

  it('is refused where another serial number was read when it was bound', () => {
    const selector = { address: disk.address, serial: 'OTHER' };
    const act = () => change(host([bound(disk), nic]), [selector], { files: writes(first) });
    expect(act).toThrow(/expected serial OTHER, found serial S4EMNX0R123456 when it was bound/);
  });

  it('is bound again where its driver has it, with the files in place', () => {
    const again = change(facts, [disk.address], { files: writes(first) });
    expect(again?.effects).toContainEqual(
      expect.objectContaining({
        kind: 'devices',
        devices: [{ address: disk.address, id: '144d:a808', driver: 'vfio-pci' }],
      }),
    );
  });

  it('goes with dracut by its own configuration', () => {
    const found = change({ ...facts, boot: { ...facts.boot, initramfs: 'dracut' } }, [disk.address]);
    expect(writes(found)[dracut]).toContain('add_drivers+=" vfio vfio_iommu_type1 vfio_pci "\n');
    expect(writes(found)[dracut]).toContain(`install_items+=" ${rule} "\n`);
  });

  it('needs no modules in the initramfs where they are built in', () => {
    const vfio = ['vfio', 'vfio_iommu_type1', 'vfio_pci'].map(
      (name) => ({ name, running: 'builtin', next: 'builtin' }) as const,
    );
    const found = change({ ...facts, modules: { loaded: [], vfio } }, [disk.address]);
    expect(writes(found)[hook]).not.toContain('manual_add_modules');
  });

  it('is refused where nobody can build an initramfs, unless it is to be bound late', () => {
    const none = { ...facts, boot: { ...facts.boot, initramfs: 'none' } as const };
    expect(errorCode(() => change(none, [disk.address]))).toBe('initramfs.unsupported');
    const late = change(none, [disk.address], { options: { early: false } });
    expect(Object.keys(writes(late))).toEqual([rule]);
    expect(kinds(late)).toEqual(['udev', 'devices']);
  });

  it.each([
    ['mounted', { mounts: ['/srv'] }, 'device.disk-in-use'],
    ['with data', { signature: 'xfs' }, 'device.data'],
  ])('that is %s is refused before anything is written', (_how, more, code) => {
    const used = host([disk], { ...disks, block: [block('nvme0n1', { pci: disk.address, ...more })] });
    expect(errorCode(() => change(used, [disk.address]))).toBe(code);
  });

  it('that a process has open is refused', () => {
    const open = 'open 17 /dev/nvme0n1 dd\nnode 0000:5e:00.0 nvme0n1\n';
    expect(() => change(facts, [disk.address], { open })).toThrow(/dd \(17\) has \/dev\/nvme0n1 open/);
  });

  it('with data is bound where that is allowed', () => {
    const used = host([disk], { ...disks, block: [block('nvme0n1', { pci: disk.address, signature: 'xfs' })] });
    expect(change(used, [{ address: disk.address, allow: ['data'] }])).not.toBeNull();
  });
});

describe('a GPU', () => {
  const facts = host([gpu, audio, disk]);

  it('goes with all functions and its group; its driver does not let it go, so that a reboot is due', () => {
    const found = change(facts, [gpu.address]);
    expect(found?.summary).toBe('bind 0000:3b:00.0 0000:3b:00.1 to vfio-pci');
    expect(found?.notes).toContain('0000:3b:00.1 of the same slot or IOMMU group as 0000:3b:00.0: handed over with it');
    expect(kinds(found)).toEqual(['initramfs', 'reboot']);
    // What its undo needs is kept all the same.
    expect(found?.effects.map(({ kind }) => kind)).toContain('devices');
  });

  it('without a driver is bound at once', () => {
    expect(kinds(change(host([{ ...gpu, driver: null }, audio]), [gpu.address]))).toEqual([
      'initramfs',
      'udev',
      'devices',
    ]);
  });

  describe('where the IOMMU is off, and the reboot that turns it on is to bind it', () => {
    const off = host([gpu, audio].map((device) => ({ ...device, iommuGroup: null })));
    const options = { ahead: true };
    const first = change(off, [gpu.address], { options });

    it('is written for that reboot, with what its undo needs', () => {
      expect(writes(first)[rule]).toContain('# 0000:3b:00.1 [10de:1aef] driver snd_hda_intel\n');
      expect(kinds(first)).toEqual(['initramfs', 'reboot']);
      expect(first?.effects.map(({ kind }) => kind)).toContain('devices');
      expect(first?.notes).toContain('which devices share an IOMMU group is known once the IOMMU is on');
      // Also where no driver of its own would have to be waited for.
      const free = host([{ ...gpu, driver: null, iommuGroup: null }]);
      expect(kinds(change(free, [gpu.address], { options }))).toEqual(['initramfs', 'reboot']);
    });

    it('is planned once, and nothing to do while the reboot is still due', () => {
      expect(change(off, [gpu.address], { options, context: { tentative: true } })).toBeNull();
      expect(change(off, [gpu.address], { options, files: placed(first) })).toBeNull();
    });

    it('takes what shares the group with it once that is known', () => {
      const mate = pci('0000:3c:00.0 040300 8086:1234 snd_hda_intel 12');
      const on = withIommu(host([bound(gpu), bound(audio), mate]));
      const found = change(on, [gpu.address], { options, files: placed(first) });
      expect(found?.summary).toBe('bind 0000:3c:00.0 to vfio-pci, keep 0000:3b:00.0 0000:3b:00.1 on vfio-pci');
      const alone = withIommu(host([bound(gpu), bound(audio)]));
      expect(change(alone, [gpu.address], { options, files: placed(first) })).toBeNull();
    });

    it('is refused where the IOMMU is on and it has no group', () => {
      const on = withIommu(host([{ ...gpu, iommuGroup: null }]));
      expect(errorCode(() => change(on, [gpu.address], { options }))).toBe('device.no-group');
    });
  });

  it('that kept its driver although the host has booted with the rule is not rebooted for again', () => {
    const files = writes(change(facts, [gpu.address]));
    const stuck = host([{ ...gpu, driverOverride: 'vfio-pci' }, audio]);
    const kept = { ...stuck, boot: { ...stuck.boot, initramfs: 'none' } as const };
    const late = { options: { early: false } };
    const ruleOnly = { [rule]: files[rule] ?? '' };
    expect(errorCode(() => change(kept, [gpu.address], { ...late, files: ruleOnly }))).toBe('device.kept');
  });

  it('that the host boots with is left out of all GPUs, which is told of, and refused by its address', () => {
    const shown = pci('0000:af:00.0 030000 10de:2204 nouveau 40', { bootVga: true });
    const both = host([gpu, audio, shown]);
    const found = change(both, [{ class: '03' }]);
    expect(found?.summary).toBe('bind 0000:3b:00.0 0000:3b:00.1 to vfio-pci');
    expect(found?.notes.join()).toMatch(/left out: 0000:af:00\.0: it is the display that the machine boots with/);
    expect(errorCode(() => change(both, [shown.address]))).toBe('device.boot-display');
  });

  it('is told of where drivers stay for another one', () => {
    const other = pci('0000:af:00.0 030000 10de:2204 nouveau 40');
    const found = change(host([gpu, audio, other]), [gpu.address]);
    expect(found?.notes.join()).toMatch(/nouveau, .* are not blacklisted, as 0000:af:00\.0 may need them/);
  });
});

describe('without an IOMMU', () => {
  const alone = { ...disk, iommuGroup: null };

  it('nothing is bound', () => {
    expect(() => change(host([alone], disks), [disk.address])).toThrow(
      /expected an IOMMU group, found none: no IOMMU is at work/,
    );
  });

  it('it is shown what will be, where a reboot is planned first', () => {
    const found = change(host([alone], disks), [disk.address], { context: { tentative: true } });
    expect(found?.notes).toContain('which devices share an IOMMU group is known once the IOMMU is on');
    expect(kinds(found)).toEqual(['initramfs', 'udev', 'devices']);
  });
});

describe('driverctl', () => {
  const facts = host([nic, disk], { driverctl: true });
  const path = '/etc/driverctl.d/pci-0000:18:00.0';

  it('keeps what need not be bound early', () => {
    const found = change(facts, [nic.address]);
    expect(writes(found)).toEqual({ [path]: 'vfio-pci\n' });
    expect(kinds(found)).toEqual(['devices']);
  });

  it('does not where it must be early', () => {
    expect(Object.keys(writes(change(facts, [disk.address])))).toEqual([rule, hook]);
  });

  it('gives back what is not named any more, and only what is ours', () => {
    const other = '/etc/driverctl.d/pci-0000:5e:00.0';
    const files = { [path]: 'vfio-pci\n', [other]: 'vfio-pci\n' };
    const found = change(host([bound(nic), bound(disk)], { driverctl: true }), [], { files, own: [[path, []]] });
    expect(removes(found)).toEqual([path]);
    expect(found?.effects).toMatchObject([{ kind: 'devices', devices: [{ address: nic.address, driver: null }] }]);
  });

  it('that keeps a device on another driver is not overruled', () => {
    expect(errorCode(() => change(facts, [nic.address], { files: { [path]: 'igb_uio\n' } }))).toBe('device.owner');
  });
});

describe('devices that are named no more', () => {
  const both = writes(change(host([disk, nic], disks), [disk.address, nic.address]));
  const facts = host([bound(disk), bound(nic)]);

  it('are given back, and the others stay', () => {
    const found = change(facts, [disk.address], { files: both });
    expect(found?.summary).toBe('keep 0000:5e:00.0 on vfio-pci, give back 0000:18:00.0');
    expect(found?.effects).toContainEqual(
      expect.objectContaining({
        devices: [
          { address: disk.address, id: '144d:a808', driver: 'vfio-pci' },
          { address: nic.address, id: '8086:1572', driver: null },
        ],
      }),
    );
    expect(kinds(found)).toEqual(['initramfs', 'udev', 'devices']);
  });

  it('take all files with them when none is left', () => {
    const found = change(facts, [], { files: both });
    expect(removes(found)).toEqual([rule, hook]);
    expect(writes(found)).toEqual({});
  });

  it('stay where another binding of the host names them', () => {
    const other = { '/etc/udev/rules.d/82-vfleet-other.rules': both[rule] ?? '' };
    const found = change(facts, [disk.address], { files: { ...both, ...other } });
    expect(found?.effects).not.toContainEqual(
      expect.objectContaining({ devices: expect.arrayContaining([expect.objectContaining({ driver: null })]) }),
    );
  });

  it('are refused while a guest has them', () => {
    const open = 'open 4242 /dev/vfio/20 qemu-system-x86\n';
    expect(() => change(facts, [disk.address], { files: both, open })).toThrow(
      /0000:18:00\.0: expected that no guest has it.*qemu-system-x86 \(4242\) has \/dev\/vfio\/20 open/,
    );
  });

  it('are left alone where another device is there now', () => {
    const swapped = host([bound(disk), { ...nic, device: '1593' }]);
    expect(change(swapped, [disk.address], { files: both })?.summary).toBe('keep 0000:5e:00.0 on vfio-pci');
  });
});

it('refuses a name that another playbook has taken on the host', () => {
  const files = new Map([[rule, { playbooks: ['NVMe'], whole: true, made: true }]]);
  const act = () => change(host([disk], disks), [disk.address], { context: { shared: { ...noShared, files } } });
  expect(act).toThrow(/expected a file of this playbook, found one of NVMe/);
});

it('refuses a driver that the kernel which will boot has not', () => {
  const facts = host([disk], disks);
  const vfio = [{ name: 'vfio_pci', running: 'absent', next: 'absent' } as const];
  expect(errorCode(() => change({ ...facts, modules: { loaded: [], vfio } }, [disk.address]))).toBe('device.driver');
});

it('tells of devices that cannot be reset', () => {
  const found = change(host([disk], { ...disks, pci: { [disk.address]: detail({ resets: [] }) } }), [disk.address]);
  expect(found?.notes).toEqual(['0000:5e:00.0: the kernel has no way to reset it alone between guests']);
});

it.each([
  ['a name with a slash', { name: '../x' }],
  ['an empty name', { name: '' }],
  ['a driver with a quote', { name: 'x', driver: `vfio"` }],
])('refuses %s', (_what, options) => {
  expect(errorCode(() => pciBinding([], options))).toBe('device.binding');
});

describe('what the host tells no more once it is bound', () => {
  const hba = pci('0000:21:00.0 010700 1000:0097 mpt3sas 40');
  const second = pci('0000:af:00.0 030000 10de:2204 nouveau 80');
  const disksOf = (...serials: readonly string[]): Partial<HardwareFacts> => ({
    block: serials.map((serial, index) => block(`sd${index}`, { pci: hba.address, serial, signature: 'none' })),
  });
  /** The host once its devices are bound, as the next probe finds it. */
  const after = (facts: Facts, found: Change | null): Facts => ({
    ...facts,
    pci: facts.pci.map((device) => (found?.summary.includes(device.address) === true ? bound(device) : device)),
    hardware: facts.hardware && {
      ...facts.hardware,
      nvme: [],
      block: [],
      bound: parseBound(writes(found)[rule] ?? '').map((device) => ({ ...device, binding: 'test' })),
    },
  });

  it.each([
    ['a driver alone', host([gpu, audio, nic]), { driver: 'nouveau' }],
    ['a driver and a number', host([gpu, second, nic]), { driver: 'nouveau', count: 2 }],
    ['the serial number of a disk alone', host([disk, nic], disks), { serial: 'S4EMNX0R123456' }],
    ['that of the one disk of a controller', host([hba, nic], disksOf('Z1')), { serial: 'Z1' }],
  ])('is noted, so that %s finds the same again', (_what, facts, selector) => {
    const first = change(facts, [selector]);
    const later = after(facts, first);
    expect(change(later, [selector], { files: placed(first) })).toBeNull();
    expect(outcomeOf(devicesBound([selector], { persistent: true }), later)).toBe('pass');
  });

  it('and a second card of the driver comes in, with nothing given back', () => {
    const alone = host([gpu, audio, { ...second, driver: 'nvidia' }, nic]);
    const first = change(alone, [{ driver: 'nouveau' }]);
    const later = after(alone, first);
    const both = { ...later, pci: later.pci.map((device) => (device.address === second.address ? second : device)) };
    expect(change(both, [{ driver: 'nouveau' }], { files: placed(first) })?.summary).toBe(
      'bind 0000:af:00.0 to vfio-pci, keep 0000:3b:00.0 0000:3b:00.1 on vfio-pci',
    );
  });

  it('and a driver beside a class does not mean what had another', () => {
    const cards = host([gpu, { ...second, driver: 'nvidia' }]);
    const later = after(cards, change(cards, [{ class: '03' }]));
    const found = selectUnits(later, [{ class: '03', driver: 'nvidia', count: 1 }], 'node01').flatMap(devicesOf);
    expect(found.map(({ address }) => address)).toEqual([second.address]);
  });

  it('has a rule also where driverctl is there, whose files have no place for it', () => {
    const facts = host([nic], { driverctl: true });
    expect(Object.keys(writes(change(facts, [{ driver: 'i40e' }])))).toEqual([rule]);
    expect(Object.keys(writes(change(facts, [nic.address])))).toEqual(['/etc/driverctl.d/pci-0000:18:00.0']);
  });

  it('is refused where it cannot be noted, with what to write instead', () => {
    const two = host([hba, nic], disksOf('Z1', 'Z2'));
    expect(() => change(two, [{ serial: 'Z1' }, { serial: 'Z2' }])).toThrow(
      /serial=Z1, serial=Z2.*address: { address: '0000:21:00\.0', id: '1000:0097' }; nothing was changed/,
    );
    expect(errorCode(() => change(host([nic]), [{ driver: 'i40e' }], { options: { driver: 'uio_pci_generic' } }))).toBe(
      'device.selector',
    );
  });
});

function outcomeOf(check: Check, facts: Facts): string {
  return check.judge({ host: 'node01', facts, wants: {}, evidence: null }).outcome;
}
