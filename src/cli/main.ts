#!/usr/bin/env node
import yargs from 'yargs';
import { hideBin } from 'yargs/helpers';
import { exitCodes } from '../report/exit-code.ts';
import { applyCommand } from './commands/apply.ts';
import { backupsCommand } from './commands/backups.ts';
import { bootCommand } from './commands/boot.ts';
import type { CommandContext } from './commands/context.ts';
import { devicesCommand } from './commands/devices.ts';
import { factsCommand } from './commands/facts.ts';
import { inventoryCommand } from './commands/inventory.ts';
import { labCommand } from './commands/lab.ts';
import { planCommand } from './commands/plan.ts';
import { restoreCommand } from './commands/restore.ts';
import { resumeCommand } from './commands/resume.ts';
import { retryCommand } from './commands/retry.ts';
import { runsCommand } from './commands/runs.ts';
import { undoCommand } from './commands/undo.ts';
import { verifyCommand } from './commands/verify.ts';
import { readEnvironment } from './environment.ts';
import { endSoon } from './interrupts.ts';
import { endQuietly } from './lost-reader.ts';
import { explain } from './outcome.ts';
import { say } from './output.ts';
import { usageError } from './usage-error.ts';
import { vfleetVersion as version } from './version.ts';

async function main(): Promise<number> {
  const environment = readEnvironment();
  const words = hideBin(process.argv);
  let code = 0;
  const exit = (given: number): void => {
    code = given;
  };
  const cli = yargs(words)
    .scriptName('vfleet')
    .usage('$0 COMMAND\n\nPrepares fleets of compute nodes for PCI device passthrough, over SSH.')
    .version(version)
    // Help and messages of ours are English; those of yargs must not be in another language beside them.
    .locale('en')
    .strict()
    .demandCommand(
      1,
      'name a command: plan, apply, verify, undo, backups, restore, runs, resume, retry, facts, devices, inventory, boot or lab',
    )
    .wrap(Math.min(110, process.stdout.columns ?? 110))
    .example('$0 plan passthrough -i inventory', 'what would be changed')
    .example('$0 apply passthrough -i inventory', 'change it, after a question')
    .example('$0 lab demo', 'the whole job on simulated nodes')
    .epilogue(
      'Exit codes: 0 done or nothing to do; 1 failed hosts or checks; 2 plan or --dry-run: changes pending; 3 refused or halted;\n' +
        '64 bad usage, inventory or playbook; 130 interrupted.',
    )
    .exitProcess(false)
    .fail((message: string | null, error: Error | null | undefined, command) => {
      // What yargs throws is about the command line too; whatever else is not.
      if (error !== undefined && error !== null && error.name !== 'YError') throw error;
      // Here `help` gives the text, whatever its type says.
      throw usageError(message ?? error?.message ?? 'bad usage', String(command.help()), words);
    });
  const context: CommandContext = { environment, version, exit };
  const commands = [
    planCommand,
    applyCommand,
    verifyCommand,
    undoCommand,
    backupsCommand,
    restoreCommand,
    runsCommand,
    resumeCommand,
    retryCommand,
    factsCommand,
    devicesCommand,
    inventoryCommand,
    bootCommand,
  ];
  for (const add of commands) add(cli, context);
  labCommand(cli, environment, exit);
  try {
    await cli.parseAsync();
    return code;
  } catch (thrown) {
    const { text, exitCode } = explain(thrown);
    say(`vfleet: ${text}\n`);
    return exitCode;
  }
}

endQuietly();
process.exitCode = await main();
if (process.exitCode === exitCodes.interrupted) endSoon(process.exitCode);
