import { describe, expect, it } from 'vitest';
import { checks } from '../../src/checks/checks.ts';
import { serialOptions } from '../../src/devices/qemu-serial.ts';
import { type SerialSelector, serialSelector } from '../../src/devices/serial.ts';
import type { Facts } from '../../src/facts/facts.ts';
import { qemuVersions } from '../../src/facts/qemu.ts';
import type { Change } from '../../src/resources/resource.ts';
import { serialAlias } from '../../src/resources/serial-alias.ts';
import { stateOf } from '../boot/files.ts';
import { host, serial, usb } from '../devices/facts.ts';

const path = '/etc/udev/rules.d/72-vfleet-serial.rules';
const byId = (name: string, part: string): string => `/dev/serial/by-id/usb-FTDI_${name}-if${part}-port0`;
const facts = host([], {
  usb: [usb('1-2'), usb('1-3', { product: '6011' })],
  serial: [
    serial('ttyS0', { console: true, getty: true }),
    serial('ttyS1', { links: ['/dev/vfleet/plc'] }),
    serial('ttyS2', { uart: null }),
    serial('ttyS3', { getty: true }),
    serial('ttyUSB0', { uart: null, usb: '1-2', links: [byId('one', '00')] }),
    serial('ttyUSB1', { uart: null, usb: '1-3', links: [byId('quad', '00')] }),
    serial('ttyUSB2', { uart: null, usb: '1-3', links: [byId('quad', '01')] }),
  ],
});
const plc = { port: 'ttyS1', alias: 'plc' };
const meter = { port: '1-2', id: '0403:6001', alias: 'meter' };
const second = { port: '1-3', id: '0403:6011', interface: 1, alias: 'second' };

function change(
  ports: readonly SerialSelector[],
  before?: string,
  { open = 'root\n', ...more }: { facts?: Facts; tentative?: true; open?: string } = {},
): Change | null {
  const context = { host: 'node01', facts, ownedArguments: {}, ...more };
  const state = stateOf(before === undefined ? {} : { [path]: before }, { open: { code: 0, stdout: open } });
  return serialAlias(ports).change(state, context);
}

function text(made: Change | null): string {
  const [action] = made?.actions ?? [];
  return action?.kind === 'write' ? action.text : '';
}

it('names of serial ports are rules: by name, by port of USB with its ids, by interface', () => {
  const made = change([plc, meter, second]);
  expect(text(made).split('\n').slice(1, -1)).toEqual([
    'SUBSYSTEM=="tty", KERNEL=="ttyS1", SYMLINK+="vfleet/plc"',
    'SUBSYSTEM=="tty", KERNELS=="1-2", ATTRS{idVendor}=="0403", ATTRS{idProduct}=="6001", ENV{ID_MM_DEVICE_IGNORE}="1", SYMLINK+="vfleet/meter"',
    'SUBSYSTEM=="tty", KERNELS=="1-3", ATTRS{idVendor}=="0403", ATTRS{idProduct}=="6011", ENV{ID_USB_INTERFACE_NUM}=="01", ENV{ID_MM_DEVICE_IGNORE}="1", SYMLINK+="vfleet/second"',
  ]);
  expect(made?.effects).toMatchObject([{ kind: 'udev', subsystems: ['tty'] }]);
  expect(change([plc, meter, second], text(made))).toBeNull();
  expect(change([])).toBeNull();
});

describe.each([
  ['a console', { port: 'ttyS0', alias: 'x' }, /ttyS0 is a console of the kernel/],
  [
    'a port with a getty',
    { port: 'ttyS3', alias: 'x' },
    /a getty runs on ttyS3.*systemctl .*--now serial-getty@ttyS3\.service/,
  ],
  ['a name with no UART', { port: 'ttyS2', alias: 'x' }, /UART: unknown\); there are: ttyS0, ttyS1, ttyS3/],
  ['a name that is not there', { port: 'ttyS9', alias: 'x' }, /no such name.*8250\.nr_uarts/],
  [
    'an adapter with several ports',
    { ...second, interface: undefined },
    /ttyUSB1 \(interface 0\), ttyUSB2 \(interface 1\).*say which/,
  ],
  ['another adapter than is meant', { ...meter, id: '067b:2303' }, /expected 067b:2303, found 0403:6001/],
] as const)('%s', (_why, selector: SerialSelector, message) => {
  it('is refused in what writes, and in the gate', () => {
    expect(() => change([selector])).toThrow(message);
    const verdict = checks.serialFree([selector]).judge({ host: 'node01', facts, wants: {}, evidence: null });
    expect([verdict.outcome, `${verdict.found} ${verdict.remedy ?? ''}`]).toEqual([
      'fail',
      expect.stringMatching(message),
    ]);
  });
});

it.each([
  ['ttyS1', plc],
  ['ttyUSB0', meter],
] as const)('%s is refused while a process has it open, but for one that has its name already', (name, selector) => {
  const open = `root\nopen 812 /dev/${name} minicom\n`;
  expect(() => change([selector], undefined, { open })).toThrow(`${name}: minicom (812) has /dev/${name} open`);
  expect(change([second], undefined, { open })).not.toBeNull();
  expect(change([selector], text(change([selector])), { open })).toBeNull();
});

it('what the host can do without passes the gate; what was not read is unknown', () => {
  const judge = (known: Facts) =>
    checks.serialFree([plc, meter, second]).judge({ host: 'n', facts: known, wants: {}, evidence: null });
  expect(judge(facts)).toMatchObject({ outcome: 'pass', found: 'The host can do without ttyS1, 1-2, 1-3.' });
  expect(judge({ ...facts, hardware: null }).outcome).toBe('unknown');
});

it.each([
  ['two ports under one alias', [plc, meter, { ...second, alias: 'plc' }], /ttyS1 and 1-3 interface 1, both as plc/],
  ['one port under two aliases', [plc, meter, { ...plc, alias: 'scale' }], /ttyS1.* twice, as plc and as scale/],
  [
    'a port that the kernel has no name for yet, under the alias of another',
    [plc, { port: 'ttyS9', alias: 'plc' }],
    /ttyS1 and ttyS9, both as plc/,
  ],
] as const)('%s: refused in what writes, and in the gate', (_why, ports, message) => {
  expect(() => change(ports)).toThrow(message);
  expect(() => change(ports, undefined, { tentative: true })).toThrow(message);
  const judged = checks.serialFree(ports, { nrUarts: 12 }).judge({ host: 'n', facts, wants: {}, evidence: null });
  expect([judged.outcome, judged.found]).toEqual(['fail', expect.stringMatching(message)]);
});

it('two ports of one adapter have an alias each', () => {
  expect(change([{ ...second, interface: 0, alias: 'first' }, second])).not.toBeNull();
});

it('ports that come with a planned reboot are judged then', () => {
  expect(text(change([{ port: 'ttyS9', alias: 'x' }], undefined, { tentative: true }))).toContain('ttyS9');
});

describe('what QEMU is told', () => {
  const judge = (ports: readonly SerialSelector[], versions: readonly string[]) =>
    checks.serialNamed(ports, versions).judge({ host: 'n', facts, wants: {}, evidence: null });

  it.each([
    [['8.2.2'], ['serial']],
    [['10.0.3'], ['serial']],
    [['5.2.0'], ['tty']],
    [
      ['2.12.1', '10.0.3'],
      ['serial', 'tty'],
    ],
    [[], ['serial', 'tty']],
  ])('fits its versions %j', (versions, backends) => {
    const told = serialOptions('/dev/vfleet/plc', 'plc', versions).map(
      ({ options }) => /-chardev (\w+),path/.exec(options)?.[1],
    );
    expect(told).toEqual(backends);
  });

  it('is shown beside the name, once that leads to the port', () => {
    const verdict = judge([plc], ['8.2.2']);
    expect(verdict.outcome).toBe('pass');
    expect(verdict.evidence.join('\n')).toContain(
      '-chardev serial,path=/dev/vfleet/plc,id=plc -device pci-serial,chardev=plc',
    );
    expect(judge([meter], [])).toMatchObject({ outcome: 'fail', found: 'No /dev/vfleet/meter.' });
  });

  it('is by versions that QEMU prints itself', () => {
    const printed =
      'QEMU emulator version 8.2.2 (Debian 1:8.2.2+ds-0ubuntu1)\nQEMU emulator version 2.12.1(qemu-kvm-2.12.1-9)\nQEMU emulator version 8.2.2\n';
    expect(qemuVersions.parse(printed)).toEqual(['8.2.2', '2.12.1']);
    expect(qemuVersions.parse('')).toEqual([]);
  });
});

it.each([
  [{ port: 'ttyUSB0', alias: 'x' }, /another one tomorrow/],
  [{ port: '1-2', alias: 'x' }, /ids of the adapter/],
  [{ port: 'ttyS1', alias: '../x' }, /short name/],
])('%j is explained', (given, message) => {
  const result = serialSelector.safeParse(given);
  expect(result.success ? '' : result.error.issues.map((issue) => issue.message).join()).toMatch(message);
});

describe('ports of a card that the kernel has no names for yet', () => {
  const judge = (ports: readonly SerialSelector[], line = '') => {
    const known = { ...facts, boot: { ...facts.boot, running: line } };
    const input = { host: 'node01', facts: known, wants: {}, evidence: null };
    return checks.serialFree(ports, { nrUarts: 8 }).judge(input);
  };
  it.each([
    ['pass by their names', [plc, { port: 'ttyS5', alias: 'x' }], '', 'pass', /ttyS5.*no name yet/],
    ['fail beyond the number', [{ port: 'ttyS8', alias: 'x' }], '', 'fail', /ttyS8/],
    [
      'fail where the kernel is to log to them',
      [{ port: 'ttyS5', alias: 'x' }],
      'console=ttyS5,115200',
      'fail',
      /console/,
    ],
    [
      'let no console pass beside them',
      [
        { port: 'ttyS0', alias: 'y' },
        { port: 'ttyS5', alias: 'x' },
      ],
      '',
      'fail',
      /ttyS0/,
    ],
    ['let no name without UART pass', [{ port: 'ttyS2', alias: 'y' }], '', 'fail', /UART/],
    ['let no adapter pass that is not there', [{ ...meter, port: '1-9' }], '', 'fail', /1-9/],
  ] as const)('%s', (_why, ports, line, outcome, found) => {
    const verdict = judge(ports, line);
    expect([verdict.outcome, [verdict.found, ...verdict.evidence].join()]).toEqual([
      outcome,
      expect.stringMatching(found),
    ]);
  });
});
