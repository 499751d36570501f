import type { Argv } from 'yargs';

/** Options of every command that names hosts. */
export function withInventory<T>(yargs: Argv<T>) {
  return yargs
    .option('inventory', {
      alias: 'i',
      type: 'string',
      describe: 'inventory file or folder (default: $VFLEET_INVENTORY, else ./inventory)',
      requiresArg: true,
    })
    .option('limit', {
      alias: 'l',
      type: 'string',
      array: true,
      nargs: 1,
      describe: 'only these hosts: names, globs, groups, rack:R, `a:b` union, `:&c` and, `:!d` not, @file',
      requiresArg: true,
    })
    .option('extra-vars', {
      alias: 'e',
      type: 'string',
      array: true,
      nargs: 1,
      describe: 'a variable for every host: key=value, JSON, or @file (YAML or JSON)',
      requiresArg: true,
    })
    .option('json', { type: 'boolean', default: false, describe: 'one machine-readable document on standard output' })
    .option('color', { type: 'boolean', describe: 'colours; default: when standard output is a terminal' })
    .option('verbose', { alias: 'v', type: 'boolean', default: false, describe: 'show all evidence and every host' });
}

/** Options of every command that logs in. */
export function withConnection<T>(yargs: Argv<T>) {
  return withInventory(yargs)
    .option('parallel', {
      alias: 'p',
      type: 'number',
      default: 20,
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
      describe: 'known_hosts file (default: ~/.ssh/known_hosts and /etc/ssh/ssh_known_hosts)',
      requiresArg: true,
    })
    .option('connect-timeout', {
      type: 'number',
      default: 20,
      describe: 'seconds for a log-in, and again for sudo',
      requiresArg: true,
    })
    .check((argv) => {
      if (!Number.isInteger(argv.parallel) || argv.parallel < 1)
        throw new Error('--parallel: expected a whole number from 1');
      if (!(argv['connect-timeout'] > 0)) throw new Error('--connect-timeout: expected seconds above 0');
      return true;
    });
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
