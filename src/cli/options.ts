import type { Argv } from 'yargs';
import { UsageError } from './usage-error.ts';

/** The playbook, of every command that has one. */
export function withPlaybook<T>(yargs: Argv<T>, describe: string) {
  return yargs.positional('playbook', { type: 'string', demandOption: true, describe });
}

/** Of commands that plan: what stood there before them. */
export function withAdopt<T>(yargs: Argv<T>) {
  return yargs.option('adopt', {
    type: 'boolean',
    default: false,
    describe:
      'take over what stands there already as it is wished for, and what the Cloudpods installer left: undo removes it',
  });
}

/** Options of every command that names hosts. */
export function withInventory<T>(yargs: Argv<T>) {
  return yargs
    .option('inventory', {
      alias: 'i',
      type: 'string',
      coerce: one('inventory', 'name a folder to have several files'),
      describe: 'inventory file or folder (default: $VFLEET_INVENTORY, else ./inventory)',
      requiresArg: true,
    })
    .option('limit', {
      alias: 'l',
      type: 'string',
      array: true,
      nargs: 1,
      coerce: several('limit'),
      describe: 'only these hosts: names, globs, groups, rack:R, `a:b` union, `:&c` and, `:!d` not, @file',
      requiresArg: true,
    })
    .option('extra-vars', {
      alias: 'e',
      type: 'string',
      array: true,
      nargs: 1,
      coerce: several('extra-vars'),
      describe: 'a variable for every host: key=value, JSON, or @file (YAML or JSON)',
      requiresArg: true,
    })
    .option('json', { type: 'boolean', default: false, describe: 'one machine-readable document on standard output' })
    .option('color', {
      type: 'boolean',
      describe: 'colours, or with --no-color none; default: where the output is a terminal and NO_COLOR is not set',
    })
    .option('verbose', { alias: 'v', type: 'boolean', default: false, describe: 'show all evidence and every host' });
}

/** Options of every command that logs in. */
export function withConnection<T>(yargs: Argv<T>) {
  return withInventory(yargs)
    .option('parallel', {
      alias: 'p',
      type: 'number',
      default: 20,
      coerce: number('parallel', 'a whole number from 1', (given) => Number.isInteger(given) && given >= 1),
      describe: 'at most this many hosts at once',
      requiresArg: true,
    })
    .option('host-keys', {
      choices: ['strict', 'accept-new'] as const,
      default: 'strict' as const,
      describe: 'unknown host keys: refuse them, or add them to known_hosts; a changed key is always refused',
    })
    .option('known-hosts', {
      type: 'string',
      array: true,
      nargs: 1,
      coerce: several('known-hosts'),
      describe: 'known_hosts file (default: ~/.ssh/known_hosts and /etc/ssh/ssh_known_hosts)',
      requiresArg: true,
    })
    .option('connect-timeout', {
      type: 'number',
      default: 20,
      coerce: number('connect-timeout', 'seconds above 0', (given) => given > 0),
      describe: 'seconds for a log-in, and again for sudo',
      requiresArg: true,
    });
}

/** Options of every command that asks before it writes, and is no playbook's. */
export function withQuestion<T>(yargs: Argv<T>) {
  return yargs
    .option('yes', { alias: 'y', type: 'boolean', default: false, describe: 'do not ask' })
    .option('dry-run', {
      alias: 'n',
      type: 'boolean',
      default: false,
      describe: 'show what would be done, and write nothing on the hosts',
    });
}

/** For `coerce`: the one text given to an option. */
export function one(option: string, next?: string): (given: unknown) => string {
  return (given) => {
    if (Array.isArray(given)) throw new UsageError(`--${option}: given more than once${next ? `; ${next}` : ''}`);
    if (given === '') throw new UsageError(`--${option}: a value is missing`);
    return text(option, given);
  };
}

/** For `coerce`: an option that may be given many times. */
function several(option: string): (given: unknown) => readonly string[] {
  return (given) => (Array.isArray(given) ? given : [given]).map((each) => text(option, each));
}

/** `--no-limit` gives false. */
function text(option: string, given: unknown): string {
  if (typeof given !== 'string') throw new UsageError(`--no-${option}: there is no such option`);
  return given;
}

/** For `coerce`: the one number given to an option, finite, and as it is expected. */
export function number(option: string, expected: string, isIt: (given: number) => boolean): (given: unknown) => number {
  return (given) => {
    if (Array.isArray(given)) throw new UsageError(`--${option}: given more than once`);
    if (typeof given === 'number' && Number.isFinite(given) && isIt(given)) return given;
    throw new UsageError(`--${option}: expected ${expected}`);
  };
}

/** What `withInventory` parses. */
export interface InventoryArguments {
  readonly inventory?: string | undefined;
  readonly limit?: readonly string[] | undefined;
  readonly extraVars?: readonly string[] | undefined;
  readonly json: boolean;
  readonly color?: boolean | undefined;
  readonly verbose: boolean;
}

/** What `withConnection` parses. */
export interface ConnectionArguments extends InventoryArguments {
  readonly parallel: number;
  readonly hostKeys: 'strict' | 'accept-new';
  readonly knownHosts?: readonly string[] | undefined;
  readonly connectTimeout: number;
}
