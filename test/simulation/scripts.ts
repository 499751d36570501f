import { nonceOf } from '../../src/shell/envelope.ts';
import { createAnswer } from './answer.ts';
import { answerFacts } from './facts-answer.ts';
import { doHook, isHook } from './hook-answer.ts';
import { doJob, isJob } from './job-answer.ts';
import { doLease, tellLease } from './lease-answer.ts';
import type { Machine } from './machine.ts';
import { answerRead, isRead } from './read-answer.ts';
import { doRebootRequest, doRecordWrite, isRebootRequest, isRecordWrite } from './record-answer.ts';
import { doWrite, type Exit, isWrite, type Work } from './write-answer.ts';

/** What a script is, as far as hosts and invariants tell them apart. */
type ScriptKind = 'facts' | 'read' | 'write' | 'job' | 'reboot' | 'record' | 'boot-id' | 'evidence' | 'lease' | 'hook';

/** A wrapped script that has arrived on a host. */
export interface Arrived {
  readonly kind: ScriptKind;
  readonly nonce: string;
  readonly body: string;
}

/** How a script came to its end. */
export interface Done extends Exit {
  readonly stdout: string;
}

const head = 'section() { printf \'\\n%s:%s\\n\' "$VFLEET_NONCE" "$1"; }\n';
const tail = '\n}\n{ main </dev/null; exit $?; }';

/** Takes a script out of its envelope and says what it is. Errors: for one that the model does not know. */
export function recognise(text: string): Arrived {
  const nonce = nonceOf(text);
  if (nonce === null || !text.endsWith(tail)) throw new Error('a script came without its envelope');
  const body = text.slice(text.indexOf(head) + head.length, -tail.length);
  return { kind: kindOf(body), nonce, body };
}

function kindOf(body: string): ScriptKind {
  if (body === 'cat /proc/sys/kernel/random/boot_id') return 'boot-id';
  if (isHook(body)) return 'hook';
  if (isRebootRequest(body)) return 'reboot';
  if (isWrite(body)) return 'write';
  if (isRead(body)) return 'read';
  if (isJob(body)) return 'job';
  if (isRecordWrite(body)) return 'record';
  if (body.includes("section 'probe-done'")) return 'facts';
  if (/^(?:claim|renew|release)_lease /m.test(body)) return 'lease';
  if (body.startsWith("section 'evidence-")) return 'evidence';
  throw new Error(`the model does not know the script ${body.slice(0, 400)}`);
}

/** Runs a script on a host. It never resolves when the host goes down under it. */
export async function perform(
  machine: Machine,
  script: Arrived,
  cutAfter: number | null,
  onWrite: () => void,
): Promise<Done> {
  const { kind, nonce, body } = script;
  const answer = createAnswer(nonce);
  const exit = await performKind(kind, { machine, body, answer, cutAfter, onWrite });
  return { ...exit, stdout: answer.text };
}

async function performKind(kind: ScriptKind, work: Work): Promise<Exit> {
  if (kind === 'write') return doWrite(work);
  if (kind === 'job') return doJob(work);
  if (kind === 'reboot') return doRebootRequest(work);
  if (kind === 'record') return doRecordWrite(work);
  if (kind === 'hook') return doHook(work);
  const { machine, body, answer, cutAfter } = work;
  await machine.spend(kind === 'facts' ? 300 : 40);
  if (cutAfter !== null) {
    machine.goDown('power-cut');
    await machine.spend(0);
  }
  if (kind === 'facts') {
    answerFacts(machine, answer);
    tellLease(machine, answer);
  } else if (kind === 'read') answerRead(machine, body, answer);
  else if (kind === 'boot-id') answer.print(`${machine.bootId}\n`);
  else if (kind === 'evidence') answerEvidence(work);
  else if (kind === 'lease') return doLease(work);
  return { code: 0, stderr: '' };
}

function answerEvidence({ machine, body, answer }: Work): void {
  for (const match of body.matchAll(/section '(evidence-\d+)'/g)) {
    answer.section(match[1] ?? '');
    answer.print(`${machine.arguments}\n`);
  }
}
