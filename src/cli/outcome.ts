import { VfleetError } from '../errors.ts';
import { escapeLines } from '../report/escape.ts';
import { exitCodes } from '../report/exit-code.ts';
import { UsageError } from './usage-error.ts';

/** What is said of an error that ended the program, and the exit code. */
export interface Outcome {
  readonly text: string;
  readonly exitCode: number;
}

/** Codes of errors that decline a whole run. */
const declined: ReadonlySet<string> = new Set([
  'apply.declined',
  'plan.pins',
  'plan.newer',
  'plan.hosts',
  'run.busy',
  'resume.halted',
  'resume.changed',
  'resume.finished',
  'resume.none',
  'retry.changed',
  'retry.none',
]);

/** Beginnings of codes of errors that are nobody's usage: this machine could not do its part. */
const broken: readonly string[] = [
  ...['journal.', 'lab.demo', 'lab.tool-missing', 'lab.no-port', 'lab.no-sandbox', 'lab.dead', 'lab.mount'],
  ...['lab.vm-program', 'lab.vm-kvm', 'lab.vm-bake', 'lab.vm-boot', 'lab.vm-busy', 'lab.vm-file', 'lab.vm-image'],
];

/** Explains whatever ended the program before or after its hosts; what a host does is in a report. */
export function explain(thrown: unknown): Outcome {
  if (thrown instanceof UsageError) return { text: printable(thrown.message), exitCode: exitCodes.usage };
  if (thrown instanceof VfleetError) return { text: printable(thrown.message), exitCode: codeOf(thrown.code) };
  const text = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
  return { text: `this is a bug: ${printable(text)}`, exitCode: 70 };
}

function codeOf(code: string): number {
  if (code === 'interrupted') return exitCodes.interrupted;
  if (declined.has(code)) return exitCodes.refused;
  return broken.some((beginning) => code.startsWith(beginning)) ? exitCodes.failed : exitCodes.usage;
}

/** It may quote a file or a host. */
function printable(text: string): string {
  return escapeLines(text).join('\n');
}
