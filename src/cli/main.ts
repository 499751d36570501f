#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import yargs from 'yargs';
import { hideBin } from 'yargs/helpers';
import { VfleetError } from '../errors.ts';
import { applyCommand } from './commands/apply.ts';
import { factsCommand } from './commands/facts.ts';
import { inventoryCommand } from './commands/inventory.ts';
import { labCommand } from './commands/lab.ts';
import { planCommand } from './commands/plan.ts';
import { verifyCommand } from './commands/verify.ts';
import { readEnvironment } from './environment.ts';
import { say } from './output.ts';
import { UsageError } from './usage-error.ts';

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

/** Codes of errors by which vfleet declines a whole run: exit code 3. */
const declined: ReadonlySet<string> = new Set(['plan.pins', 'apply.declined']);

async function main(): Promise<number> {
  const environment = readEnvironment();
  let code = 0;
  const exit = (given: number): void => {
    code = given;
  };
  const cli = yargs(hideBin(process.argv))
    .scriptName('vfleet')
    .usage('$0 COMMAND\n\nPrepares fleets of compute nodes for PCI device passthrough, over SSH.')
    .version(version)
    .strict()
    .recommendCommands()
    .demandCommand(1, 'name a command; `vfleet --help` lists them')
    .wrap(Math.min(110, process.stdout.columns ?? 110))
    .epilogue(
      'Exit codes: 0 done or nothing to do; 1 failed hosts or checks; 2 plan: changes pending; 3 refused or halted;\n' +
        '64 bad usage, inventory or playbook; 130 interrupted.',
    )
    .exitProcess(false)
    .fail((message: string | null, error: Error | undefined) => {
      throw error ?? new UsageError(`${message ?? 'bad usage'}\nsee \`vfleet --help\``);
    });
  planCommand(cli, environment, version, exit);
  applyCommand(cli, environment, version, exit);
  verifyCommand(cli, environment, version, exit);
  factsCommand(cli, environment, version, exit);
  inventoryCommand(cli, environment, exit);
  labCommand(cli, environment, exit);
  try {
    await cli.parseAsync();
    return code;
  } catch (thrown) {
    if (thrown instanceof VfleetError || thrown instanceof UsageError) {
      say(`vfleet: ${thrown.message}\n`);
      return thrown instanceof VfleetError && declined.has(thrown.code) ? 3 : 64;
    }
    say(`vfleet: this is a bug: ${thrown instanceof Error ? thrown.stack : String(thrown)}\n`);
    return 70;
  }
}

// A reader that has seen enough (`vfleet plan … | head`) ends us quietly, as it does every other program.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit(141);
  });
}

process.exitCode = await main();
