import type { Argv } from 'yargs';
import type { Amount } from '../rollout/wish.ts';
import { number, one, several, wished } from './option-value.ts';

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

/** Options of every command that has a result to show. */
export function withResult<T>(yargs: Argv<T>) {
  return yargs
    .option('json', { type: 'boolean', default: false, describe: 'one machine-readable document on standard output' })
    .option('color', {
      type: 'boolean',
      describe: 'colours, or with --no-color none; default: where the output is a terminal and NO_COLOR is not set',
    })
    .option('verbose', { alias: 'v', type: 'boolean', default: false, describe: 'show all evidence and every host' });
}

/** Variables that go before all others. */
export function withExtraVars<T>(yargs: Argv<T>) {
  return yargs.option('extra-vars', {
    alias: 'e',
    type: 'string',
    array: true,
    nargs: 1,
    coerce: several('extra-vars'),
    describe: 'a variable for every host: key=value, JSON, or @file (YAML or JSON)',
    requiresArg: true,
  });
}

/** Options of every command that names hosts. */
export function withInventory<T>(yargs: Argv<T>) {
  const named = yargs
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
    });
  return withResult(withExtraVars(named));
}

/** Options of every command that logs in. */
export function withConnection<T>(yargs: Argv<T>) {
  return withInventory(yargs)
    .option('parallel', {
      alias: 'p',
      type: 'string',
      coerce: wished('parallel', 'parallel'),
      describe: 'at most this many hosts at once, or a share of them: 10% (default: 20)',
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

/** The number of hosts that the user has in mind. `describe`: what a command counts, where it is not who was chosen. */
export function withExpected<T>(
  yargs: Argv<T>,
  describe = 'refuse, before any log-in, unless exactly so many hosts are chosen; needed with --yes for many',
) {
  return yargs.option('expect-hosts', {
    type: 'number',
    coerce: number('expect-hosts', 'a whole number from 0', (given) => Number.isInteger(given) && given >= 0),
    describe,
    requiresArg: true,
  });
}

/** Options of every command that asks before it writes, and is no playbook's. */
export function withQuestion<T>(yargs: Argv<T>) {
  return withExpected(yargs)
    .option('yes', { alias: 'y', type: 'boolean', default: false, describe: 'do not ask' })
    .option('dry-run', {
      alias: 'n',
      type: 'boolean',
      default: false,
      describe: 'show what would be done, and write nothing on the hosts',
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
  readonly parallel?: Amount | undefined;
  readonly hostKeys: 'strict' | 'accept-new';
  readonly knownHosts?: readonly string[] | undefined;
  readonly connectTimeout: number;
}
