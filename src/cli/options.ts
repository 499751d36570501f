import type { Argv } from 'yargs';
import { type Amount, type RolloutKey, type RolloutWish, readRolloutKey, rolloutExpected } from '../rollout/wish.ts';
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

/** Options of commands that go about their hosts by a policy: they go before what the inventory and the playbook say. */
export function withRollout<T>(yargs: Argv<T>) {
  const text = { type: 'string', requiresArg: true } as const;
  return yargs
    .option('canary', {
      type: 'string',
      array: true,
      nargs: 1,
      coerce: canaries,
      describe: 'hosts that go first, as -l names them; all others wait until each has ended. --no-canary: none',
      requiresArg: true,
    })
    .option('batches', {
      ...text,
      coerce: wished('batches', 'batches', (given) => given.split(',').map((part) => amountOf(part.trim()))),
      describe: 'how many hosts at once, as hosts end well: 1,5,10%',
    })
    .option('per-rack', {
      ...text,
      coerce: wished('per-rack', 'perRack'),
      describe: 'at most this many hosts at once of one rack, or a share of its hosts',
    })
    .option('max-failures', {
      ...text,
      coerce: wished('max-failures', 'maxFailures'),
      describe:
        'this many hosts may end badly, or a share; one more, and no host starts any more (default: 10%, at least 1)',
    })
    .option('max-canary-failures', {
      ...text,
      coerce: wished('max-canary-failures', 'maxCanaryFailures'),
      describe: 'the same for canaries (default: 0)',
    })
    .option('soak', {
      ...text,
      coerce: wished('soak', 'soak', asIs),
      describe: 'how long to watch a host after it was verified: 5m',
    })
    .option('pause', {
      ...text,
      coerce: wished('pause', 'pause', asIs),
      describe: 'time between the starts of two hosts: 30s',
    })
    .option('window', {
      type: 'string',
      array: true,
      nargs: 1,
      coerce: windows,
      describe: 'start hosts only then: "Sat,Sun 22:00-04:00 Europe/Berlin"; may be given again',
      requiresArg: true,
    })
    .option('max-connecting', {
      ...text,
      coerce: wished('max-connecting', 'maxConnecting'),
      describe: 'at most this many hosts log in at once',
    })
    .option('max-applying', {
      ...text,
      coerce: wished('max-applying', 'maxApplying'),
      describe: 'at most this many hosts write and regenerate at once',
    })
    .option('max-rebooting', {
      ...text,
      coerce: wished('max-rebooting', 'maxRebooting'),
      describe: 'at most this many hosts reboot at once',
    });
}

/** The number of hosts that the user has in mind. */
export function withExpected<T>(yargs: Argv<T>) {
  return yargs.option('expect-hosts', {
    type: 'number',
    coerce: number('expect-hosts', 'a whole number from 0', (given) => Number.isInteger(given) && given >= 0),
    describe: 'refuse, before any log-in, unless exactly so many hosts are chosen; needed with --yes for many',
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

/** For `coerce`: a key of a rollout, given once. */
function wished<K extends RolloutKey>(
  option: string,
  key: K,
  read: (given: string) => unknown = amountOf,
): (given: unknown) => RolloutWish[K] {
  return (given) => {
    const value = one(option)(given);
    const wish = readRolloutKey(key, read(value));
    if (wish === null)
      throw new UsageError(`--${option}: expected ${rolloutExpected[key]}, found ${JSON.stringify(value)}`);
    return wish;
  };
}

/** `--no-canary` gives false. */
function canaries(given: unknown): RolloutWish['canary'] {
  return [given].flat().includes(false) ? [] : [...several('canary')(given)];
}

function windows(given: unknown): RolloutWish['windows'] {
  return several('window')(given).flatMap((each) => wished('window', 'windows', asIs)(each) ?? []);
}

function amountOf(given: string): unknown {
  return /^\d+$/.test(given) ? Number(given) : given;
}

function asIs(given: string): string {
  return given;
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
  readonly parallel?: Amount | undefined;
  readonly hostKeys: 'strict' | 'accept-new';
  readonly knownHosts?: readonly string[] | undefined;
  readonly connectTimeout: number;
}
