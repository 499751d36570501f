import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Ended } from './program.ts';
import { eventsOf, journalOf, killAt, motd, type Racks, startRacks } from './racks.ts';

// What resume and retry begin with: of many hosts their number, and of some commands nothing at all.
vi.setConfig({ testTimeout: 240_000 });

const groups: Readonly<Record<string, readonly string[]>> = {
  retried: ['a1', 'a2', 'a3', 'a4'],
  halted: ['b1', 'b2', 'b3', 'b4'],
  killed: ['c1', 'c2', 'c3', 'c4'],
  typed: ['d1', 'd2', 'd3', 'd4'],
  read: ['e1', 'e2'],
  drained: ['f1', 'f2', 'f3', 'f4'],
};

let racks: Racks;
beforeAll(async () => {
  racks = await startRacks(Object.entries(groups).flatMap(([rack, names]) => names.map((name) => ({ name, rack }))));
  await racks.write('motd.ts', motd);
  const inventory = await readFile(racks.lab.inventoryPath, 'utf8');
  await racks.write('careful.yaml', inventory.replace(/^all:\n/, 'all:\n  rollout: { confirmAbove: 3 }\n'));
}, 240_000);
afterAll(() => racks?.stop());

const lock = async (names: readonly string[], refuseLogin: boolean): Promise<void> => {
  for (const name of names) await racks.lab.node(name).setFaults({ refuseLogin });
};
const runOf = async (host: string): Promise<string> => path.basename(path.dirname(await journalOf(racks, host)));
const apply = (group: string, ...more: readonly string[]): readonly string[] => {
  return ['apply', 'motd.ts', '--yes', '-i', 'careful.yaml', '-l', `rack:${group}`, '--expect-hosts', '4', ...more];
};
const statesIn = ({ stdout, stderr }: Ended): readonly string[] => {
  expect(stdout, stderr).not.toBe('');
  return JSON.parse(stdout).hosts.map(({ state }: { readonly state: string }) => state);
};

/** Runs a command that must end before any host is touched, with this exit code; gives what it said. */
async function refused(exit: number, ...args: readonly string[]): Promise<string> {
  const touched = (): readonly number[] => racks.lab.nodes.map((node) => node.counters.connections);
  const before = touched();
  const { code, stderr } = await racks.vfleet(...args);
  expect([code, touched()], stderr).toEqual([exit, before]);
  return stderr;
}

describe('more hosts than confirmAbove', () => {
  it('are tried again only where their number is given', async () => {
    await lock(groups['retried'] ?? [], true);
    expect((await racks.vfleet(...apply('retried', '--max-failures', '4'))).code).toBe(1);
    await lock(groups['retried'] ?? [], false);
    const name = await runOf('a1');
    expect(await refused(64, 'retry', name)).toMatch(
      /retry: 4 hosts are to be started, and for more than 3 .* --expect-hosts 4; no host was touched/,
    );
    expect(await refused(64, 'retry', name, '--expect-hosts', '5')).toMatch(
      /--expect-hosts 5: 4 hosts are to be started/,
    );
    // Nobody has begun a run.
    expect(await runOf('a1')).toBe(name);
    expect(statesIn(await racks.vfleet('retry', name, '--expect-hosts', '4', '--json'))).toEqual(Array(4).fill('ok'));
  });

  it('are started by resume only where their number is given: those that have ended are not counted', async () => {
    await lock(['b1'], true);
    expect((await racks.vfleet(...apply('halted', '-p', '1', '--max-failures', '0'))).code).toBe(3);
    expect(await refused(64, 'resume', '--retry-failed')).toMatch(/resume: 4 hosts are to be started/);
    expect(await refused(64, 'resume', '--max-failures', '1', '--expect-hosts', '4')).toMatch(
      /3 hosts are to be started/,
    );
    const ended = await racks.vfleet('resume', '--max-failures', '1', '--json');
    expect(statesIn(ended)).toEqual(['unreachable', 'ok', 'ok', 'ok']);
  });

  it('are no matter where one of them was at work already when its controller died', async () => {
    const run = await racks.start(apply('killed', '-p', '1'));
    await killAt(racks, run, 'c1', /"host-started","host":"c1"/);
    expect(statesIn(await racks.vfleet('resume', await runOf('c1'), '--json'))).toEqual(Array(4).fill('ok'));
  });

  it('are tried again by resume only where their number is given, those too that keep their places', async () => {
    const ready = path.join(racks.folder, 'ready');
    await racks.write(
      'drain.ts',
      `import { kernelArguments, playbook } from 'vfleet';
export default playbook({
  name: 'Drained',
  hooks: { drain: { run: ${JSON.stringify(`test -e ${ready}`)}, where: 'controller' } },
  async apply(host) { await host.ensure(kernelArguments({ nomodeset: true })); await host.settle(); },
});
`,
    );
    const args = apply('drained', '--max-failures', '4', '--per-rack', '4').with(1, 'drain.ts');
    expect((await racks.vfleet(...args)).code).toBe(1);
    const ended = (await eventsOf(racks, 'f1')).filter(({ type }) => type === 'host-ended');
    expect(ended).toMatchObject(Array(4).fill({ state: 'failed', holdsSlot: true }));
    await racks.write('ready', '');
    const name = await runOf('f1');
    expect(await refused(64, 'resume', name, '--retry-failed')).toMatch(/resume: 4 hosts are to be started/);
    const again = await racks.vfleet('resume', name, '--retry-failed', '--expect-hosts', '4', '--json');
    expect(statesIn(again)).toEqual(Array(4).fill('ok'));
  });

  // The `script` of util-linux gives it a terminal of its own.
  const hasScript = spawnSync('script', ['-qec', 'true', '/dev/null']).status === 0;
  it.skipIf(!hasScript)(
    `are tried again at a terminal when their number was typed${hasScript ? '' : ' (SKIPPED: script of util-linux is not here)'}`,
    async () => {
      await lock(groups['typed'] ?? [], true);
      await racks.vfleet(...apply('typed', '--max-failures', '4'));
      await lock(groups['typed'] ?? [], false);
      const name = await runOf('d1');
      for (const [answer, exit] of [
        ['y\n', 3],
        ['4\n', 0],
      ] as const) {
        const again = await racks.start(['retry', name, '--no-color'], { terminal: true });
        await again.said(/retry starts 4 hosts\. Type the number of hosts to start: /, 'stdout');
        again.type(answer);
        expect((await again.ended).code).toBe(exit);
      }
    },
  );
});

describe('a command that is not repeated', () => {
  it.each([
    ['facts', ['facts', '-l', 'e1,e2'], 'vfleet facts -l e1'],
    ['backups', ['backups', '-l', 'e1,e2'], 'vfleet backups -l e1'],
    ['backups --prune', ['backups', '--prune', '3', '--yes', '-l', 'e1'], 'vfleet backups --prune 3 -l e1'],
    ['devices', ['devices', 'e1,e2'], 'vfleet devices -l e1'],
    ['boot explain', ['boot explain', 'e1:e2', 'passthrough'], 'vfleet boot explain e1 passthrough'],
  ])('as %s is refused by retry and resume, which name what to run', async (_, args, next) => {
    await lock(['e1'], true);
    await racks.vfleet(...args.flatMap((word) => (word === 'boot explain' ? word.split(' ') : [word])));
    const name = await runOf('e1');
    const [command = ''] = args;
    for (const verb of ['retry', 'resume']) {
      const said = await refused(64, verb, name);
      expect(said).toContain(
        `expected a run of apply, plan, verify, undo or restore, found one of \`vfleet ${command}\``,
      );
      expect(said).toContain(`next: \`${next}\` begins anew; no host was touched`);
    }
    await lock(['e1'], false);
    expect((await racks.vfleet(...next.split(' ').slice(1))).stderr).not.toMatch(/unknown|expected/);
  });

  it('does not keep plan, verify and dry runs from being made again on those that failed', async () => {
    for (const [args, shown] of [
      [['plan', 'motd.ts'], /^e1[^]*\/etc\/motd[^]*^plan of Message of the day: 1 host/m],
      [['verify', 'motd.ts'], /^verify of Message of the day: 1 host/m],
      [['undo', 'motd.ts', '--dry-run'], /^undo of Message of the day: 1 host/m],
    ] as const) {
      await lock(['e1'], true);
      await racks.vfleet(...args, '-l', 'e1,e2');
      await lock(['e1'], false);
      const { stdout, stderr } = await racks.vfleet('retry', await runOf('e1'), '--no-color');
      expect(stdout, stderr).toMatch(shown);
      expect(stdout).not.toContain('e2');
    }
  });
});
