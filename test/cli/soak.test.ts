import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import type { Stamped } from '../../src/events/event.ts';
import { readJournal } from '../../src/events/read-journal.ts';
import type { Started } from './program.ts';
import { eventsOf, journalOf, killAt, motd, type Racks, readOn, startRacks, until } from './racks.ts';

// Processes that are killed or interrupted wait for what they say, however long that takes on a busy machine.
vi.setConfig({ testTimeout: 240_000 });

const names = ['killed1', 'killed2', 'held', 'stopped1', 'stopped2', 'ended', 'drained'];

let racks: Racks;
beforeAll(async () => {
  racks = await startRacks(names.map((name) => ({ name })));
  await racks.write('motd.ts', motd);
}, 240_000);
afterAll(() => racks?.stop());

/** Applies to hosts one after the other, each watched for a while, until the first of them is. */
async function soaking(hosts: string, soak: string): Promise<Started> {
  const run = await racks.start(['apply', 'motd.ts', '--yes', '--soak', soak, '-l', hosts, '-p', '1']);
  const [first = ''] = hosts.split(',');
  await until(racks, first, new RegExp(`"host":"${first}","phase":"soak"`));
  return run;
}

/** Of a run over two hosts: the first was watched twice, and the second did not start before that was over. */
function expectWatchedAgain(events: readonly Stamped[], [first, second]: readonly [string, string]): void {
  const soaks = events.flatMap((event, at) =>
    event.type === 'phase' && event.phase === 'soak' && event.host === first ? [at] : [],
  );
  const resumed = events.findIndex(({ type }) => type === 'run-resumed');
  expect(soaks).toHaveLength(2);
  expect(soaks[0]).toBeLessThan(resumed);
  expect(soaks[1]).toBeGreaterThan(resumed);
  const end = events.findLastIndex((event) => event.type === 'host-ended' && event.host === first);
  const start = events.findIndex((event) => event.type === 'host-started' && event.host === second);
  expect(end).toBeGreaterThan(soaks[1] ?? 0);
  expect(start).toBeGreaterThan(end);
  expect(events[end]).toMatchObject({ state: 'ok' });
}

it('a host whose controller was killed while it soaked is watched again, and keeps its place', async () => {
  const run = await soaking('killed1,killed2', '4s');
  run.signal('SIGKILL');
  await run.ended;
  expect(racks.lab.node('killed2').counters.connections).toBe(0);
  const { code, stdout } = await racks.vfleet('resume', '--json');
  expect(code).toBe(0);
  const found = JSON.parse(stdout);
  // One write each, whichever part of the run has made it.
  expect(found).toMatchObject({ totals: { ok: 2, writes: 2 }, run: expect.any(String) });
  expectWatchedAgain(await eventsOf(racks, 'killed1'), ['killed1', 'killed2']);
});

it('Ctrl-C ends a soak at once, and nobody else starts', async () => {
  const run = await soaking('ended', '24h');
  run.signal('SIGINT');
  const { code, stdout } = await run.ended;
  expect(code).toBe(130);
  expect(stdout).toMatch(/interrupted between two steps/);
});

it('a host that was interrupted while it soaked is watched again when the run goes on', async () => {
  const run = await soaking('stopped1,stopped2', '4s');
  run.signal('SIGINT');
  expect((await run.ended).code).toBe(130);
  expect(racks.lab.node('stopped2').counters.connections).toBe(0);
  const name = path.basename(path.dirname(await journalOf(racks, 'stopped1')));
  const { code, stdout } = await racks.vfleet('resume', name, '--json');
  expect([code, JSON.parse(stdout).totals]).toEqual([0, expect.objectContaining({ ok: 2, writes: 2 })]);
  expectWatchedAgain(await eventsOf(racks, 'stopped1'), ['stopped1', 'stopped2']);
});

it('a run takes its own lease over when it goes on, and nobody else does', async () => {
  const run = await soaking('held', '3s');
  run.signal('SIGKILL');
  await run.ended;
  const file = path.join(racks.lab.node('held').root, 'var/lib/vfleet/lease');
  const lease = await readFile(file, 'utf8');
  const name = path.basename(path.dirname(await journalOf(racks, 'held')));
  expect(lease).toContain(`run=${name}\n`);
  // As an operator of another machine finds it, who cannot know that the process has ended.
  await writeFile(file, lease.replace(/^process=.*$/m, 'process='));
  const other = await racks.vfleet('apply', 'motd.ts', '--yes', '--json', '-l', 'held', '-e', 'message=Other');
  expect(JSON.parse(other.stdout)).toMatchObject({
    hosts: [{ state: 'refused', writes: 0, failure: { code: 'host.leased', found: expect.stringContaining(name) } }],
  });
  await writeFile(file, lease);
  const { code, stdout } = await racks.vfleet('resume', name, '--json');
  expect([code, JSON.parse(stdout).totals.ok]).toEqual([0, 1]);
  expect(await readOn(racks.lab.node('held'), 'etc/motd')).toBe('Welcome to held\n');
  await expect(readFile(file)).rejects.toThrow(/ENOENT/);
});

it('a host that was drained when its controller was killed is named, and undrained by a resume', async () => {
  const log = path.join(racks.folder, 'drained.log');
  const hook = (name: string): string =>
    `${name}: { run: ${JSON.stringify(`echo ${name} >>${log}`)}, where: 'controller' }`;
  await racks.write(
    'drain.ts',
    `import { checks, kernelArguments, playbook } from 'vfleet';
export default playbook({
  name: 'Drained',
  hooks: { ${hook('drain')}, ${hook('undrain')} },
  async apply(host) { await host.ensure(kernelArguments({ nomodeset: true })); await host.settle(); },
  verify: () => [checks.kernelArgumentsActive()],
});
`,
  );
  const run = await racks.start(['apply', 'drain.ts', '--yes', '-l', 'drained', '--reboot-deadline', '0.4']);
  await killAt(racks, run, 'drained', /"type":"hook-done","host":"drained","hook":"drain"/);
  const node = racks.lab.node('drained');
  const journal = await journalOf(racks, 'drained');
  const name = path.basename(path.dirname(journal));
  const said = async (): Promise<readonly string[]> => (await readFile(log, 'utf8')).trim().split('\n');
  expect(await said()).toEqual(['drain']);
  expect((await racks.vfleet('runs', name)).stdout).toMatch(/^drained: still drained: out of service/m);
  await vi.waitUntil(() => node.state === 'up', { timeout: 60_000 });
  const planned = await racks.vfleet('plan', 'drain.ts', '-l', 'drained');
  expect(planned.stdout).toMatch(new RegExp(`warning: run ${name} has drained it: .vfleet apply. undrains it`));
  // Nobody is there: it is drained still, and keeps its place.
  await node.setFaults({ refuseLogin: true });
  const away = await racks.vfleet('resume', name, '--json');
  expect(JSON.parse(away.stdout).hosts).toMatchObject([{ drained: true }]);
  expect((await readJournal(journal)).events.findLast(({ type }) => type === 'host-ended')).toMatchObject({
    drained: true,
    holdsSlot: true,
  });
  await node.setFaults({});
  const { code, stdout } = await racks.vfleet('resume', name, '--retry-failed', '--json');
  expect([code, JSON.parse(stdout).hosts]).toMatchObject([0, [{ state: 'ok', drained: false }]]);
  expect((await said()).at(-1)).toBe('undrain');
  expect(node.counters.reboots).toBe(1);
  expect(JSON.parse(await readOn(node, 'var/lib/vfleet/state.json'))).not.toHaveProperty('drained');
});
