import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { HugepageWish } from '../../src/boot/hugepages.ts';
import type { Facts } from '../../src/facts/facts.ts';
import { hugepagePool } from '../../src/resources/hugepage-pool.ts';
import type { Change } from '../../src/resources/resource.ts';
import { factsOf } from '../boot/facts.ts';
import { stateOf } from '../boot/files.ts';
import { folder, shells } from './shells.ts';

const old = factsOf({ kernel: { next: '4.18.0-553.el8_10.x86_64' } });
const wish = { size: '2M', nodes: { 0: 512, 1: 1024 } } as const;

function change(
  facts: Facts,
  files: Readonly<Record<string, string>> = {},
  owners = '',
  what: HugepageWish = wish,
): Change | null {
  const state = stateOf(files, { owners: { code: 0, stdout: owners } });
  return hugepagePool(what).change(state, { host: 'node01', facts, ownedArguments: {} });
}

function written(made: Change | null): Readonly<Record<string, string>> {
  const actions = made?.actions ?? [];
  return Object.fromEntries(actions.flatMap((one) => (one.kind === 'write' ? [[one.path, one.text]] : [])));
}

describe('counts by NUMA node, where the kernel takes none,', () => {
  it('are written by a unit early at boot, which takes a reboot', () => {
    const made = change(old);
    expect(Object.keys(written(made))).toEqual([
      '/etc/systemd/system/vfleet-hugepages.service',
      '/etc/systemd/system/sysinit.target.d/50-vfleet-hugepages.conf',
      '/etc/vfleet/hugepages.sh',
    ]);
    expect(made?.effects).toMatchObject([{ kind: 'reboot' }]);
    expect(change(old, written(made))).toBeNull();
  });

  it('need no unit where the kernel takes them, and an earlier one goes', () => {
    expect(change(factsOf({}))).toBeNull();
    const gone = change(factsOf({}), written(change(old)));
    expect(gone?.actions.map(({ kind }) => kind)).toEqual(['remove', 'remove', 'remove']);
  });

  it('are refused where sysctl sets them, too', () => {
    expect(() => change(old, {}, '/etc/sysctl.d/9-x.conf:vm.nr_hugepages = 512\n')).toThrow(
      /found \/etc\/sysctl\.d\/9-x\.conf/,
    );
  });

  it.each(shells.map((shell) => [shell.join(' '), shell]))('are read back, by %s', (_name, shell) => {
    const root = folder();
    const files = [0, 1].map((node) => join(root, `node${node}/hugepages/hugepages-2048kB`));
    for (const file of files) {
      mkdirSync(file, { recursive: true });
      writeFileSync(join(file, 'nr_hugepages'), '0\n');
    }
    const text = written(change(old))['/etc/vfleet/hugepages.sh'] ?? '';
    const script = join(root, 'script');
    const run = (name: string) => {
      writeFileSync(script, text.replaceAll('/sys/devices/system/node', name));
      const [program = '', ...rest] = shell.filter((word) => word !== '-s');
      return spawnSync(program, [...rest, script], { encoding: 'utf8' });
    };
    expect(run(root).status).toBe(0);
    expect(files.map((file) => readFileSync(join(file, 'nr_hugepages'), 'utf8').trim())).toEqual(['512', '1024']);
    const { status, stderr } = run(join(root, 'nowhere'));
    expect([status, stderr]).toEqual([
      1,
      expect.stringContaining('NUMA node 1: expected 1024 pages of 2048 KiB, found 0'),
    ]);
  });
});

describe('a pool of another size that is there already', () => {
  const gib = 1024 * 1024;
  const facts = factsOf({});
  const pools = [
    { sizeKiB: 2048, node: null, total: 4096, free: 0 },
    { sizeKiB: gib, node: null, total: 0, free: 0 },
  ];
  const cpu = { ...facts.cpu, flags: ['pdpe1gb'] };
  const with2M = { ...facts, cpu, memory: { ...facts.memory, totalKiB: 64 * gib, hugepages: pools } };
  const judge = (what: HugepageWish, owned: readonly string[] = []) => {
    const state = stateOf({}, { owners: { code: 0, stdout: '' } });
    const context = { host: 'node01', facts: with2M, ownedArguments: { anywhere: owned } };
    return hugepagePool(what).change(state, context);
  };

  it('counts where it is somebody else’s: together they would starve the host', () => {
    expect(() => judge({ size: '1G' })).toThrow(
      /leave 12 GiB for the host, found 52 of 1G beside 4096 of 2M .*ask for 44 at most/,
    );
    expect(judge({ size: '1G', count: 44 })).toBeNull();
  });

  it('does not count where it was ours and goes, nor where it is the wished one', () => {
    expect(judge({ size: '1G' }, ['default_hugepagesz=2M', 'hugepagesz=2M', 'hugepages=4096'])).toBeNull();
    expect(judge({ size: '2M', count: 26_000 })).toBeNull();
  });
});
