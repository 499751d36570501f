import { describe, expect, test } from 'vitest';
import { readCommandLine } from '../../../src/lab/model/command-line.ts';
import { applyUdevRules, type UdevDevice } from '../../../src/lab/model/udev-event.ts';
import { readUdevRules } from '../../../src/lab/model/udev-rules.ts';

const attributes: Readonly<Record<string, string>> = { vendor: '0x10de', device: '0x2204' };
const card: UdevDevice = {
  action: 'add',
  kernel: '0000:31:00.0',
  subsystem: 'pci',
  driver: null,
  attribute: (name) => attributes[name] ?? null,
};

function outcome(text: string, device: UdevDevice = card) {
  const { rules, unknown } = readUdevRules('x.rules', text);
  expect(unknown).toEqual([]);
  const { written, links, run } = applyUdevRules(rules, device);
  return { written: Object.fromEntries(written), links, run: run.map(({ kind, command }) => `${kind} ${command}`) };
}

describe('rules of udev', () => {
  test('match by patterns and alternatives; what is not there matches nothing, not even by !=', () => {
    const set = (match: string) => outcome(`${match}, ATTR{driver_override}="x"`).written['driver_override'] ?? null;
    expect(set('KERNEL=="0000:31:00.[0-3]"')).toBe('x');
    expect(set('KERNEL=="0000:31:00.[!0]"')).toBeNull();
    expect(set('ACTION=="bind|add", ATTR{vendor}=="0x8086|0x10de"')).toBe('x');
    expect(set('KERNEL=="0000:31:00"')).toBeNull();
    expect(set('ATTR{vendor}!="0x8086"')).toBe('x');
    expect(set('ATTR{nothing}!="0x8086"')).toBeNull();
    expect(set('DRIVER==""')).toBe('x');
  });

  test('find all keys for parents at one and the same', () => {
    const parent = (kernel: string, vendor: string) => ({
      ...{ kernel, subsystem: 'usb', driver: null },
      attribute: (name: string) => (name === 'idVendor' ? vendor : null),
    });
    const port = { ...card, subsystem: 'tty', parents: [parent('1-2.1', '0403'), parent('1-2', '05e3')] };
    const links = (keys: string) => outcome(`SUBSYSTEM=="tty", ${keys}, SYMLINK+="modem"`, port).links;
    expect(links('KERNELS=="1-2.1", ATTRS{idVendor}=="0403"')).toEqual(['modem']);
    expect(links('KERNELS=="1-2", ATTRS{idVendor}=="0403"')).toEqual([]);
  });

  test('run what they say after all of them are read, in order; = begins the list anew', () => {
    const text =
      'RUN+="/bin/a %k"\nRUN="/bin/b"\nRUN{builtin}+="kmod load vfio-pci", RUN+="/bin/sh -c \'echo $$x 100%%\'"\n';
    expect(outcome(text).run).toEqual([
      'program /bin/b',
      'builtin kmod load vfio-pci',
      "program /bin/sh -c 'echo $x 100%'",
    ]);
    expect(outcome('RUN+="/bin/a %k $attr{vendor}"').run).toEqual(['program /bin/a 0000:31:00.0 0x10de']);
  });

  test('skip what GOTO skips, and go on in a continued line', () => {
    const text =
      'ACTION!="remove", GOTO="end"\nATTR{a}="1"\nLABEL="end"\nATTR{b}="2", \\\n  ATTR{c}="3"\n# ATTR{d}="4"\n';
    expect(outcome(text).written).toEqual({ b: '2', c: '3' });
  });

  test('match by the way to the device, across all bridges', () => {
    const device = { ...card, devpath: '/devices/pci0000:00/0000:00:1c.4/0000:31:00.0' };
    const set = (pattern: string) => outcome(`DEVPATH=="${pattern}", ATTR{a}="1"`, device).written;
    expect(set('*/0000:00:1c.4/0000:31:00.0')).toEqual({ a: '1' });
    expect(set('*/pci0000:??/0000:00:1c.4/0000:31:00.0')).toEqual({ a: '1' });
    expect(set('*/0000:00:1c.0/0000:31:00.0')).toEqual({});
    expect(set('*/pci0000:??/0000:31:00.0')).toEqual({});
  });

  test('read an argument of the kernel as a property; one without a value is 1', () => {
    const text = 'IMPORT{cmdline}="x.off", GOTO="end"\nATTR{a}="1"\nLABEL="end"\nENV{x.off}=="1", ATTR{b}="1"\n';
    const read = (commandLine: string) => outcome(text, { ...card, commandLine: readCommandLine(commandLine) }).written;
    expect(read('quiet x.off ro')).toEqual({ b: '1' });
    expect(read('x.off=0')).toEqual({});
    expect(read('x.offer y.x.off')).toEqual({ a: '1' });
  });

  test.each([
    ['IMPORT{program}="/bin/x"', 'x.rules:1: IMPORT{program}="/bin/x"'],
    ['PROGRAM="/bin/x", ATTR{a}="1"', 'x.rules:1: PROGRAM="/bin/x"'],
    ['\nATTR="1"', 'x.rules:2: ATTR="1"'],
    ['ATTR{a}+="1"', 'x.rules:1: ATTR{a}+="1"'],
    ['RUN{kmod}+="x"', 'x.rules:1: RUN{kmod}+="x"'],
    ['KERNEL==x', 'x.rules:1: KERNEL==x'],
    ['TEST=="/etc"', 'x.rules:1: TEST=="/etc"'],
  ])('that say what is not understood do nothing, and are told: %s', (text, told) => {
    expect(readUdevRules('x.rules', text)).toEqual({ rules: [], unknown: [told] });
  });
});
