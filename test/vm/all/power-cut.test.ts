import { mkdtemp, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { canRun } from '../../ssh/requirements.ts';
import { expectPrepared, wantedModules } from '../expected.ts';
import { look } from '../machine.ts';
import { type Nodes, needed, startNodes, watchFailures } from '../nodes.ts';

const kinds = { bios: 'debian-12-intel-bios', uefi: 'debian-13-amd-uefi' } as const;
const names = ['bios', 'uefi'] as const;

interface Seen {
  readonly type: string;
  readonly host?: string;
  readonly phase?: string;
  readonly line?: string;
  readonly effect?: { readonly kind: string };
}

/** Milliseconds to wait after the event, or what the console must say for the second time. */
type Later = number | RegExp;

type Moment = readonly [string, (event: Seen) => boolean, Later];

/** Moments of an apply, from the first intent to write to the proof after the reboot. */
const moments: readonly Moment[] = [
  ['as the files are being written', ({ type }) => type === 'write-intent', 0],
  ['when the files are written', ({ type }) => type === 'written', 0],
  [
    'as the boot configuration begins to be generated',
    (event) => isEffect(event, 'effect-intent', 'boot-configuration'),
    0,
  ],
  [
    'while the boot configuration is generated',
    ({ type, line }) => type === 'progress' && /Found linux/.test(line ?? ''),
    0,
  ],
  ['some seconds later in it', ({ type, line }) => type === 'progress' && /Found initrd/.test(line ?? ''), 4000],
  ['when the boot configuration is read back', (event) => isEffect(event, 'effect-done', 'boot-configuration'), 0],
  ['while it shuts down', (event) => isEffect(event, 'effect-intent', 'reboot'), 3000],
  ['while it boots', (event) => isEffect(event, 'effect-intent', 'reboot'), /Loading initial ramdisk/g],
  ['when it is back', ({ type }) => type === 'rebooted', 0],
];

function isEffect(event: Seen, type: string, kind: string): boolean {
  return event.type === type && event.effect?.kind === kind;
}

/** Two moments a round, one for each node: side by side costs no more time. */
const rounds = moments
  .filter((_, index) => index % 2 === 0)
  .map((bios, index) => ({ bios, uefi: moments[index * 2 + 1] ?? bios }));

describe.runIf(canRun('virtual nodes', needed))('power lost during an apply', () => {
  let nodes: Nodes;

  beforeAll(async () => {
    nodes = await startNodes(kinds);
  });
  const failed = watchFailures();
  afterAll(() => nodes?.stop(failed()));

  it.each(rounds)('BIOS: $bios.0; UEFI: $uefi.0', async (round) => {
    await nodes.lab('reset');
    // Each node has a controller of its own, and dies at its own moment.
    // The controller's power is cut too: what converges is the next apply.
    await Promise.all(names.map((name) => cutDuringApply(nodes, name, round[name])));
    await nodes.lab('up');
    await Promise.all(names.map((name) => expectWhole(nodes, name)));
    const needed = new Map<string, number>();
    for (const name of names) {
      const { boots } = await nodes.node(name);
      const running = (await look(nodes, name)).commandLine.includes('iommu=pt');
      needed.set(name, boots + (running ? 0 : 1));
    }
    const { code, stdout, stderr } = await nodes.vfleet(['apply', 'passthrough', '--yes']);
    expect(code, stdout + stderr).toBe(0);
    for (const name of names) {
      await expectPrepared(nodes, name, kinds[name]);
      await nodes.on(name, 'sudo grub-script-check /boot/grub/grub.cfg');
      expect(await leftovers(nodes, name), name).toBe('');
      expect((await nodes.node(name)).boots, `${name}: boots`).toBeLessThanOrEqual((needed.get(name) ?? 0) + 1);
    }
    const third = await nodes.vfleet(['apply', 'passthrough', '--yes']);
    expect(third.code, third.stdout + third.stderr).toBe(0);
    expect(third.stdout, third.stderr).not.toMatch(/[1-9]\d* (write|reboot)s?\b/);
  });
});

/** Resolves when the node is off, and its controller gone. */
async function cutDuringApply(nodes: Nodes, name: string, [, isIt, later]: Moment): Promise<void> {
  const state = await mkdtemp(path.join(nodes.state, '..', 'controller-'));
  const { process: machine, console } = await nodes.node(name);
  if (machine === null) throw new Error(`${name} is off`);
  const run = await nodes.start(['apply', 'passthrough', '--yes', '-l', name], state);
  await seen(state, isIt, run.ended);
  if (typeof later === 'number') await pause(later);
  else while (((await readFile(console, 'latin1')).match(later)?.length ?? 0) < 2) await pause(100);
  process.kill(machine, 'SIGKILL');
  while ((await nodes.node(name)).process === machine) await pause(50);
  run.signal('SIGKILL');
  await run.ended;
}

/** Resolves when the journal of a controller tells of it. */
async function seen(state: string, isIt: (event: Seen) => boolean, ended: Promise<unknown>): Promise<void> {
  let over = false;
  void ended.then(() => {
    over = true;
  });
  const runs = path.join(state, 'vfleet', 'runs');
  for (;;) {
    const [run] = await readdir(runs).catch(() => []);
    const text = run === undefined ? '' : await readFile(path.join(runs, run, 'journal.jsonl'), 'utf8').catch(() => '');
    const lines = text
      .slice(0, text.lastIndexOf('\n') + 1)
      .split('\n')
      .filter(Boolean);
    if (lines.some((line) => isIt(JSON.parse(line) as Seen))) return;
    if (over) throw new Error(`the apply ended before its moment:\n${lines.join('\n')}`);
    await pause(20);
  }
}

/** What a power cut must not leave: a part of a file. Old or new is as good. */
async function expectWhole(nodes: Nodes, name: (typeof names)[number]): Promise<void> {
  await nodes.on(name, 'sudo grub-script-check /boot/grub/grub.cfg');
  const modules = await nodes.on(name, 'cat /etc/modules-load.d/vfio.conf 2>/dev/null || true');
  expect([
    '',
    wantedModules(kinds[name])
      .map((module) => `${module}\n`)
      .join(''),
  ]).toContain(modules);
  const defaults = await nodes.on(name, 'cat /etc/default/grub.d/99-vfleet.cfg 2>/dev/null || true');
  expect(defaults === '' || /iommu=pt vfio_iommu_type1\.allow_unsafe_interrupts=1"\n$/.test(defaults), defaults).toBe(
    true,
  );
}

/** Temporary files beside those that were replaced. */
function leftovers(nodes: Nodes, name: string): Promise<string> {
  return nodes.on(name, "sudo find /boot /etc -name '*vfleet*' ! -name '99-vfleet.cfg' ! -path '/etc/sudoers.d/*'");
}
