import type { Command } from '../events/event.ts';
import { exitCode } from '../report/exit-code.ts';
import { renderJson } from '../report/json.ts';
import type { Summary } from '../report/summary.ts';
import { renderPlans } from '../report/text/plans.ts';
import { renderSummary } from '../report/text/summary.ts';
import { renderVerdicts } from '../report/text/verdicts.ts';
import { quote } from '../shell/quote.ts';
import type { Environment } from './environment.ts';
import type { InventoryArguments } from './options.ts';
import { write } from './output.ts';

/** Shows a plan, and gives the exit code. */
export function showPlan(summary: Summary, args: InventoryArguments, environment: Environment): number {
  if (args.json) write(`${renderJson(summary, 'plan')}\n`);
  else write(`${renderPlans(summary.hosts, look(args, environment))}\n`);
  return exitCode(summary, 'plan');
}

/** Shows how a run ended, and gives the exit code. */
export function showSummary(
  summary: Summary,
  command: Command,
  args: InventoryArguments,
  environment: Environment,
): number {
  if (args.json) write(`${renderJson(summary, command)}\n`);
  else {
    if (command !== 'facts') write(`${renderVerdicts(summary.hosts, look(args, environment))}\n`);
    write(`${renderSummary(summary, { ...look(args, environment), given: givenTo(args) })}\n`);
  }
  return exitCode(summary, command);
}

function look(
  args: InventoryArguments,
  environment: Environment,
): { readonly colour: boolean; readonly verbose: boolean } {
  return { colour: args.color ?? environment.colour, verbose: args.verbose };
}

/** What was given beside the limit, as it can be pasted again. */
function givenTo(args: InventoryArguments & { readonly playbook?: string }): string {
  const extra = (args.extraVars ?? []).map((value) => `-e ${quoted(value)}`);
  const inventory = args.inventory === undefined ? [] : [`-i ${quoted(args.inventory)}`];
  return [...(args.playbook === undefined ? [] : [quoted(args.playbook)]), ...inventory, ...extra].join(' ');
}

function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : quote(word);
}
