import { expect, it } from 'vitest';
import type { Leftover } from '../../../src/host/leftovers/finding.ts';
import { createPaint } from '../../../src/report/paint.ts';
import { leftoverLines } from '../../../src/report/text/leftovers.ts';

const hook: Leftover = {
  place: '/etc/modprobe.d/vfio.conf:1',
  found: 'install vfio-pci \x1b[2J',
  today: 'runs a script',
  why: 'the initramfs has it too',
  fate: 'left alone',
};
const link: Leftover = { place: '/etc/x', found: 'a link', today: 'enabled', why: null, fate: 'left alone' };
const lines = (hosts: readonly { readonly name: string; readonly leftovers: readonly Leftover[] }[]) =>
  leftoverLines(hosts, createPaint(false));

it('each is told once with the hosts that have it, and what a host says cannot steer a terminal', () => {
  const told = lines([
    { name: 'n1', leftovers: [hook, link] },
    { name: 'n2', leftovers: [hook] },
    { name: 'n3', leftovers: [] },
  ]);
  expect(told).toEqual([
    'left from before vfleet:',
    '  2 hosts: /etc/modprobe.d/vfio.conf:1: install vfio-pci \\x1b[2J (n[1-2])',
    '      today: runs a script; the initramfs has it too',
    '      vfleet: left alone',
    '  n1: /etc/x: a link',
    '      today: enabled',
    '      vfleet: left alone',
  ]);
});

it('nothing is said where nothing was left', () => {
  expect(lines([{ name: 'n1', leftovers: [] }])).toEqual([]);
});
