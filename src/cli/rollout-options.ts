import type { Argv } from 'yargs';
import type { RolloutWish } from '../rollout/wish.ts';
import { amountOf, asIs, several, wished } from './option-value.ts';

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
      describe: 'at most this many hosts at once of one rack, or a share of its hosts (default: 50%, at least 1)',
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

/** `--no-canary` gives false. */
function canaries(given: unknown): RolloutWish['canary'] {
  return [given].flat().includes(false) ? [] : [...several('canary')(given)];
}

function windows(given: unknown): RolloutWish['windows'] {
  return several('window')(given).flatMap((each) => wished('window', 'windows', asIs)(each) ?? []);
}
