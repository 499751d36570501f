import type { Command } from '../events/event.ts';
import { exitCode } from '../report/exit-code.ts';
import { renderJson } from '../report/json.ts';
import { createPaint } from '../report/paint.ts';
import type { Summary } from '../report/summary.ts';
import { renderBackups } from '../report/text/backups.ts';
import { type PlannedHost, renderPlans } from '../report/text/plans.ts';
import { rolloutLines } from '../report/text/rollout.ts';
import { renderSummary } from '../report/text/summary.ts';
import { renderVerdicts } from '../report/text/verdicts.ts';
import type { Rollout } from '../rollout/rollout.ts';
import { again, type Given } from './again.ts';
import type { Environment } from './environment.ts';
import { hasColour, say, write } from './output.ts';

/** Shows what `plan` found and what to run next, and gives the exit code. */
export function showPlan(
  summary: Summary,
  args: Given & { readonly out?: string | undefined },
  environment: Environment,
): number {
  const look = lookOf(args, environment, process.stdout);
  if (args.json) write(renderJson(summary, 'plan'));
  else {
    const texts = [renderPlans(summary.hosts, look), rolloutText(summary.rollout, summary.hosts.length, look)];
    // A plan that is saved has its own next command.
    if (args.out === undefined) texts.push(renderSummary(summary, { ...look, ...again(args, args.adopt) }));
    write(texts.filter(Boolean).join('\n'));
  }
  return exitCode(summary, 'plan');
}

/** Shows what a task would do and what to run next, and gives the exit code, which `code` is where more counts. */
export function showTaskPlan(
  summary: Summary,
  command: Command,
  args: Given,
  environment: Environment,
  code = exitCode(summary, command),
): number {
  const look = lookOf(args, environment, process.stdout);
  if (args.json) write(renderJson(summary, command, code));
  else {
    const texts = [
      renderPlans(summary.hosts, { ...look, command }),
      renderSummary(summary, { ...look, ...again(args) }),
    ];
    write(texts.filter(Boolean).join('\n'));
  }
  return code;
}

/** Shows what backups there are, and gives the exit code. */
export function showBackups(summary: Summary, args: Given, environment: Environment): number {
  if (args.json) write(renderJson(summary, 'backups'));
  else write(backupsText(summary, args, environment));
  return exitCode(summary, 'backups');
}

/** Shows which backups would be removed: beside the result, where that is a document. */
export function showOldBackups(summary: Summary, args: Given, environment: Environment): void {
  const text = `${backupsText(summary, args, environment)}\n`;
  if (args.json) say(text);
  else write(text);
}

function backupsText(summary: Summary, args: Given, environment: Environment): string {
  const look = lookOf(args, environment, args.json ? process.stderr : process.stdout);
  return [
    renderBackups(summary.hosts, { ...look, dryRun: summary.dryRun }),
    renderSummary(summary, { ...look, ...again(args) }),
  ]
    .filter(Boolean)
    .join('\n');
}

/** Shows what is asked about: beside the result, where that is a document. */
export function showQuestion(
  hosts: readonly PlannedHost[],
  args: Given,
  environment: Environment,
  { command, rollout = null }: { readonly command?: Command; readonly rollout?: Rollout | null } = {},
): void {
  const stream = args.json ? process.stderr : process.stdout;
  const look = lookOf(args, environment, stream);
  const about = hosts.filter(({ state, plan }) => state === 'ok' && plan !== null).length;
  const texts = [renderPlans(hosts, { ...look, command }), rolloutText(rollout, about, look)];
  const text = `${texts.filter(Boolean).join('\n')}\n`;
  if (args.json) say(text);
  else write(text);
}

/** Shows how a rollout goes that nobody is asked about: beside the result. */
export function showRollout(rollout: Rollout, hosts: number, args: Given, environment: Environment): void {
  const text = rolloutText(rollout, hosts, lookOf(args, environment, process.stderr));
  // A reader that has gone is noticed by any write, also of nothing.
  if (text !== '') say(text);
}

function rolloutText(rollout: Rollout | null, hosts: number, { colour }: { readonly colour: boolean }): string {
  return rolloutLines(rollout, hosts, createPaint(colour))
    .map((line) => `${line}\n`)
    .join('');
}

/** Shows how a run ended, and gives the exit code, which `code` is where more counts than this run. */
export function showSummary(
  summary: Summary,
  command: Command,
  args: Given,
  environment: Environment,
  code = exitCode(summary, command),
): number {
  const look = lookOf(args, environment, process.stdout);
  if (args.json) write(renderJson(summary, command, code));
  else {
    const texts = [
      command === 'apply' || command === 'verify' ? renderVerdicts(summary.hosts, look) : '',
      // What verifies takes nothing over.
      renderSummary(summary, { ...look, ...again(args, args.adopt === true && exitCode(summary, command) !== 0) }),
    ];
    write(texts.filter(Boolean).join('\n'));
  }
  return code;
}

/** Shows a run as its own command does at its end, and gives the exit code. */
export function showRun(summary: Summary, command: Command, args: Given, environment: Environment): number {
  if (command === 'plan') return showPlan(summary, args, environment);
  if (command === 'backups') return showBackups(summary, args, environment);
  if (summary.dryRun) return showTaskPlan(summary, command, args, environment);
  return showSummary(summary, command, args, environment);
}

function lookOf(args: Given, environment: Environment, stream: NodeJS.WriteStream) {
  return { colour: hasColour(args, environment, stream), verbose: args.verbose };
}
