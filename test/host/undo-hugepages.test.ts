import { expect, it } from 'vitest';
import { type HugepageWish, hugepageArguments } from '../../src/boot/hugepages.ts';
import type { Facts } from '../../src/facts/facts.ts';
import { hugepagePool } from '../../src/resources/hugepage-pool.ts';
import { kernelArguments } from '../../src/resources/kernel-arguments.ts';
import { factsOf } from '../boot/facts.ts';
import { applied, type Host, hostOf, textsOf, undone, undoPlan } from './model.ts';

const name = 'Huge pages';
const gib = 1024 * 1024;
const start = hostOf({ '/etc/default/grub': 'GRUB_CMDLINE_LINUX="quiet"\n' });

/** A host of 64 GiB whose next kernel is this one. */
function facts(next: string): Facts {
  const base = factsOf({ kernel: { next } });
  const memory = { totalKiB: 64 * gib, availableKiB: null, hugepages: [] };
  return { ...base, memory, cpu: { ...base.cpu, flags: ['pdpe1gb'] } };
}

function set(host: Host, on: Facts, wish: HugepageWish): Host {
  return applied(host, on, name, [kernelArguments(hugepageArguments(on, wish)), hugepagePool(wish)]);
}

const unit = [
  '/etc/systemd/system/vfleet-hugepages.service',
  '/etc/systemd/system/sysinit.target.d/50-vfleet-hugepages.conf',
  '/etc/vfleet/hugepages.sh',
];
const [early, late] = [facts('4.18.0-553.el8_10.x86_64'), facts('6.1.0-18-amd64')];
const [small, large] = [
  { size: '2M', nodes: { 0: 512, 1: 512 } },
  { size: '1G', nodes: { 0: 8, 1: 8 } },
] as const;

it('an undo takes the unit and the arguments of the last size away, and says what lasts until a reboot', () => {
  const host = set(set(start, early, small), early, large);
  expect(Object.keys(textsOf(host))).toEqual(expect.arrayContaining(unit));
  const { changes, left } = undoPlan(host, early, name);
  expect(left.files).toEqual(expect.arrayContaining(unit));
  // The reboot is left to the operator.
  expect(changes.flatMap(({ effects }) => effects.map(({ kind }) => kind))).not.toContain('reboot');
  expect(textsOf(undone(host, early, name))).toEqual(textsOf(start));
});

it('an undo leaves nothing of a unit that a newer kernel has made needless', () => {
  const host = set(set(start, early, small), late, small);
  expect(Object.keys(textsOf(host)).filter((path) => unit.includes(path))).toEqual([]);
  expect(Object.values(textsOf(host)).join()).toContain('hugepages=0:512,1:512');
  expect(textsOf(undone(host, late, name))).toEqual(textsOf(start));
});

it('an undo leaves a size and a count that were there before, and those that another playbook wishes for', () => {
  const theirs = hostOf({ '/etc/default/grub': 'GRUB_CMDLINE_LINUX="quiet hugepagesz=2M hugepages=64"\n' });
  expect(textsOf(undone(set(theirs, late, large), late, name))).toEqual(textsOf(theirs));
  const both = applied(set(start, late, large), late, 'Other', [kernelArguments(hugepageArguments(late, large))]);
  const left = Object.values(textsOf(undone(both, late, name))).join();
  expect(left).toContain('default_hugepagesz=1G hugepagesz=1G hugepages=0:8,1:8');
});
