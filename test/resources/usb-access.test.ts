import { describe, expect, it } from 'vitest';
import { checks } from '../../src/checks/checks.ts';
import { type UsbSelector, usbSelector } from '../../src/devices/usb.ts';
import type { Facts } from '../../src/facts/facts.ts';
import type { HardwareFacts, UsbNode } from '../../src/facts/hardware.ts';
import type { Change } from '../../src/resources/resource.ts';
import { usbAccess } from '../../src/resources/usb-access.ts';
import { stateOf } from '../boot/files.ts';
import { block, host, net, serial, usb } from '../devices/facts.ts';

const path = '/etc/udev/rules.d/72-vfleet-usb.rules';
const dongles = [usb('1-2.3', { serial: 'A1' }), usb('1-2.4', { serial: 'A2', device: 3 })];
const one: UsbSelector = { port: '1-2.3', id: '0403:6001' };

const hostWith = (hardware: Partial<HardwareFacts>): Facts => host([], { usb: dongles, ...hardware });

/** `open`: what the probe of open nodes printed. */
function change(
  facts: Facts,
  devices: readonly UsbSelector[],
  before?: string,
  { group = 0, open = 'root\n' } = {},
): Change | null {
  const files = before === undefined ? {} : { [path]: before };
  const state = stateOf(files, { group: { code: group, stdout: '' }, open: { code: 0, stdout: open } });
  return usbAccess(devices, { group: 'libvirt-qemu' }).change(state, { host: 'node01', facts, ownedArguments: {} });
}

function text(made: Change | null): string {
  const [action] = made?.actions ?? [];
  return action?.kind === 'write' ? action.text : '';
}

describe('access to USB devices', () => {
  it('is a rule for the port and the ids, so that identical dongles are told apart', () => {
    const made = change(hostWith({}), [one, { ...one, port: '1-2.4', serial: 'A2' }]);
    expect(
      text(made)
        .split('\n')
        .filter((line) => line.startsWith('SUBSYSTEM')),
    ).toEqual([
      'SUBSYSTEM=="usb", KERNEL=="1-2.3", ATTR{idVendor}=="0403", ATTR{idProduct}=="6001", GROUP="libvirt-qemu", MODE="0660"',
      'SUBSYSTEM=="usb", KERNEL=="1-2.4", ATTR{idVendor}=="0403", ATTR{idProduct}=="6001", ATTR{serial}=="A2", GROUP="libvirt-qemu", MODE="0660"',
    ]);
    const ports = ['1-2.3', '1-2.4'];
    expect(made?.effects).toMatchObject([
      { kind: 'udev', subsystems: [], usb: ports.map((port) => ({ port, id: '0403:6001', granted: true })) },
    ]);
    expect(change(hostWith({}), [one, { ...one, port: '1-2.4', serial: 'A2' }], text(made))).toBeNull();
  });

  it('is taken back from devices that are named no more, and of none nothing is written', () => {
    const both = text(change(hostWith({}), [one, { ...one, port: '1-2.4', serial: 'A2' }]));
    const fewer = change(hostWith({}), [one], both);
    expect(text(fewer)).not.toContain('1-2.4');
    expect(fewer?.effects).toMatchObject([
      {
        usb: [
          { port: '1-2.3', granted: true },
          { port: '1-2.4', id: '0403:6001', granted: false },
        ],
      },
    ]);
    expect(text(change(hostWith({}), [], both))).not.toContain('SUBSYSTEM');
    expect(change(hostWith({}), [])).toBeNull();
  });

  it('is given again where the rule stands there and the node is not the group’s', () => {
    const rule = text(change(hostWith({}), [one]));
    const lost = (node: UsbNode | null) => change(hostWith({ usb: [usb('1-2.3', { node })] }), [one], rule);
    expect(lost({ user: 'root', group: 'root', mode: '664' })).toMatchObject({
      summary: 'let libvirt-qemu open /dev/bus/usb/001/002 again',
      actions: [],
      effects: [{ kind: 'udev', usb: [{ port: '1-2.3', granted: true }] }],
    });
    expect(lost({ user: 'root', group: 'libvirt-qemu', mode: '660' })).toBeNull();
    // A guest of libvirt's has it.
    expect(lost({ user: 'libvirt-qemu', group: 'libvirt-qemu', mode: '600' })).toBeNull();
    expect(lost(null)).toBeNull();
  });

  it('of a group that is not there is refused', () => {
    expect(() => change(hostWith({}), [one], undefined, { group: 1 })).toThrow(/expected the group libvirt-qemu/);
    expect(() => usbAccess([], { group: 'a b' })).toThrow(/name of a group/);
    expect(() => usbAccess([], { mode: 'rw' })).toThrow(/mode as 0660/);
  });
});

describe.each([
  ['nothing at the port', {}, { ...one, port: '1-9' }, /nothing is plugged in there.*0403:6001 is at 1-2\.3, 1-2\.4/],
  [
    'another device at the port',
    { usb: [usb('1-2.3', { vendor: '0951', product: '1666', title: 'Kingston' })] },
    one,
    /found 0951:1666 Kingston/,
  ],
  [
    'the twin of the device at the port',
    {},
    { ...one, serial: 'A2' },
    /expected serial number A2, found 0403:6001 with serial number A1.*serial number A2 is at 1-2\.4 \(/,
  ],
  [
    'a device with a serial number that no other has',
    {},
    { ...one, serial: 'A3' },
    /serial number A1.*plug 0403:6001 with serial number A3 in there, or correct the inventory/,
  ],
  ['a hub', { usb: [usb('1-2.3', { hub: true })] }, one, /it is a hub/],
  ['a disk that is mounted', { block: [block('sda', { usb: '1-2.3', mounts: ['/backup'] })] }, one, /sda.*\/backup/],
  ['a disk with data', { block: [block('sda', { usb: '1-2.3', signature: 'vfat' })] }, one, /vfat/],
  [
    'the keyboard of the BMC',
    { usb: [usb('1-2.3', { title: 'American Megatrends Inc. Virtual Keyboard and Mouse' })] },
    one,
    /BMC/,
  ],
  [
    'a NIC with the SSH connection',
    { net: [net('enx1', { usb: '1-2.3', up: true, ssh: true })] },
    one,
    /enx1 carries this SSH/,
  ],
  [
    'a serial adapter that is the console',
    { serial: [serial('ttyUSB0', { usb: '1-2.3', console: true })] },
    one,
    /ttyUSB0 is a console/,
  ],
] as const)('%s', (_why, hardware: Partial<HardwareFacts>, selector: UsbSelector, message) => {
  const facts = hostWith(hardware);
  it('refuses in what writes, and in the gate', () => {
    expect(() => change(facts, [selector])).toThrow(message);
    const verdict = checks.usbFree([selector]).judge({ host: 'node01', facts, wants: {}, evidence: null });
    expect([verdict.outcome, verdict.found + (verdict.remedy ?? '')]).toEqual(['fail', expect.stringMatching(message)]);
  });
});

describe('a process', () => {
  const hardware = {
    usb: [...dongles, usb('1-2.4.1', { device: 7 })],
    block: [block('sda', { usb: '1-2.3' })],
    serial: [serial('ttyUSB0', { usb: '1-2.3' })],
  };
  const opens = (node: string, selector = one, before?: string) =>
    change(hostWith(hardware), [{ ...selector, allow: ['data'] }], before, { open: `root\nopen 812 ${node} upsd\n` });

  it.each(['/dev/bus/usb/001/002', '/dev/ttyUSB0', '/dev/sda'])('that has %s open refuses the device', (node) => {
    expect(() => opens(node)).toThrow(/1-2\.3: upsd \(812\) has .* open; next: stop upsd first/);
    expect(() => opens(node, { ...one, port: '1-2.4' })).not.toThrow();
  });

  it('that has what hangs on the port open refuses it, too', () => {
    expect(() => opens('/dev/bus/usb/001/007', { ...one, port: '1-2.4' })).toThrow(/upsd \(812\)/);
  });

  it('may be a guest’s where the rules name the device already', () => {
    expect(opens('/dev/bus/usb/001/002', one, text(change(hostWith({}), [one])))).toBeNull();
  });

  it('that may not be looked for refuses what is named first', () => {
    expect(() => change(hostWith({}), [one], undefined, { open: '' })).toThrow(/which processes have it open/);
  });
});

it('one port twice is refused in what writes, and in the gate', () => {
  const twice = [one, { ...one, serial: 'A1' }];
  expect(() => change(hostWith({}), twice)).toThrow(/USB port 1-2\.3.*found it twice/);
  const verdict = checks.usbFree(twice).judge({ host: 'n', facts: hostWith({}), wants: {}, evidence: null });
  expect(verdict).toMatchObject({ outcome: 'fail', found: expect.stringContaining('it twice') });
});

it('a device that the host can do without passes the gate, and one with data where that is allowed', () => {
  const judge = (facts: Facts, selector: UsbSelector) =>
    checks.usbFree([selector]).judge({ host: 'node01', facts, wants: {}, evidence: null });
  expect(judge(hostWith({}), one)).toMatchObject({ outcome: 'pass', found: 'The host can do without 1-2.3.' });
  const stick = hostWith({ block: [block('sda', { usb: '1-2.3', signature: 'vfat' })] });
  expect(judge(stick, { ...one, allow: ['data'] }).outcome).toBe('pass');
  expect(change(stick, [{ ...one, allow: ['data'] }])).not.toBeNull();
  expect(judge({ ...hostWith({}), hardware: null }, one).outcome).toBe('unknown');
});

describe('whether QEMU may open a device', () => {
  const judge = (node: UsbNode | null, options = {}) => {
    const facts = hostWith({ usb: [usb('1-2.3', { node })] });
    return checks.usbAccessible([one], options).judge({ host: 'node01', facts, wants: {}, evidence: null });
  };

  it.each([
    ['passes by group and mode', 'root:kvm:660', {}, 'pass', /Members of kvm may open 1-2\.3/],
    ['passes by what is asked for', 'root:qemu:640', { group: 'qemu', mode: '0640' }, 'pass', /qemu/],
    ['passes while libvirt has given it to a guest', 'libvirt-qemu:libvirt-qemu:660', {}, 'pass', /./],
    ['fails by its group', 'root:root:664', {}, 'fail', /001\/002 is root:root 664: expected root:kvm 0660/],
    ['fails by its mode', 'root:kvm:640', {}, 'fail', /root:kvm 640/],
  ])('%s', (_why, node, options, outcome, found) => {
    const [user = '', group = '', mode = ''] = node.split(':');
    expect(judge({ user, group, mode }, options)).toMatchObject({ outcome, found: expect.stringMatching(found) });
  });

  it('is unknown where its node was not found', () => {
    expect(judge(null)).toMatchObject({ outcome: 'unknown', found: expect.stringContaining('1-2.3') });
    expect(checks.usbAccessible([]).judge({ host: 'n', facts: hostWith({}), wants: {}, evidence: null }).outcome).toBe(
      'not-applicable',
    );
  });
});

describe('a USB device of an inventory', () => {
  it('is an object, or port and ids in one text', () => {
    expect(usbSelector.parse('1-2.3 0403:6001')).toEqual(one);
    expect(usbSelector.parse('1-2.3=0403:6001')).toEqual(one);
    expect(usbSelector.parse({ port: '1-2.3', id: '0403:6001'.toUpperCase(), serial: 'A1' })).toEqual({
      ...one,
      serial: 'A1',
    });
  });

  it.each([
    ['0403:6001', /expected a port and ids: \{ port: 1-2\.3, id: "0403:6001" \}, or "1-2\.3 0403:6001"/],
    ['001:004 0403:6001', /bus and device numbers change/],
    ['1-2.3', /expected a port and ids: \{ port/],
    [{ port: '1-2.3' }, /expected ids such as 0403:6001/],
    [{ id: '0403:6001' }, /expected a port such as 1-2\.3/],
    [{ port: '1-2.3', id: '403:6001' }, /ids such as 0403:6001/],
    [{ port: '1-2.3', id: '0403:6001', serial: 'a"b' }, /plain characters/],
    [{ port: '1-2.3', id: '0403:6001', bus: 1 }, /expected a port and ids|bus/i],
  ])('%j is explained', (given, message) => {
    const result = usbSelector.safeParse(given);
    expect(result.success ? '' : result.error.issues.map((issue) => issue.message).join()).toMatch(message);
  });
});
