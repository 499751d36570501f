import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { motd, type Racks, readOn, replaceOn, startRacks } from './racks.ts';

// Each test waits for programs to end, however long that takes on a busy machine.
vi.setConfig({ testTimeout: 240_000 });

let racks: Racks;
beforeAll(async () => {
  racks = await startRacks([
    { name: 'canary', rack: 'a', faults: { refuseLogin: true } },
    ...['a1', 'a2'].map((name) => ({ name, rack: 'a' })),
    ...['p1', 'p2', 'p3'].map((name) => ({ name, rack: 'p' })),
    { name: 'q1', rack: 'q' },
    { name: 'off', rack: 'q', kind: 'debian-12-vtd-off' },
    ...['e1', 'e2', 'e3'].map((name) => ({ name, rack: 'e' })),
  ]);
  await racks.write('motd.ts', motd);
  await racks.write('careful.ts', motd.replace("  name: '", "  rollout: { canary: 'p2', maxFailures: 3 },\n  name: '"));
}, 240_000);
afterAll(() => racks?.stop());

const touched = (): readonly number[] => racks.lab.nodes.map((node) => node.counters.connections);
const hasScript = spawnSync('script', ['-qec', 'true', '/dev/null']).status === 0;

/** Runs a command that must end before any host is touched. */
async function refused(...args: readonly string[]): Promise<string> {
  const before = touched();
  const { code, stdout, stderr } = await racks.vfleet(...args);
  expect(touched()).toEqual(before);
  expect(stderr).not.toContain('this is a bug');
  expect([code, stdout]).toEqual([64, '']);
  return stderr;
}

describe('a canary that fails', () => {
  it('halts the rollout: nobody else starts, exit 3, and what goes on is named', async () => {
    const args = ['apply', 'motd.ts', '--yes', '--canary', 'canary', '-l', 'rack:a'];
    const { code, stdout, stderr } = await racks.vfleet(...args);
    expect(stderr).toMatch(/^rollout: canary first \(1 canary host\), then at most 3 of 3 hosts at once/);
    expect(stderr).toMatch(/^halted: canary of the canary hosts did not end well; allowed: 0; no further host starts/m);
    expect(stdout).toMatch(/^halted: canary of the canary hosts did not end well/m);
    expect(stdout).toMatch(/skipped +2 +a\[1-2\]/);
    expect(stdout).toMatch(/unreachable +1 +canary/);
    expect(stdout).toMatch(/^next: vfleet resume \S+ .*--retry-failed {3}#/m);
    expect(code).toBe(3);
    for (const name of ['a1', 'a2']) expect(racks.lab.node(name).counters.connections).toBe(0);
  });

  it('tells programs the same, with the policy in numbers', async () => {
    const args = ['apply', 'motd.ts', '--yes', '--json', '--canary', 'canary', '--per-rack', '50%', '-l', 'rack:a'];
    const { code, stdout } = await racks.vfleet(...args);
    expect(JSON.parse(stdout)).toMatchObject({
      exitCode: code,
      halted: expect.stringContaining('canary'),
      rollout: { canaries: ['canary'], maxCanaryFailures: 0, maxFailures: 1, perDomain: { a: 1 }, parallel: 20 },
      hosts: [
        { state: 'unreachable' },
        { state: 'skipped', failure: { code: 'rollout.halted' } },
        { state: 'skipped' },
      ],
    });
    expect(code).toBe(3);
  });
});

it('works on no more hosts of one rack at once than it may, and on other racks meanwhile', async () => {
  const names = ['p1', 'p2', 'p3', 'q1'];
  const order: string[] = [];
  const leave = names.map((name) => racks.lab.node(name).listen(() => order.push(name)));
  const { code } = await racks.vfleet('apply', 'motd.ts', '--yes', '--per-rack', '1', '-l', 'rack:p,q1');
  for (const stop of leave) stop();
  expect(code).toBe(0);
  const inRack = order.filter((name) => name !== 'q1');
  // Of each host all commands in a row, whoever of them came first.
  expect(inRack.filter((name, at) => name !== inRack[at - 1]).toSorted()).toEqual(['p1', 'p2', 'p3']);
  expect(order.indexOf('q1')).toBeLessThan(Math.max(...['p1', 'p2', 'p3'].map((name) => order.lastIndexOf(name))));
});

describe('plan shows the policy', () => {
  it('in few lines: options over the inventory over the playbook', async () => {
    const inventory = await readOnLab();
    await racks.write('more.yaml', inventory.replace(/^all:\n/, 'all:\n  rollout: { maxFailures: 2, soak: 90s }\n'));
    const { stdout } = await racks.vfleet(
      'plan',
      'careful.ts',
      '-i',
      'more.yaml',
      '--batches',
      '1,50%',
      '-l',
      'rack:p,q1',
    );
    expect(stdout).toMatch(
      /^rollout: p2 first \(1 canary host\), then at most 1, then 2 of 4 hosts at once, 1 of each rack\n {2}halts when more than 2 hosts end badly, or a canary host does\n {2}watches each for 1 min 30 s\n/m,
    );
    const json = await racks.vfleet('plan', 'careful.ts', '-i', 'more.yaml', '--no-canary', '-l', 'p1,p2', '--json');
    expect(JSON.parse(json.stdout)).toMatchObject({ rollout: { canaries: [], soak: 90_000 }, halted: null });
  });
});

async function readOnLab(): Promise<string> {
  return readFile(racks.lab.inventoryPath, 'utf8');
}

describe('before any log-in', () => {
  it.each([
    [
      'canaries that match nothing',
      ['--canary', 'nobody', '-l', 'rack:p'],
      /--canary "nobody": expected a host or a group/,
    ],
    [
      'canaries that are not chosen',
      ['--canary', 'a1', '-l', 'rack:p'],
      /--canary "a1": .*found only others: a1; next: .*--no-canary/,
    ],
    ['a number that is none', ['--per-rack', '0'], /--per-rack: expected a whole number from 1.*found "0"/],
    ['a share above all', ['--parallel', '101%'], /--parallel: expected .*found "101%"/],
    ['a window that is none', ['--window', 'Sut 1:00-2:00'], /--window: expected days, times/],
    ['a time without a unit', ['--soak', '5'], /--soak: expected a time as 30s/],
    ['a batch that is none', ['--batches', '1,x'], /--batches: expected .*found "1,x"/],
  ])('%s are refused', async (_, args, said) => {
    expect(await refused('plan', 'motd.ts', ...args)).toMatch(said);
  });

  it('hosts without a rack are named where a limit per rack is asked for', async () => {
    await racks.write('bare.yaml', 'all:\n  rollout: { perRack: 1 }\n  hosts: { n1: , n2: , n3: { rack: r1 } }\n');
    expect(await refused('plan', 'motd.ts', '-i', 'bare.yaml')).toMatch(
      /the limit per rack: expected a rack of every host, found none of n\[1-2\]; next: say `rack/,
    );
  });

  it('another number of hosts than expected is refused, with --yes too', async () => {
    const said = await refused('apply', 'motd.ts', '--yes', '--expect-hosts', '4', '-l', 'rack:p');
    expect(said).toMatch(/--expect-hosts 4: 3 hosts are chosen; no host was touched/);
  });

  it('--yes alone is not enough for many', async () => {
    await racks.write('many.yaml', 'all:\n  rollout: { confirmAbove: 3 }\n  hosts:\n    n[1:4]:\n');
    const said = await refused('apply', 'motd.ts', '--yes', '-i', 'many.yaml');
    expect(said).toMatch(/--yes: 4 hosts are chosen, and for more than 3 .*--expect-hosts 4/);
  });
});

describe('--check-first', () => {
  it('writes nothing anywhere when one host is refused, or cannot be reached', async () => {
    const one = await racks.vfleet('apply', 'passthrough', '--yes', '--check-first', '-l', 'e1,off');
    expect(one.stdout).toMatch(
      /^halted: off did not pass the check before the first write: nothing was written on any/m,
    );
    expect(one.code).toBe(3);
    const other = await racks.vfleet('apply', 'motd.ts', '--yes', '--check-first', '-l', 'e1,canary');
    expect(other.stdout).toMatch(/^halted: canary did not pass/m);
    expect(other.code).toBe(3);
    await expect(readOn(racks.lab.node('e1'), 'var/lib/vfleet/state.json')).rejects.toThrow();
  });

  it('of a saved plan: writes nothing anywhere when the plan of one host is not what was shown any more', async () => {
    await racks.vfleet('plan', 'motd.ts', '-l', 'p1,p2', '-e', 'message=Planned', '--out', 'p.plan');
    const read = (): Promise<string | null> => readOn(racks.lab.node('p1'), 'etc/motd').catch(() => null);
    const before = await read();
    // p2 is to be changed otherwise by now.
    await replaceOn(racks.lab.node('p2'), 'etc/motd', 'somebody was here\n');
    const args = ['apply', 'p.plan', '--yes', '--check-first', '-p', '1'];
    const refused = await racks.vfleet(...args);
    expect(refused.stdout).toMatch(/^halted: p2 did not pass the check before the first write: nothing was written/m);
    expect(refused.stdout).toMatch(/differs from the plan/);
    expect(refused.code).toBe(3);
    expect(await read()).toBe(before);
    const { code } = await racks.vfleet(...args, '-l', 'p1');
    expect([code, await read()]).toEqual([0, 'Planned to p1\n']);
  });

  it('goes on where every host passes', async () => {
    const { code } = await racks.vfleet(
      'apply',
      'motd.ts',
      '--yes',
      '--check-first',
      '--expect-hosts',
      '1',
      '-l',
      'e2',
    );
    expect(code).toBe(0);
    expect(await readOn(racks.lab.node('e2'), 'etc/motd')).toBe('Welcome to e2\n');
  });
});

// The `script` of util-linux gives it a terminal of its own.
describe.skipIf(!hasScript)(`at a terminal${hasScript ? '' : ' (SKIPPED: script of util-linux is not here)'}`, () => {
  it.each([
    ['y\n', 3],
    ['2\n', 3],
    ['3\n', 0],
  ])('for many hosts their number is to be typed: %j', async (answer, exit) => {
    const careful = (await readOnLab()).replace(/^all:\n/, 'all:\n  rollout: { confirmAbove: 2 }\n');
    await racks.write('careful.yaml', careful);
    const args = ['apply', 'motd.ts', '-i', 'careful.yaml', '-l', 'rack:e', '-e', 'message=Typed', '--no-color'];
    const run = await racks.start(args, { terminal: true });
    await run.said(
      /rollout: at most 3 of 3 hosts at once[^]*Change 3 hosts, verify 3\? Type the number of hosts to change: /,
      'stdout',
    );
    run.type(answer);
    expect((await run.ended).code).toBe(exit);
  });
});
