import type { Lease } from '../../src/host/lease.ts';
import type { Answer } from './answer.ts';
import type { Machine } from './machine.ts';
import { shellTokens } from './shell-words.ts';
import type { Exit, Work } from './write-answer.ts';

/** Takes the lease that a script asks for; gives how the script ends where another run has it, else `null`. */
export function claimLease({ machine, body, answer }: Pick<Work, 'machine' | 'body' | 'answer'>): Exit | null {
  const [run = '', who = '', process = '', seconds = '', back = '', ...ended] = wordsOf(body, 'claim_lease');
  const { lease } = machine;
  if (lease !== null && ![process, ...ended].includes(lease.process) && !isFree(machine, run)) {
    tellLease(machine, answer);
    answer.section('leased');
    return { code: 26, stderr: '' };
  }
  put(machine, { run, who, process, seconds: Number(seconds), back: Number(back) });
  return null;
}

/** A script that is about nothing but the lease. */
export function doLease(work: Work): Exit {
  const { machine, body } = work;
  const { lease } = machine;
  if (/^claim_lease /m.test(body)) return claimLease(work) ?? done;
  if (/^renew_lease /m.test(body)) {
    const [run = '', who = '', process = '', seconds = ''] = wordsOf(body, 'renew_lease');
    if (lease?.run === run && lease.process === process)
      put(machine, { run, who, process, seconds: Number(seconds), back: lease.back });
    return done;
  }
  const [run, process] = wordsOf(body, 'release_lease');
  if (lease?.run === run && lease?.process === process && machine.working.size === 0) machine.lease = null;
  return done;
}

/** What the probe prints of a lease. */
export function tellLease(machine: Machine, answer: Answer): void {
  const { lease } = machine;
  if (lease === null) return;
  const { hold, left } = judge(machine);
  answer.section('lease');
  const { run, who, process } = lease;
  answer.print(`run=${run}\nwho=${who}\nprocess=${process}\nsince=2026-01-05T00:00:00Z\nhold=${hold}\nleft=${left}\n`);
}

const done: Exit = { code: 0, stderr: '' };

function judge({ lease, bootId, uptime, working }: Machine): Pick<Lease, 'hold' | 'left'> {
  const job: Pick<Lease, 'hold' | 'left'> = { hold: working.size > 0 ? 'job' : 'free', left: 0 };
  if (lease === null) return { hold: 'free', left: 0 };
  if (lease.boot !== bootId) return uptime < lease.back ? { hold: 'rebooting', left: lease.back - uptime } : job;
  return uptime < lease.until ? { hold: 'working', left: lease.until - uptime } : job;
}

/** A run follows its own jobs. */
function isFree(machine: Machine, run: string): boolean {
  const { hold } = judge(machine);
  return hold === 'free' || (hold === 'job' && machine.lease?.run === run);
}

function put(
  machine: Machine,
  { seconds, ...lease }: { run: string; who: string; process: string; seconds: number; back: number },
): void {
  machine.lease = { ...lease, boot: machine.bootId, until: machine.uptime + seconds };
}

/** Errors: for a script that does not ask for the lease, though it changes the host. */
function wordsOf(body: string, name: string): readonly string[] {
  const line = new RegExp(`^${name} (.*)$`, 'm').exec(body)?.[1];
  if (line === undefined) throw new Error(`the model finds no ${name} in ${body.slice(0, 400)}`);
  return shellTokens(line).map(({ text }) => text);
}
