import type { Environment } from './environment.ts';
import type { ConnectionArguments } from './options.ts';
import { run } from './run.ts';
import { showSummary } from './show.ts';
import { loadWork } from './work.ts';

/** Judges the hosts by the playbook's checks alone. Gives the exit code. */
export async function verify(
  args: ConnectionArguments & { readonly playbook: string },
  environment: Environment,
): Promise<number> {
  const work = await loadWork(args.playbook, args, environment);
  const summary = await run({ command: 'verify', ...work, args, environment });
  return showSummary(summary, 'verify', args, environment);
}
