import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Facts } from '../../../src/facts/facts.ts';
import type { JsonDocument, JsonHost } from '../../../src/report/json.ts';
import type { Ended } from '../../cli/program.ts';
import { parseReading, type Reading } from '../capture/reading.ts';

/** A machine, real or simulated, that the program is run on. */
export interface Subject {
  /** Runs the program on it alone. */
  vfleet(...args: readonly string[]): Promise<Ended>;
  /** Runs a script on it, as root, without the program. */
  on(script: string): Promise<string>;
}

/** One command of the program: its exit code, and what it says of the host. */
export interface Step {
  readonly code: number | null;
  readonly host: JsonHost;
}

/** All that the whole job shows of a machine. */
export interface Recorded {
  readonly facts: Facts;
  readonly plan: Step;
  readonly apply: Step;
  readonly verify: Step;
  readonly again: Step;
  readonly factsAfter: Facts;
  /** What the machine itself says in the end. */
  readonly seen: Reading;
}

/** Does the whole job on a fresh machine: facts, plan, apply with its reboot, verify, a second apply. */
export async function record(subject: Subject): Promise<Recorded> {
  const step = async (...args: readonly string[]): Promise<Step> => {
    const { code, stdout, stderr } = await subject.vfleet(...args, '--json');
    if (stdout === '') throw new Error(`vfleet ${args.join(' ')}: exit code ${code}\n${stderr}`);
    const [host] = (JSON.parse(stdout) as JsonDocument).hosts;
    if (host === undefined) throw new Error(`vfleet ${args.join(' ')}: no host`);
    if (host.failure !== null) throw new Error(`vfleet ${args.join(' ')}: ${host.failure.message}`);
    return { code, host };
  };
  const facts = async (): Promise<Facts> => {
    const found = (await step('facts')).host.facts;
    if (found === null) throw new Error('no facts');
    return found;
  };
  // udev may still be loading modules.
  const settled = async (): Promise<void> => void (await subject.on(settle));
  await settled();
  return {
    facts: await facts(),
    plan: await step('plan', 'passthrough'),
    apply: await step('apply', 'passthrough', '--yes', '--reboot-deadline', '30'),
    verify: await step('verify', 'passthrough'),
    again: await step('apply', 'passthrough', '--yes'),
    factsAfter: await settled().then(facts),
    seen: parseReading(await subject.on(await lookingScript())),
  };
}

const settle = 'if command -v udevadm >/dev/null; then udevadm settle; fi';

async function lookingScript(): Promise<string> {
  return readFile(fileURLToPath(new URL('look.sh', import.meta.url)), 'utf8');
}
