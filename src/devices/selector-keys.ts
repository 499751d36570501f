import { didYouMean, letters } from '../nearest.ts';
import { readAddress, readIds, readSlot } from './address.ts';
import { consents, type DeviceSelector } from './selector.ts';

/** What a reader made of something that was given: a value, or what is wrong with it. */
export type Reading<T> = { readonly value: T } | { readonly mistake: string };

type Key = keyof DeviceSelector;

const keys = [
  'address',
  'slot',
  'id',
  'class',
  'driver',
  'serial',
  'numaNode',
  'physicalSlot',
  'count',
  'allow',
] as const satisfies readonly Key[];

/** The key as it is spelled, for a spelling with other case, `_` or `-`. */
export function readKey(given: string): Reading<Key> {
  const key = keys.find((one) => letters(one) === letters(given));
  return key === undefined
    ? {
        mistake: `expected one of the keys ${keys.join(', ')}, found ${JSON.stringify(given)}${didYouMean(given, keys)}`,
      }
    : { value: key };
}

/** The value of a key, normalised. */
export function readValue(key: Key, given: unknown): Reading<unknown> {
  if (typeof given === 'number' && quoted.includes(key)) {
    return { mistake: `${key}: expected text; put it in quotes, as YAML has read it as the number ${given}` };
  }
  const reading = readers[key](typeof given === 'string' ? given.trim() : given);
  return 'mistake' in reading ? { mistake: `${key}: ${reading.mistake}` } : reading;
}

/** Digits of these mean something else as a number: leading zeros go, `1e3` becomes 1000. */
const quoted: readonly Key[] = ['address', 'slot', 'id', 'class', 'driver', 'serial'];

const readers: Readonly<Record<Key, (given: unknown) => Reading<unknown>>> = {
  address: text(readAddress),
  slot: text(readSlot),
  id: text(readIds),
  class: text((given) => {
    const digits = given.toLowerCase().replace(/^0x/, '');
    return /^[0-9a-f]{2,6}$/.test(digits)
      ? { value: digits }
      : { mistake: 'expected two to six hex digits, such as 03 (displays) or 0108 (NVMe)' };
  }),
  driver: text((given) =>
    /^[\w.-]{1,64}$/.test(given) ? { value: given } : { mistake: 'expected the name of a driver, such as nouveau' },
  ),
  serial: text((given) =>
    given === '' ? { mistake: 'expected a serial number as `vfleet devices` shows it' } : { value: given },
  ),
  numaNode: whole(0, 'the number of a NUMA node'),
  physicalSlot: (given) => {
    const name = typeof given === 'number' ? String(given) : given;
    return typeof name === 'string' && name !== ''
      ? { value: name }
      : { mistake: 'expected the name of a slot in /sys/bus/pci/slots' };
  },
  count: whole(1, 'how many devices are meant'),
  allow: (given) => {
    const list: readonly unknown[] = Array.isArray(given) ? given : [given];
    const wrong = list.find((one) => !consents.some((consent) => consent === one));
    if (wrong === undefined) return { value: [...new Set(list)] };
    const near = typeof wrong === 'string' ? didYouMean(wrong, consents) : '';
    return { mistake: `expected some of ${consents.join(', ')}, found ${JSON.stringify(wrong)}${near}` };
  },
};

function text(read: (given: string) => Reading<string>): (given: unknown) => Reading<string> {
  return (given) => (typeof given === 'string' ? read(given) : { mistake: 'expected text' });
}

function whole(least: number, what: string): (given: unknown) => Reading<number> {
  return (given) => {
    const number = typeof given === 'string' && /^\d{1,6}$/.test(given) ? Number(given) : given;
    return typeof number === 'number' && Number.isSafeInteger(number) && number >= least
      ? { value: number }
      : { mistake: `expected ${what}, a whole number from ${least}` };
  };
}
