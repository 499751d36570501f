import { VfleetError } from '../errors.ts';
import type { Given } from '../events/given.ts';
import type { HostSummary } from '../report/summary.ts';
import { again, quoted } from './again.ts';
import { type Started, shownArguments } from './same-work.ts';

/** A run that somebody wants once more. */
export interface Repeated {
  readonly command: 'retry' | 'resume';
  readonly name: string;
  readonly started: Started;
  readonly given: Given;
  readonly hosts: readonly HostSummary[];
}

/** As many hosts as a command to run next names. */
const most = 8;

/**
 * Refuses a run of a command whose answer is not in its report, or that has no hosts to go on with: it is as soon begun anew.
 * Errors: `retry.command`, `resume.command`.
 */
export function requireRepeatable(repeated: Repeated): void {
  const { command, name, started, given } = repeated;
  const words = commandOf(started, given);
  if (words === null) return;
  throw new VfleetError({
    code: `${command}.command`,
    thing: `run ${name}`,
    expected: 'a run of apply, plan, verify, undo or restore',
    found: `one of \`vfleet ${words}\``,
    next: `${nextOf(words, repeated)}; no host was touched`,
  });
}

/** The command that is none of those that are repeated, as it is typed; `null`: it is one of them. */
function commandOf({ command }: Started, { playbook }: Given): string | null {
  if (command === 'facts' || command === 'backups' || command === 'boot explain') return command;
  // What could be passed through is found by a `verify` that has no playbook of a user's.
  return command === 'verify' && playbook === null ? 'devices' : null;
}

function nextOf(words: string, { given, started, hosts }: Repeated): string {
  const args = shownArguments(given, { json: false, verbose: false });
  const bad = hosts.filter(({ state }) => state !== 'ok').map(({ name }) => name);
  const limit = bad.length > 0 && bad.length <= most ? [bad.join(':')] : given.limit;
  const { given: rest = '', limit: chosen = '' } = again({ ...args, limit });
  // There the hosts are a word of their own.
  const who = words === 'boot explain' ? limit.map(quoted).join(' ') : '';
  const { task } = given;
  const keep = task?.kind === 'backups' && task.keep !== null ? `--prune ${task.keep}` : '';
  const dry = started.dryRun === true ? '--dry-run' : '';
  const all = ['vfleet', words, who, keep, dry, rest, who === '' ? chosen : ''];
  return `\`${all.filter(Boolean).join(' ')}\` begins anew`;
}
