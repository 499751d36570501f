import { expect, it } from 'vitest';
import type { Stamped } from '../../src/events/event.ts';
import { fold } from '../../src/report/fold.ts';
import { fixtureFacts } from '../facts/fixtures.ts';
import { at, change, hostEnded, reboot, runEnded, runStarted } from './sample.ts';

const resumed = (part: number): Stamped => ({
  ...{ at: at(10 * part), type: 'run-resumed', run: 'run-1', command: 'apply', part, left: ['a'] },
});
const intent: Stamped = { at: at(1), type: 'write-intent', host: 'a', changes: [change()] };
const written: Stamped = { at: at(2), type: 'written', host: 'a', changes: [change()] };
const asked: Stamped = { at: at(3), type: 'effect-intent', host: 'a', effect: reboot };
const rebooted: Stamped = { at: at(4), type: 'rebooted', host: 'a', bootIdBefore: '1', bootIdAfter: '2' };
const proved: Stamped = { at: at(5), type: 'effect-done', host: 'a', effect: reboot };
const facts = fixtureFacts('debian-12-intel');
const read = (bootId: string): Stamped => ({
  ...{ at: at(0), type: 'facts-read', host: 'a' },
  facts: { ...facts, identity: { ...facts.identity, bootId } },
});
const ended: Stamped = { ...hostEnded('a', 'ok'), writes: 0, reboots: 0 } as Stamped;
const other: Stamped = {
  at: at(6),
  type: 'write-intent',
  host: 'a',
  changes: [change({ resource: 'file /etc/motd' })],
};

it.each<readonly [string, readonly Stamped[], readonly [number, number]]>([
  ['a write and a reboot of the first part', [intent, written, asked, rebooted, proved, resumed(2), ended], [1, 1]],
  ['a reboot that the second part proves', [intent, written, asked, resumed(2), proved, ended], [1, 1]],
  ['a reboot that the second part makes after all', [asked, resumed(2), asked, rebooted, proved, ended], [0, 1]],
  [
    'two reboots, as the second part wishes something else',
    [read('1'), asked, resumed(2), read('2'), asked, rebooted, proved, ended],
    [0, 2],
  ],
  [
    'a reboot that is asked for again in the boot from before',
    [read('1'), asked, resumed(2), read('1'), asked, rebooted, proved, ended],
    [0, 1],
  ],
  [
    'a reboot that another boot proves, and what it was for once more',
    [read('1'), asked, resumed(2), read('2'), proved, ended],
    [0, 1],
  ],
  ['a reboot that was proved a moment before the controller died', [asked, resumed(2), ended], [0, 1]],
  ['a write that the second part finds made', [intent, resumed(2), ended], [1, 0]],
  ['a write that the second part makes after all', [intent, resumed(2), intent, written, ended], [1, 0]],
  [
    'a write that was made, as the second part writes something else',
    [intent, resumed(2), other, written, ended],
    [2, 0],
  ],
  ['a write that the third part finds made', [intent, resumed(2), resumed(3), ended], [1, 0]],
])('counts %s once', (_, events, expected) => {
  const [host] = fold([runStarted(['a']), ...events]).hosts;
  expect([host?.writes, host?.reboots]).toEqual(expected);
});

it('adds what a runner counted in one part to what was made before', () => {
  const events = [runStarted(['a']), intent, written, hostEnded('a', 'failed'), runEnded(true), resumed(2)];
  const last: Stamped = { at: at(40), type: 'host-ended', host: 'a', state: 'ok', writes: 2, reboots: 1 };
  const summary = fold([...events, last]);
  expect(summary.hosts[0]).toMatchObject({ state: 'ok', failure: null, writes: 3, reboots: 1 });
  expect(summary).toMatchObject({ endedAt: null, interrupted: false });
});
