import { readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { HostPlan } from '../../src/events/event.ts';
import { checkPlanPath, comparePins, isSavedPlan, type Pins, readPlan, savePlan } from '../../src/playbook/plan.ts';
import { errorOf, folderOf } from './folder.ts';

const hostPlan: HostPlan = {
  host: 'node07',
  rack: 'r1',
  gates: [{ check: 'c', title: 't', outcome: 'pass', found: 'f', evidence: ['e'] }],
  changes: [
    {
      resource: 'file /etc/motd',
      summary: 'create /etc/motd',
      diffs: ['--- /dev/null\n+++ /etc/motd\n'],
      effects: [{ kind: 'service', reason: 'r', unit: 'u' }],
      notes: [],
      digest: 'abc',
      tentative: true,
      step: 1,
    },
  ],
  pending: [
    { kind: 'boot-configuration', reason: 'r', present: ['a'], absent: [], remove: ['b'], add: ['a'] },
    { kind: 'reboot', reason: 'r', present: ['iommu=pt'], absent: [], exact: ['iommu=pt'] },
  ],
  effects: [
    { kind: 'initramfs', reason: 'r' },
    { kind: 'boot-configuration', reason: 'r', present: [], absent: ['quiet'] },
  ],
  machineId: null,
  factsRead: { 'os.id': 'debian', 'cpu.count': 4, 'pci.0.driver': null },
};
const pins: Pins = {
  vfleet: '0.1.0',
  playbook: 'passthrough',
  playbookDigest: 'p',
  templatesDigest: 't',
  varsDigests: { node07: 'v7', node08: 'v8' },
};
const plan = {
  createdAt: '2026-11-23T03:50:00Z',
  inventory: 'inventory',
  extraVars: ['a=b'],
  adopt: false,
  pins,
  hosts: [hostPlan],
};

describe('a saved plan', () => {
  it('is read as it was written, and only its owner can read it', async () => {
    const folder = folderOf({});
    const file = join(folder, 'a.plan');
    await savePlan(file, plan);
    expect(await readPlan(file)).toEqual({ version: 1, ...plan });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(await isSavedPlan(file)).toBe(true);
    expect(readdirSync(folder)).toEqual(['a.plan']);
  });

  it('replaces an older one whole', async () => {
    const file = join(folderOf({ 'a.plan': '{"longer": "than the new one"}'.repeat(999) }), 'a.plan');
    await savePlan(file, plan);
    expect((await readPlan(file)).hosts).toEqual([hostPlan]);
  });

  it.each([
    ['cut off', (text: string) => text.slice(0, -20), 'plan.unreadable', /a damaged one: it is no whole JSON text/],
    ['nothing but a bracket', () => '{', 'plan.unreadable', /damaged/],
    ['another document', () => '{"version": 1}', 'plan.unreadable', /another document or a damaged one \(createdAt: /],
    [
      'with a change of no form',
      (text: string) => text.replace('"changes": [', '"changes": [null,'),
      'plan.unreadable',
      /hosts\.0\.changes\.0/,
    ],
    [
      'with an effect that nobody knows',
      (text: string) => text.replace('"initramfs"', '"magic"'),
      'plan.unreadable',
      /hosts\.0\.effects\.0\.kind/,
    ],
    [
      'of a newer vfleet',
      (text: string) => text.replace('"version": 1', '"version": 2'),
      'plan.newer',
      /version 2, written by a newer vfleet/,
    ],
  ] as const)('%s is refused with a reason', async (_, spoil, code, said) => {
    const file = join(folderOf({}), 'a.plan');
    await savePlan(file, plan);
    writeFileSync(file, spoil(readFileSync(file, 'utf8')));
    expect(await isSavedPlan(file)).toBe(true);
    const error = await errorOf(() => readPlan(file));
    expect([error.code, error.message]).toEqual([code, expect.stringMatching(said)]);
    expect(error.parts.next).toMatch(/make it again/);
  });

  it('is not a playbook, and a playbook is none', async () => {
    const folder = folderOf({ 'a.ts': "import { playbook } from 'vfleet';\n" });
    expect(await isSavedPlan(join(folder, 'a.ts'))).toBe(false);
    expect(await isSavedPlan(join(folder, 'none'))).toBe(false);
  });
});

describe('where a plan is saved', () => {
  it.each([
    ['new', null],
    ['empty', null],
    ['old.plan', null],
    ['book.ts', /found a file that is no plan; next: name another file/],
    ['folder', /found a folder/],
    ['device', /found something that is no file/],
    ['none/a.plan', /found no such folder/],
    ['book.ts/a.plan', /found no such folder/],
  ])('%s is looked at before', async (name, said) => {
    const folder = folderOf({ 'book.ts': 'export {}', empty: '', 'old.plan': '{"pins": {}}', 'folder/x': '' });
    symlinkSync('/dev/null', join(folder, 'device'));
    const check = (): Promise<void> => checkPlanPath(join(folder, name));
    if (said === null) await check();
    else expect((await errorOf(check)).message).toMatch(said);
  });

  it('names why it cannot be written, and leaves nothing beside', async () => {
    const folder = folderOf({ 'a.plan/x': '' });
    const error = await errorOf(() => savePlan(join(folder, 'a.plan'), plan));
    expect(error.code).toBe('plan.unwritable');
    expect(readdirSync(folder)).toEqual(['a.plan']);
    expect((await errorOf(() => savePlan(join(folder, 'none/a.plan'), plan))).message).toMatch(/no such folder/);
  });
});

describe('what a plan was made of', () => {
  const refusal = (now: Partial<Pins>) => errorOf(() => comparePins('a.plan', pins, { ...pins, ...now }));

  it('may stay the same', () => {
    comparePins('a.plan', pins, { ...pins, varsDigests: { ...pins.varsDigests, node09: 'other' } });
  });

  it.each([
    [{ vfleet: '0.2.0' }, /the version of vfleet as when it was made, found 0\.2\.0 instead of 0\.1\.0/],
    [{ playbookDigest: 'q' }, /the playbook passthrough as when it was made/],
    [{ templatesDigest: 'q' }, /the templates of vfleet/],
    [{ varsDigests: { node07: 'x', node08: 'v8' } }, /the variables of node07 as/],
    [{ varsDigests: { node07: 'x' } }, /the variables of node\[07-08\] as/],
  ])('must not become %j', async (now, said) => {
    const error = await refusal(now);
    expect(error.code).toBe('plan.pins');
    expect(error.message).toMatch(said);
    expect(error.message).toMatch(/^a\.plan: .*make the plan again/);
  });
});
