import { VfleetError } from '../errors.ts';
import type { Ending } from '../transport/transport.ts';
import type { Outcome } from './conversation.ts';
import { lastLine, onOneLine } from './excerpt.ts';
import { withoutOwn } from './start.ts';
import { type SudoProblem, secondPrompt, sudoProblem } from './sudo-problem.ts';

type NotStarted = Extract<Outcome, { kind: 'not-started' }>;

/** The link broke while a script was at work: nobody knows how far it came. */
export function lost(host: string, reason: string): VfleetError {
  return new VfleetError({
    code: 'ssh.lost',
    host,
    thing: 'the SSH connection',
    expected: 'that it lasts until the script has ended',
    found: reason,
    next: 'run the same command again: what is already done is not done twice',
  });
}

/** The script did not end in time. `shown`: output with secrets masked. */
export function tooLate(host: string, timeout: number, shown: string): VfleetError {
  const last = lastLine(shown);
  return new VfleetError({
    code: 'shell.timeout',
    host,
    thing: 'a script',
    expected: `that it ends within ${timeout / 1000} s`,
    found: last === '' ? 'still running, without any output' : `still running, last output: ${last}`,
    next: 'look at the host for what hangs; the channel was closed',
  });
}

/** The caller gave the run up. */
export function interrupted(host: string): VfleetError {
  return new VfleetError({
    code: 'interrupted',
    host,
    thing: 'a script',
    found: 'that the run was interrupted',
    next: 'run the same command again',
  });
}

/** A password that would run as a command, or that no prompt can take. */
export function unusablePassword(host: string): VfleetError {
  return new VfleetError({
    code: 'sudo.password-required',
    host,
    thing: 'the password for sudo',
    expected: 'one line of text',
    found: 'a line break or a NUL character in it',
    next: 'correct ssh.elevatePassword',
  });
}

/** The shell did not start. `show` masks secrets. */
export function notStarted(
  host: string,
  outcome: NotStarted,
  startTimeout: number,
  elevated: boolean,
  show: (bytes: Buffer) => string,
): VfleetError {
  const stderr = withoutOwn(show(outcome.stderr));
  const said = onOneLine(stderr) || lastLine(show(outcome.stdout));
  if (outcome.ending?.kind === 'lost') return lost(host, outcome.ending.reason);
  const problem = elevated ? problemOf(outcome, stderr) : null;
  if (problem !== null) return sudoError(host, problem, said);
  const what = outcome.ending === null ? `nothing after ${startTimeout / 1000} s` : describe(outcome.ending);
  return new VfleetError({
    code: 'shell.no-start',
    host,
    thing: elevated ? 'sudo and the shell that it starts' : 'a shell',
    expected: 'its start marker',
    found: said === '' ? what : `${what}: ${said}`,
    next: `try \`ssh ${host} ${elevated ? 'sudo ' : ''}/bin/sh\` by hand and look at what it prints or asks`,
  });
}

function problemOf(outcome: NotStarted, stderr: string): SudoProblem | null {
  if (outcome.why === 'second-prompt') return secondPrompt(stderr);
  const problem = sudoProblem(stderr);
  // What was said while sudo still waits may be a warning only; what it ended with is the cause.
  return outcome.why === 'ended' || problem?.kind === 'expired' ? problem : null;
}

function sudoError(host: string, problem: SudoProblem, said: string): VfleetError {
  return new VfleetError({
    code: `sudo.${problem.kind}`,
    host,
    thing: 'sudo',
    expected: problem.expected,
    found: said === '' ? 'no message' : said,
    next: problem.next,
  });
}

function describe(ending: Exclude<Ending, { kind: 'lost' }>): string {
  return ending.kind === 'exit' ? `exit code ${ending.code} before it` : `death by ${ending.signal} before it`;
}
