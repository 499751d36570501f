import type { Argv } from 'yargs';
import { bootFileKinds } from '../../boot/boot-file.ts';
import { one } from '../option-value.ts';
import { withConnection } from '../options.ts';
import { UsageError } from '../usage-error.ts';
import type { CommandContext } from './context.ts';

/** `vfleet boot`: kernel arguments, of a host or of a file. */
export function bootCommand(yargs: Argv, context: CommandContext): Argv {
  return yargs.command('boot', 'kernel arguments: explain those of a host, or try the editor on a file', (boot) =>
    explainCommand(editCommand(boot, context), context)
      .demandCommand(1, 'boot: name what to do: edit or explain')
      .example('$0 boot edit --file grub --set iommu=pt --diff', 'what would become of a copy of /etc/default/grub')
      .example('$0 boot explain node07', 'where its kernel arguments come from, and why some do not run'),
  );
}

function explainCommand(yargs: Argv, { environment, exit }: CommandContext) {
  return yargs.command(
    'explain <host> [playbook]',
    'show the kernel arguments of a host: wanted, written to each boot entry, running; writes nothing there',
    (command) =>
      withConnection(command)
        .positional('host', {
          type: 'string',
          demandOption: true,
          describe: 'the host, or several as -l has them elsewhere: a glob, a group, rack:R',
        })
        .positional('playbook', {
          type: 'string',
          describe: 'wants what this playbook wants; default: what vfleet has put there',
        })
        .example('$0 boot explain node07', 'why an argument does not run, and what to do')
        .example(
          '$0 boot explain rack:r12 passthrough',
          'a rack, by what a playbook wants; exit code 1: not all of it',
        ),
    async (args) => exit(await (await import('../boot-explain.ts')).explain(args, environment)),
  );
}

function editCommand(yargs: Argv, { environment, exit }: CommandContext) {
  return yargs.command(
    'edit',
    'print what the editor of kernel arguments makes of a file; writes nothing',
    (command) =>
      command
        .option('file', {
          type: 'string',
          demandOption: true,
          coerce: one('file'),
          describe: 'the file, for example a copy of /etc/default/grub; `-`: standard input',
          requiresArg: true,
        })
        .option('set', {
          type: 'string',
          array: true,
          nargs: 1,
          coerce: words('set'),
          describe: 'an argument to have, NAME=VALUE or NAME; repeatable, in order',
          requiresArg: true,
        })
        .option('unset', {
          type: 'string',
          array: true,
          nargs: 1,
          coerce: words('unset'),
          describe: 'the NAME of an argument to remove, each of them; repeatable',
          requiresArg: true,
        })
        .option('as', {
          choices: bootFileKinds,
          describe: 'what the file is (default: told by its path and its text)',
          requiresArg: true,
        })
        .option('exact', {
          type: 'boolean',
          default: false,
          describe: 'a longer list (intel_iommu=on,sm_on) is not enough: what is set must stand there literally',
        })
        .option('diff', { type: 'boolean', default: false, describe: 'show only what would change, as a diff' })
        .option('color', {
          type: 'boolean',
          describe: 'a diff with colours, or with --no-color none; default: at a terminal, where NO_COLOR is not set',
        })
        .example('$0 boot edit --file /etc/default/grub --set iommu=pt --unset quiet', 'the whole file, edited')
        .example('$0 boot edit --file node7.conf --as bls --set iommu=pt --diff', 'an entry that GRUB reads')
        .example('ssh node7 cat /proc/cmdline | $0 boot edit --file - --as cmdline --set iommu=pt', 'from a host'),
    async (args) => {
      await (await import('./boot-edit.ts')).edit(args, environment);
      exit(0);
    },
  );
}

/** For `coerce`: texts of an option that may be given many times; `--no-set` gives false. */
function words(option: string): (given: unknown) => readonly string[] {
  return (given) =>
    (Array.isArray(given) ? given : [given]).map((word: unknown) => {
      if (typeof word !== 'string') throw new UsageError(`--no-${option}: there is no such option`);
      if (word === '') throw new UsageError(`--${option}: a value is missing`);
      return word;
    });
}
