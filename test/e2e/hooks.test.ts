import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { LabNode } from '../../src/lab/node.ts';
import { resolveRollout } from '../../src/rollout/rollout.ts';
import type { RolloutWish } from '../../src/rollout/wish.ts';
import { type Fleet, soaksIn, startFleet } from './fleet.ts';

// What an operator puts around a reboot: drain and undrain, soak, power from outside, limits.
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

const log = (): string => path.join(fleet.folder, `${node.name}.log`);
const said = async (): Promise<readonly string[]> =>
  (await readFile(log(), 'utf8').catch(() => '')).split('\n').filter(Boolean);

/** A playbook whose wish needs a reboot, with these hooks. */
async function playbook(hooks: string, argument = 'nomodeset'): Promise<string> {
  const file = path.join(fleet.folder, `${node.name}.ts`);
  const text = `import { appendFileSync } from 'node:fs';
import { checks, kernelArguments, playbook } from 'vfleet';
const say = (line) => appendFileSync(${JSON.stringify(log())}, line + '\\n');
export default playbook({
  name: 'Hooked',
  hooks: ${hooks},
  async apply(host) { await host.ensure(kernelArguments({ ${argument}: true })); await host.settle(); },
  verify: () => [checks.kernelArgumentsActive()],
});
`;
  await writeFile(file, text);
  return file;
}

const apply = async (hooks: string, options: Parameters<Fleet['one']>[2] = {}) =>
  fleet.one('apply', node.name, { ...options, playbook: await playbook(hooks) });

const record = async (): Promise<{ drained?: { run: string }; pending: unknown[] }> =>
  JSON.parse(await readFile(path.join(node.root, 'var/lib/vfleet/state.json'), 'utf8'));

/** How the latest run of a host ended, as the journal tells. */
async function end(run: string | null) {
  return (await fleet.events(run)).find((event) => event.type === 'host-ended');
}

const rolloutOf = (wish: RolloutWish, hosts: readonly string[]) =>
  resolveRollout(
    wish,
    hosts.map((name) => ({ name, domain: null })),
    new Set(),
  );

it('drain runs right before the reboot, undrain after the verification; neither where no reboot is due', async () => {
  const hooks = `{
  drain: { run: 'echo "drain $VFLEET_HOST $VFLEET_RACK $(cat /proc/cmdline)" >>/root/hooks', timeout: '1m' },
  undrain: async (host) => {
    const { stdout } = await host.exec((await import('vfleet')).sh\`cat /root/hooks /proc/cmdline\`);
    say(stdout.toString());
    say(await host.controller('printf', '%s', 'undrain ' + host.name));
  },
}`;
  const { host } = await apply(hooks);
  expect(host).toMatchObject({ state: 'ok', reboots: 1, failure: null });
  const lines = await said();
  expect(lines[0]).toMatch(new RegExp(`^drain ${node.name} r1 `));
  expect(lines[0]).not.toContain('nomodeset');
  expect(lines[1]).toContain('nomodeset');
  expect(lines[2]).toBe(`undrain ${node.name}`);
  expect(await record()).not.toHaveProperty('drained');
  expect((await apply(hooks)).host).toMatchObject({ state: 'ok', reboots: 0 });
  expect(await said()).toEqual(lines);
});

describe('a hook that goes wrong', () => {
  it('as drain: nothing is rebooted, and a later run that ends well undrains', async () => {
    const bad = `{ drain: { run: 'echo no spare host >&2; exit 3', where: 'controller' } }`;
    const first = await fleet.run('apply', { playbook: await playbook(bad), args: { limit: [node.name] } });
    const [host] = first.summary.hosts;
    expect([host?.state, host?.failure?.code, node.counters.reboots]).toEqual(['failed', 'hook.drain-failed', 0]);
    expect(host?.failure?.found).toContain('exit code 3: no spare host');
    expect(await end(first.summary.run)).toMatchObject({ drained: true, holdsSlot: true });
    expect((await record()).drained?.run).toBe(first.summary.run);
    expect(host).toMatchObject({ drained: true });
    const planned = (await fleet.one('plan', node.name, { playbook: await playbook(bad) })).host;
    expect(planned.warnings).toContain(`run ${first.summary.run} has drained it: there is no hook to undrain it`);
    const good = `{ drain: () => say('drain'), undrain: () => say('undrain') }`;
    expect((await apply(good)).host).toMatchObject({ state: 'ok', reboots: 1 });
    expect(await said()).toEqual(['drain', 'undrain']);
    expect(await record()).not.toHaveProperty('drained');
  });

  it('as one that never ends: it is ended with all that it has started', async () => {
    const hooks = `{ drain: { run: 'echo $$ >>${log()}; sleep 600 & sleep 600', where: 'controller', timeout: '1s' } }`;
    const { host } = await apply(hooks);
    expect([host.failure?.code, node.counters.reboots]).toEqual(['hook.drain-timeout', 0]);
    const group = Number((await said())[0]);
    await vi.waitUntil(() => !isAlive(group), { timeout: 120_000 });
  });

  it('as undrain: the host has failed, keeps its slot, and is undrained by the next run', async () => {
    const hooks = (code: number): string => `{ drain: () => {}, undrain: { run: 'exit ${code}', where: 'host' } }`;
    const first = await fleet.run('apply', { playbook: await playbook(hooks(1)), args: { limit: [node.name] } });
    expect(first.summary.hosts[0]?.failure?.code).toBe('hook.undrain-failed');
    expect(await end(first.summary.run)).toMatchObject({ state: 'failed', drained: true, holdsSlot: true });
    expect((await apply(hooks(0))).host).toMatchObject({ state: 'ok', reboots: 0, failure: null });
    expect(await record()).not.toHaveProperty('drained');
  });
});

/** Whether any process of a group lives. */
function isAlive(group: number): boolean {
  try {
    process.kill(-group, 0);
    return true;
  } catch {
    return false;
  }
}

it('a host that gets worse while it soaks has failed, and stays drained', async () => {
  const hooks = `{ drain: () => say('drain'), undrain: () => say('undrain') }`;
  const run = fleet.run('apply', {
    playbook: await playbook(hooks),
    args: { limit: [node.name] },
    rollout: rolloutOf({ soak: 4_000 }, [node.name]),
  });
  const line = path.join(node.root, 'proc/cmdline');
  await vi.waitUntil(() => soaksIn(fleet, node.name), { timeout: 120_000, interval: 100 });
  await writeFile(line, (await readFile(line, 'utf8')).replace('nomodeset', ''));
  const [host] = (await run).summary.hosts;
  expect([host?.state, host?.failure?.code]).toEqual(['failed', 'verify.failed']);
  expect(host?.failure?.message).toContain('it was right, and is not any more after 4 s');
  expect(await said()).toEqual(['drain']);
});

it('a plan shows what would run where for which hosts, and needs no secret for that', async () => {
  const hooks = `{
  drain: { run: 'my-cmdb out-of-service hunter2', where: 'controller', timeout: '5m' },
  undrain: async () => {},
}`;
  const power = { command: ['ipmitool', '-E', 'power', 'cycle'], environment: { IPMI_PASSWORD: { file: '/nowhere' } } };
  const extraVars = [JSON.stringify({ power })];
  const options = { playbook: await playbook(hooks), args: { limit: [node.name], extraVars } };
  const { summary } = await fleet.run('plan', options);
  expect(summary.hosts[0]?.plan?.around).toEqual({
    drain: { kind: 'command', where: 'controller', timeoutSeconds: 300, about: null },
    undrain: { kind: 'function', where: null, timeoutSeconds: 1800, about: null },
    power: { program: 'ipmitool', timeoutSeconds: 60 },
  });
  // What stands in a command may be secret.
  expect(JSON.stringify(await fleet.events(summary.run))).not.toContain('hunter2');
  await expect(fleet.run('apply', options)).rejects.toThrow(/power.environment.IPMI_PASSWORD: .*\/nowhere/);
  expect(node.counters.logins).toBe(1);
  // Where no reboot is due nothing runs.
  const plain = { playbook: await playbook(hooks.replace('my-cmdb', 'true my-cmdb')), args: { limit: [node.name] } };
  expect((await fleet.run('apply', plain)).summary.hosts[0]).toMatchObject({ state: 'ok', reboots: 1 });
  expect((await fleet.run('plan', plain)).summary.hosts[0]?.plan?.around).toBeUndefined();
});

it('a host that does not come back has its power cycled once, and the end says so', async () => {
  const script = path.join(fleet.folder, 'bmc');
  await writeFile(script, `#!/bin/sh\necho "$BMC_PASSWORD $*" >>${log()}\n`, { mode: 0o755 });
  const vars = {
    bmc: '10.0.0.7',
    power: {
      command: [script, '-H', '{{bmc}}', 'power', 'cycle'],
      environment: { BMC_PASSWORD: { file: `${script}-password` } },
    },
  };
  await writeFile(`${script}-password`, 'hidden-from-all\n');
  await node.setFaults({ neverReturns: true });
  const on = vi
    .waitUntil(async () => (await said()).length > 0, { timeout: 60_000 })
    .then(async () => {
      await node.setFaults({});
      await node.powerOn();
    });
  const extraVars = [JSON.stringify(vars)];
  const { summary } = await fleet.run('apply', {
    playbook: await playbook('{}'),
    args: { limit: [node.name], extraVars },
    reboot: { deadline: 5_000 },
  });
  await on;
  expect(summary.hosts[0]).toMatchObject({ state: 'ok', failure: null });
  expect(await said()).toEqual(['hidden-from-all -H 10.0.0.7 power cycle']);
  expect(await end(summary.run)).toMatchObject({ state: 'ok', powerCycled: true });
  expect(JSON.stringify(await fleet.events(summary.run))).not.toContain('hidden-from-all');
});

it('no more hosts reboot at once than may, and all of them do', async () => {
  const hosts = names.slice(7, 10);
  next = names.length;
  let most = 0;
  const down = new Set<string>();
  const hooks = `{ drain: (host) => say('in ' + host.name), undrain: (host) => say('out') }`;
  const timer = setInterval(() => {
    for (const name of hosts) {
      if (fleet.lab.node(name).state === 'up') down.delete(name);
      else down.add(name);
    }
    most = Math.max(most, down.size);
  }, 10);
  const { summary } = await fleet.run('apply', {
    playbook: await playbook(hooks),
    args: { limit: [hosts.join(',')] },
    rollout: rolloutOf({ maxRebooting: 1, maxConnecting: 2, maxApplying: 2 }, hosts),
  });
  clearInterval(timer);
  expect(summary.hosts.map(({ state }) => state)).toEqual(hosts.map(() => 'ok'));
  for (const name of hosts) expect(fleet.lab.node(name).counters.reboots).toBe(1);
  expect(most).toBe(1);
}, 240_000);
