import { spawn } from 'node:child_process';
import path from 'node:path';
import { VfleetError } from '../errors.ts';
import { defaultMachines } from './default-machines.ts';
import { type Lab, startLab } from './lab.ts';
import { compareSnapshots, type Snapshot } from './snapshot.ts';

export interface DemoOptions {
  /** The program that the steps run: `[node, main.js]`. */
  readonly program: readonly string[];
  /** The playbook that is shown. */
  readonly playbook: string;
  readonly say: (text: string) => void;
}

interface Step {
  readonly title: string;
  readonly args: readonly string[];
  /** The exit code that it must give, and what that means here. */
  readonly code: number;
  readonly because: string;
  /** Nothing on any node may be another byte than before. */
  readonly unchanged?: boolean;
}

const refused = 'r3-n06';

const steps = (playbook: string): readonly Step[] => [
  {
    title: 'Who is there?',
    args: ['inventory', '--tree'],
    code: 0,
    because: 'a list',
  },
  {
    title: 'What would be changed? Nothing is written.',
    args: ['plan', playbook],
    code: 3,
    because: `changes are pending, and ${refused} is refused: VT-d is off in its BIOS`,
    unchanged: true,
  },
  {
    title: 'Change, reboot, verify.',
    args: ['apply', playbook, '--yes'],
    code: 3,
    because: `23 hosts are done, ${refused} was refused and not touched`,
  },
  {
    title: 'Is it so? The checks alone.',
    args: ['verify', playbook, '-l', `all:!${refused}`],
    code: 0,
    because: 'every check passes on the 23 hosts',
    unchanged: true,
  },
  {
    title: 'Once more: nothing is left to do.',
    args: ['apply', playbook, '--yes', '-l', `all:!${refused}`],
    code: 0,
    because: 'nothing was written, nobody was rebooted',
    unchanged: true,
  },
];

/**
 * Shows the main job from beginning to end on simulated racks. Errors: those of `startLab`; `lab.demo` when a step did not
 * give the exit code that it should, or changed a node when it should not.
 */
export async function runDemo(options: DemoOptions): Promise<void> {
  const { say, playbook } = options;
  const machines = await defaultMachines();
  say(`Starting ${machines.length} simulated nodes in 4 racks …\n`);
  const lab = await startLab({ nodes: machines });
  try {
    for (const [index, step] of steps(playbook).entries()) await runStep(lab, step, index + 1, options);
    const reboots = lab.nodes.map((node) => node.counters.reboots);
    const twice = lab.nodes.filter((node) => node.counters.reboots !== (node.name === refused ? 0 : 1));
    if (twice.length > 0) {
      const found = twice.map((node) => `${node.name}: ${node.counters.reboots}`).join(', ');
      throw new VfleetError({ code: 'lab.demo', thing: 'reboots', expected: 'one for each prepared node', found });
    }
    const sum = reboots.reduce((all, one) => all + one, 0);
    say(`\nAll steps ended as they should: ${sum} nodes rebooted once, 1 refused. The lab is gone again.\n`);
  } finally {
    await lab.stop();
  }
}

async function runStep(lab: Lab, step: Step, number: number, { program, say }: DemoOptions): Promise<void> {
  say(`\n━━ ${number}. ${step.title}\n   $ vfleet ${step.args.join(' ')}\n\n`);
  const before = step.unchanged ? await snapshots(lab) : null;
  const code = await runProgram([...program, ...step.args, '-i', lab.inventoryPath], lab);
  if (code !== step.code) {
    throw new VfleetError({
      code: 'lab.demo',
      thing: `vfleet ${step.args.join(' ')}`,
      expected: `exit code ${step.code}`,
      found: `exit code ${code}`,
      next: 'look at what it said above',
    });
  }
  if (before !== null) await requireUnchanged(lab, before, step);
  say(`\n   exit code ${code}: ${step.because}\n`);
}

async function snapshots(lab: Lab): Promise<ReadonlyMap<string, Snapshot>> {
  return new Map(await Promise.all(lab.nodes.map(async (node) => [node.name, await node.snapshot()] as const)));
}

async function requireUnchanged(lab: Lab, before: ReadonlyMap<string, Snapshot>, step: Step): Promise<void> {
  const after = await snapshots(lab);
  for (const [name, snapshot] of before) {
    const changes = compareSnapshots(snapshot, after.get(name) ?? new Map());
    if (changes.length === 0) continue;
    throw new VfleetError({
      code: 'lab.demo',
      host: name,
      thing: `vfleet ${step.args.join(' ')}`,
      expected: 'no byte changed',
      found: changes.slice(0, 3).join('; '),
    });
  }
}

/** Its journals and caches go with the lab. */
function runProgram([command = '', ...args]: readonly string[], lab: Lab): Promise<number> {
  return new Promise((resolve, reject) => {
    const env = {
      ...process.env,
      XDG_STATE_HOME: path.join(lab.directory, 'state'),
      XDG_CACHE_HOME: path.join(lab.directory, 'cache'),
    };
    const child = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit'], env });
    child.on('error', reject);
    child.on('exit', (code, signal) => resolve(signal === null ? (code ?? 70) : 130));
  });
}
