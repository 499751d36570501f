import { existsSync } from 'node:fs';
import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { LabNode } from '../../src/lab/node.ts';
import { type Fleet, startFleet } from './fleet.ts';
import { task } from './undo-steps.ts';

// Two operators never work on one host.
const names = Array.from({ length: 10 }, (_, index) => `n${index}`);

let fleet: Fleet;
let node: LabNode;
let next = 0;
beforeAll(async () => {
  fleet = await startFleet(names.map((name) => ({ name, kind: 'debian-12-intel' })));
}, 240_000);
afterAll(() => fleet?.stop());
beforeEach(() => {
  node = fleet.lab.node(names[next] ?? 'more tests than nodes');
  next += 1;
});

const at = (file: string): string => path.join(node.root, file);
const lease = (): string => at('var/lib/vfleet/lease');
const gate = (): string => path.join(fleet.folder, `${node.name}-goes-on`);

/** A playbook that writes, and goes on when a file is there. */
async function slow(): Promise<string> {
  const file = path.join(fleet.folder, `${node.name}.ts`);
  const text = `import { existsSync } from 'node:fs';
import { file, playbook } from 'vfleet';
export default playbook({ name: 'Slow', async apply(host) {
  await host.ensure(file('/etc/motd', 'first\\n'));
  while (!existsSync(${JSON.stringify(gate())})) await new Promise((resolve) => setTimeout(resolve, 50));
  await host.ensure(file('/etc/issue', 'second\\n'));
} });
`;
  await writeFile(file, text);
  return file;
}

async function quick(): Promise<string> {
  const file = path.join(fleet.folder, `${node.name}-quick.ts`);
  const text = `import { file, playbook } from 'vfleet';
export default playbook({ name: 'Quick', async apply(host) { await host.ensure(file('/etc/issue.net', 'quick\\n')); } });
`;
  await writeFile(file, text);
  return file;
}

const written = async (): Promise<boolean> =>
  readFile(at('etc/issue.net'), 'utf8').then(
    (text) => text === 'quick\n',
    () => false,
  );

/** The lease of a run that another controller has begun, and that is heard of no more. */
async function foreign(lines: Readonly<Record<string, string>>): Promise<void> {
  const bootId = (await readFile(at('proc/sys/kernel/random/boot_id'), 'utf8')).trim();
  const all = { version: '1', run: '20260101-000000-gone', who: 'eve@far', process: '', boot: bootId, ...lines };
  // The folder is there once somebody has worked on the host.
  await fleet.one('apply', node.name, { playbook: await quick() });
  await rm(at('etc/issue.net'));
  await writeFile(
    lease(),
    Object.entries({ since: '2026-01-01T00:00:00Z', back: '0', ...all })
      .map((line) => `${line.join('=')}\n`)
      .join(''),
  );
}

it('a second run is refused while a first one works, told who works there, and has written nothing', async () => {
  const first = fleet.one('apply', node.name, { playbook: await slow() });
  await vi.waitUntil(() => readFile(lease(), 'utf8').catch(() => ''), { timeout: 60_000, interval: 50 });
  const second = await fleet.one('apply', node.name, { playbook: await quick() });
  expect([second.host.state, second.host.failure?.code, second.code]).toEqual(['refused', 'host.leased', 3]);
  expect(second.host.failure?.message).toMatch(
    /run \d+-.* of root@.*, at work since \d{4}-.*runs out in \d+ seconds.*vfleet resume/,
  );
  expect(await written()).toBe(false);
  const planned = await fleet.one('plan', node.name, { playbook: await quick() });
  expect([planned.host.state, planned.code]).toEqual(['ok', 2]);
  expect(planned.host.warnings.join()).toMatch(/another run is at work on it: run .* of root@/);
  await writeFile(gate(), '');
  expect((await first).host).toMatchObject({ state: 'ok', writes: 2 });
  await expect(readFile(lease())).rejects.toThrow(/ENOENT/);
  expect((await fleet.one('apply', node.name, { playbook: await quick() })).host.state).toBe('ok');
});

/** Lets the host's up-time go on as real time does, beginning with 100 s; gives what ends that. */
function runClock(): () => Promise<void> {
  const begun = performance.now();
  let over = false;
  const tick = async (): Promise<void> => {
    while (!over) {
      const beside = at('proc/uptime.new');
      await writeFile(beside, `${(100 + (performance.now() - begun) / 1000).toFixed(2)} 1520.11\n`);
      await rename(beside, at('proc/uptime'));
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  const ticking = tick();
  return async () => {
    over = true;
    await ticking;
  };
}

it('a lease is renewed as long as a slow job is at work, and keeps others out until that has ended', async () => {
  const stop = runClock();
  try {
    const tool = at('usr/sbin/update-initramfs');
    await rename(tool, `${tool}.real`);
    const wait = `while [ ! -e /root/job-goes-on ]; do sleep 0.1; done`;
    await writeFile(tool, `#!/bin/sh\n: >/root/job-begun\n${wait}\nexec "$0.real" "$@"\n`, { mode: 0o755 });
    const lasting = { seconds: 3, renewEvery: 400 };
    const modules = path.join(fleet.folder, 'modules.ts');
    const text = `import { file, playbook } from 'vfleet';
export default playbook({ name: 'Modules', async apply(host) {
  await host.ensure(file('/etc/modprobe.d/lease.conf', 'options loop max_loop=9\\n'));
  await host.settle();
} });
`;
    await writeFile(modules, text);
    const first = fleet.one('apply', node.name, { playbook: modules, lease: lasting });
    await vi.waitUntil(() => existsSync(at('root/job-begun')), { timeout: 60_000, interval: 20 });
    const until = async (): Promise<number> =>
      Number(/^until=(\d+)$/m.exec(await readFile(lease(), 'utf8').catch(() => ''))?.[1] ?? Number.NaN);
    const begun = await until();
    const seen = new Set<number>();
    // Twice as long as it would last without a renewal, and no moment in which it has run out.
    while (!seen.has(begun + 6)) {
      const [now, up] = [await until(), Number.parseFloat(await readFile(at('proc/uptime'), 'utf8'))];
      if (Number.isNaN(now)) continue;
      seen.add(now);
      expect(now).toBeGreaterThan(up);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const second = await fleet.one('apply', node.name, { playbook: await quick(), lease: lasting });
    expect([second.host.state, second.host.failure?.code]).toEqual(['refused', 'host.leased']);
    expect(second.host.failure?.found).toMatch(/its lease runs out in \d seconds? unless it is renewed/);
    await writeFile(at('root/job-goes-on'), '');
    expect((await first).host).toMatchObject({ state: 'ok', failure: null });
    expect(seen.size).toBeGreaterThan(3);
    await expect(readFile(lease())).rejects.toThrow(/ENOENT/);
    expect((await fleet.one('apply', node.name, { playbook: await quick() })).host.state).toBe('ok');
  } finally {
    await stop();
  }
}, 240_000);

it('old backups are removed only where no other run is at work', async () => {
  const version = async (number: number): Promise<string> => {
    const file = path.join(fleet.folder, `${node.name}-version.ts`);
    const text = `import { file, playbook } from 'vfleet';
export default playbook({ name: 'Version', async apply(host) { await host.ensure(file('/etc/issue.net', '${number}\\n')); } });
`;
    await writeFile(file, text);
    return file;
  };
  for (const number of [1, 2, 3]) await fleet.one('apply', node.name, { playbook: await version(number) });
  const kept = (): Promise<readonly string[]> => readdir(at('var/lib/vfleet/backups'));
  const before = await kept();
  const first = fleet.one('apply', node.name, { playbook: await slow() });
  await vi.waitUntil(() => readFile(lease(), 'utf8').catch(() => ''), { timeout: 60_000, interval: 50 });
  const prune = () => task(fleet, node, 'backups', { kind: 'backups', keep: 0 });
  const refused = await prune();
  expect([refused.host.state, refused.host.failure?.code, refused.code]).toEqual(['refused', 'host.leased', 3]);
  expect(refused.host.failure?.next).toContain('`vfleet backups` again');
  expect(await kept()).toEqual(expect.arrayContaining([...before]));
  await writeFile(gate(), '');
  expect((await first).host.state).toBe('ok');
  const done = await prune();
  expect([done.host.failure, done.host.writes]).toEqual([null, 1]);
  expect((await kept()).length).toBeLessThan(before.length);
  await expect(readFile(lease())).rejects.toThrow(/ENOENT/);
});

it('a run that was cut off for longer than its lease lasts does not take a host back that another run has by then', async () => {
  const [hooks, rebooted, goesOn] = ['hooks', 'rebooted', 'first-goes-on'].map((name) =>
    path.join(fleet.folder, `${node.name}-${name}`),
  ) as [string, string, string];
  const file = path.join(fleet.folder, `${node.name}-drained.ts`);
  const text = `import { appendFileSync, existsSync, writeFileSync } from 'node:fs';
import { kernelArguments, playbook } from 'vfleet';
const say = (line) => () => appendFileSync(${JSON.stringify(hooks)}, line);
export default playbook({ name: 'Drained', hooks: { drain: say('drain '), undrain: say('undrain ') }, async apply(host) {
  await host.ensure(kernelArguments({ nomodeset: true }));
  await host.settle();
  writeFileSync(${JSON.stringify(rebooted)}, '');
  while (!existsSync(${JSON.stringify(goesOn)})) await new Promise((resolve) => setTimeout(resolve, 50));
} });
`;
  await writeFile(file, text);
  // Nothing is heard of it after its reboot, and its lease has run out.
  const lasting = { seconds: 60, renewEvery: 3_600_000 };
  const first = fleet.one('apply', node.name, { playbook: file, lease: lasting });
  await vi.waitUntil(() => existsSync(rebooted), { timeout: 120_000, interval: 50 });
  await writeFile(at('proc/uptime'), '99999.00 1520.11\n');
  const second = fleet.one('apply', node.name, { playbook: await slow() });
  await vi.waitUntil(async () => (await readFile(at('etc/motd'), 'utf8').catch(() => '')) === 'first\n', {
    ...{ timeout: 120_000, interval: 50 },
  });
  await writeFile(goesOn, '');
  const { host } = await first;
  expect([host.state, host.failure?.code, host.drained]).toEqual(['refused', 'host.leased', true]);
  expect(await readFile(hooks, 'utf8')).toBe('drain ');
  await writeFile(gate(), '');
  expect((await second).host.state).toBe('ok');
});

it('a host with nothing to do takes no lease, and is not refused for one', async () => {
  const playbook = await quick();
  await foreign({ until: '999' });
  await writeFile(at('etc/issue.net'), 'quick\n', { mode: 0o644 });
  const { host } = await fleet.one('apply', node.name, { playbook });
  expect(host).toMatchObject({ state: 'ok', writes: 0, failure: null });
  expect(await readFile(lease(), 'utf8')).toContain('eve@far');
});

describe('a lease of a controller that is heard of no more', () => {
  const apply = async () => (await fleet.one('apply', node.name, { playbook: await quick() })).host;

  it('lasts until it runs out by the up-time of the host', async () => {
    await foreign({ until: '74' });
    expect((await apply()).failure?.code).toBe('host.leased');
    expect(await written()).toBe(false);
    await writeFile(at('proc/uptime'), '74.01 1520.11\n');
    expect((await apply()).state).toBe('ok');
    expect(await written()).toBe(true);
  });

  it('ends with a reboot that its holder did not ask for', async () => {
    await foreign({ until: '999', boot: 'another-boot' });
    expect((await apply()).state).toBe('ok');
  });

  it('lasts over a reboot that its holder asked for, until that is not waited for any more', async () => {
    await foreign({ until: '10', boot: 'another-boot', back: '900' });
    const { failure } = await apply();
    expect(failure?.code).toBe('host.leased');
    expect(failure?.found).toContain('has rebooted the host, and is expected back within 827 seconds');
    await writeFile(at('proc/uptime'), '900.00 1520.11\n');
    expect((await apply()).state).toBe('ok');
  });

  it('lasts while a job that it has started is at work', async () => {
    await foreign({ until: '0' });
    const stop = await jobAtWork();
    expect((await apply()).failure?.found).toContain('a job that it has started is still at work');
    stop();
    await vi.waitUntil(async () => (await apply()).state === 'ok', { timeout: 60_000 });
  });
});

/** Something on the node holds the lock of a job, as the job does itself. */
async function jobAtWork(): Promise<() => void> {
  const { spawn } = await import('node:child_process');
  const { mkdir } = await import('node:fs/promises');
  await mkdir(at('var/lib/vfleet/jobs/gone-1'), { recursive: true });
  const child = spawn('flock', [at('var/lib/vfleet/jobs/gone-1/alive'), 'sh', '-c', 'echo held; exec sleep 600'], {
    stdio: ['ignore', 'pipe', 'ignore'],
    detached: true,
  });
  await new Promise((resolve) => child.stdout.once('data', resolve));
  return () => void process.kill(-(child.pid ?? 0), 'SIGKILL');
}
