import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Faults } from '../../src/lab/faults.ts';
import type { LabNode } from '../../src/lab/node.ts';
import { compareSnapshots } from '../../src/lab/snapshot.ts';
import { type Fleet, startFleet } from './fleet.ts';

/** One fresh node for each test, so that none depends on another. */
const names = Array.from({ length: 27 }, (_, index) => `n${String(index).padStart(2, '0')}`);

let fleet: Fleet;
let node: LabNode;
let next = 0;
beforeAll(async () => {
  fleet = await startFleet(names.map((name) => ({ name, kind: 'debian-12-intel' })));
}, 120_000);
afterAll(() => fleet?.stop());
beforeEach(() => {
  node = fleet.lab.node(names[next] ?? 'more tests than nodes');
  next += 1;
});

const at = (file: string): string => path.join(node.root, file);
const apply = (options?: Parameters<Fleet['one']>[2]) => fleet.one('apply', node.name, options);

/** What vfleet manages on a host. */
async function managed(): Promise<readonly string[]> {
  const read = (file: string): Promise<string> => readFile(at(file), 'utf8').catch(() => 'absent');
  return Promise.all(
    ['etc/default/grub', 'etc/default/grub.d/99-vfleet.cfg', 'etc/modules-load.d/vfio.conf', 'boot/grub/grub.cfg'].map(
      read,
    ),
  );
}

/** Phases in which a run has read once more, as its journal says. */
async function rereads(run: string | null): Promise<readonly string[]> {
  return (await fleet.events(run)).flatMap((event) =>
    event.type === 'phase' && event.detail?.startsWith('the link was lost; reading again') ? [event.phase] : [],
  );
}

describe('a host that cannot be talked to', () => {
  const cases: readonly (readonly [string, Faults, RegExp])[] = [
    ['refuses the key', { refuseLogin: true }, /ssh\.auth/],
    ['accepts the connection and stays silent', { silentTcp: true }, /ssh\.timeout/],
    ['hangs after the log-in', { hangCommands: true }, /shell\.(?:no-start|timeout)/],
  ];
  it.each(cases)('that %s ends in a clear error, in bounded time', async (_, faults, code) => {
    await node.setFaults(faults);
    const { host, code: exit } = await apply({ args: { connectTimeout: 2 } });
    expect(exit).toBe(1);
    expect(host.failure?.code).toMatch(code);
    expect(host.failure?.message).toContain(node.name);
    expect(host.failure?.next ?? '').not.toBe('');
  });
});

describe('a host on which writing fails', () => {
  it.each([
    ['a full disk', { fullDisk: true }, /No space left on device/],
    ['a read-only file system', { readOnly: true }, /Read-only file system/],
  ] as const)(
    'by %s: no managed file changes, the reason is named, and mended it converges',
    async (_, faults, reason) => {
      const before = await managed();
      await node.setFaults(faults);
      const { host, code } = await apply();
      expect(code).toBe(1);
      expect(host.state).toBe('failed');
      expect(host.failure?.message).toMatch(reason);
      await node.setFaults({});
      expect(await managed()).toEqual(before);
      expect(node.counters.reboots).toBe(0);
      expect((await apply()).host.state).toBe('ok');
    },
  );
});

it('a login shell that prints a banner disturbs nothing', async () => {
  await node.setFaults({ banner: 'Welcome!\nYou have mail.\n\x1b[31m' });
  const { host } = await apply();
  expect(host.failure).toBeNull();
  expect(host.state).toBe('ok');
});

it('garbage in /etc/default/grub is named by file and line, and nothing is written', async () => {
  const text = await readFile(at('etc/default/grub'), 'utf8');
  await writeFile(at('etc/default/grub'), `${text}GRUB_CMDLINE_LINUX="quiet\nif then (\n`);
  const before = await node.snapshot();
  const { host } = await apply();
  expect(host.state).not.toBe('ok');
  expect(host.failure?.message).toMatch(/\/etc\/default\/grub:\d+/);
  expect([host.writes, host.reboots]).toEqual([0, 0]);
  expect(compareSnapshots(before, await node.snapshot())).toEqual([]);
});

it('a host that does not come back is lost, and no other host suffers from it', async () => {
  const other = fleet.lab.node(names[next] ?? '');
  next += 1;
  await node.setFaults({ neverReturns: true });
  const { summary, code } = await fleet.run('apply', {
    args: { limit: [`${node.name},${other.name}`] },
    reboot: { deadline: 4_000 },
  });
  const states = Object.fromEntries(summary.hosts.map((host) => [host.name, host.state]));
  expect(states).toEqual({ [node.name]: 'lost', [other.name]: 'ok' });
  expect(code).toBe(1);
});

it('a host that returns with the old arguments fails with the cause, and is not rebooted again for the same goal', async () => {
  await node.setFaults({ bootsOldEntry: true });
  const first = await apply();
  expect(first.host.state).toBe('failed');
  expect(first.host.failure?.code).toBe('reboot.arguments-not-active');
  expect(first.host.failure?.found).toMatch(/intel_iommu=on/);
  expect(node.counters.reboots).toBe(1);
  const second = await apply();
  expect(second.host.failure?.code).toBe('reboot.arguments-not-active');
  expect(node.counters.reboots).toBe(1);
});

it('a changed host key is refused after the reboot, not waited out', async () => {
  await node.setFaults({ changeHostKey: true });
  const { host } = await apply();
  expect(host.failure?.code).toBe('ssh.host-key-changed');
});

describe('a link that breaks', () => {
  // The commands of an apply: 0 facts, 1 read, 2 write, 3 the regeneration, 4 the request to reboot.
  it.each([
    ['while the write script is sent', { cutInput: { skip: 2, afterBytes: 3_000 } }],
    ['while the write script answers', { cutOutput: { skip: 2, afterBytes: 60 } }],
    ['while the boot configuration is generated', { cutOutput: { skip: 3, afterBytes: 40 } }],
    ['while the reboot is asked for', { cutOutput: { skip: 4, afterBytes: 40 } }],
  ] as const)('%s costs nothing: one apply converges with one reboot', async (_, faults) => {
    await node.setFaults(faults);
    const { host } = await apply();
    expect(host.failure).toBeNull();
    expect(host.state).toBe('ok');
    expect(node.counters.reboots).toBe(1);
  });
});

describe('a link that breaks in a read', () => {
  it.each([0, 1])('(command %i of a plan) is no end: it is read again, and the journal says so', async (skip) => {
    await node.setFaults({ cutOutput: { skip, afterBytes: 40 } });
    const { summary, code } = await fleet.run('plan', { args: { limit: [node.name] } });
    expect(code).toBe(2);
    expect(await rereads(summary.run)).toEqual([skip === 0 ? 'connect' : 'plan']);
  });

  it('twice is one: nobody tries for ever', async () => {
    await node.setFaults({ cutOutput: { times: 2, afterBytes: 40 } });
    const { host } = await fleet.one('plan', node.name);
    expect([host.state, host.failure?.code]).toEqual(['unreachable', 'ssh.lost']);
  });
});

/** Resolves when a node has refused so many log-ins from now on. */
async function refuses(times: number): Promise<void> {
  await node.setFaults({ refuseLogin: true });
  const { connections } = node.counters;
  await vi.waitUntil(() => node.counters.connections >= connections + times, { timeout: 120_000 });
}

it('a host that cuts a job off and refuses log-ins for a moment, as one does that boots, is waited for', async () => {
  await node.setFaults({ cutOutput: { skip: 3, afterBytes: 40 } });
  const { execs } = node.counters;
  const applying = apply();
  await vi.waitUntil(() => node.counters.execs === execs + 4, { timeout: 120_000, interval: 5 });
  await refuses(2);
  await node.setFaults({});
  expect((await applying).host.failure).toBeNull();
  expect(node.counters.reboots).toBe(1);
});

it('a host that refuses log-ins and commands for a moment after its boot, and then drops the link, is waited for', async () => {
  const stop = node.listen(({ stdin }) => {
    if (!stdin.includes('vfleet-reboot-')) return;
    stop();
    void comeUpSlowly();
  });
  const comeUpSlowly = async (): Promise<void> => {
    await node.setFaults({ refuseLogin: true });
    await node.until('booting');
    await node.until('up');
    await refuses(2);
    // The first command after the boot ends without a word; so does the one after the proof.
    const over = node.listen(({ stdin, stdout }) => {
      if (!stdin.includes('cat /proc/sys/kernel/random/boot_id') || stdout.length === 0) return;
      over();
      void node.setFaults({ cutOutput: { afterBytes: 40 } });
    });
    await node.setFaults({ cutOutput: { afterBytes: 4 } });
  };
  const { summary, code } = await fleet.run('apply', { args: { limit: [node.name] } });
  expect(summary.hosts[0]?.failure).toBeNull();
  expect(code).toBe(0);
  expect(node.counters.reboots).toBe(1);
  expect(await rereads(summary.run)).toEqual(['facts']);
});

it('running guests refuse the reboot, which stays due until they are gone', async () => {
  await mkdir(at('proc/4711'), { recursive: true });
  await writeFile(at('proc/4711/comm'), 'qemu-system-x86\n');
  // The first request gets lost: the second one is what is refused.
  await node.setFaults({ cutInput: { skip: 4, afterBytes: 100 } });
  const { host, code } = await apply();
  expect(code).toBe(3);
  expect(host.state).toBe('refused');
  expect(host.failure?.code).toBe('guests.running');
  expect([host.reboots, node.counters.reboots]).toEqual([0, 0]);
  const planned = await fleet.one('plan', node.name);
  expect(planned.host.plan?.pending.map((effect) => effect.kind)).toContain('reboot');
  const allowed = await apply({ guestsAllowed: true });
  expect(allowed.host.state).toBe('ok');
  expect(node.counters.reboots).toBe(1);
});

it('a power cut between the write and the reboot costs one reboot at most, and nothing is half written', async () => {
  const stop = node.listen((exchange) => {
    // The boot configuration has just been generated.
    if (exchange.stdin.includes('/var/lib/vfleet/jobs/')) {
      stop();
      void node.powerCut();
    }
  });
  await apply();
  await node.until('up');
  const { host } = await apply();
  expect(host.failure).toBeNull();
  expect(host.state).toBe('ok');
  expect(node.counters.reboots).toBeLessThanOrEqual(1);
  expect((await apply()).host).toMatchObject({ writes: 0, reboots: 0, state: 'ok' });
});
