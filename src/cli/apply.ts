import { isSavedPlan } from '../playbook/plan.ts';
import { applyPlaybook } from './apply-playbook.ts';
import type { ApplyArguments } from './apply-run.ts';
import { applySavedPlan } from './apply-saved-plan.ts';
import type { Environment } from './environment.ts';

/** Applies a playbook or a saved plan, whichever the file is. Gives the exit code. */
export async function apply(args: ApplyArguments, environment: Environment, version: string): Promise<number> {
  const isPlan = await isSavedPlan(args.playbook);
  return isPlan ? applySavedPlan(args, environment, version) : applyPlaybook(args, environment);
}
