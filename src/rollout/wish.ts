import { z } from 'zod';
import { isWindow } from './window.ts';

/** A number of hosts, or a share of them: `3`, `10%`. */
export type Amount = number | `${number}%`;

const share = z
  .string()
  .regex(/^(?:\d{1,2}|100)%$/)
  .transform((text) => text as `${number}%`);
const amount = z.union([z.int().min(0), share]);
const positive = z.union([z.int().min(1), share.refine((text) => Number.parseInt(text, 10) > 0)]);
/** Of Node's timers, in milliseconds: a longer one would be over at once. */
const longestTimer = 2_147_483_647;
const duration = z
  .string()
  .regex(/^\d+(?:\.\d+)?(?:ms|s|m|h)$/)
  .transform(milliseconds)
  .refine((time) => time <= longestTimer);
const text = z.string().regex(/\S/);
const patterns = z.union([text, z.array(text)]).transform((given) => [given].flat());
const batches = z.union([positive, z.array(positive).min(1)]).transform((given) => [given].flat());
const windowText = z.string().refine(isWindow);
const windows = z.union([windowText, z.array(windowText)]).transform((given) => [given].flat());

/** How operators wish a rollout to go: in a playbook, in the inventory, or by flags. What nobody says has a default. */
export const rolloutSchema = z
  .strictObject({
    canary: patterns.describe('Hosts that go first, by patterns as -l takes them. An empty list: none.'),
    batches: batches.describe('How many may be in flight, as hosts end well: [1, 5, "10%"].'),
    parallel: positive.describe('At most so many in flight in all. Default: 20.'),
    perRack: positive.describe(
      'At most so many in flight of one failure domain; a share is of its hosts in the rollout.',
    ),
    domain: z
      .string()
      .regex(/^[A-Za-z_]\w*$/)
      .describe('What a failure domain is: `rack`, or the name of a variable that each host has. Default: rack.'),
    maxFailures: amount.describe('So many hosts may end badly; one more halts the rollout. Default: 10%, at least 1.'),
    maxCanaryFailures: amount.describe('The same for canaries. Default: 0.'),
    soak: duration.describe('How long a host is watched after it was verified, before the next has its place.'),
    pause: duration.describe('Between the starts of two hosts.'),
    windows: windows.describe('Hosts start only within them: Sat,Sun 22:00-04:00 Europe/Berlin.'),
    maxConnecting: positive.describe('At most so many log in at once.'),
    maxApplying: positive.describe('At most so many write and regenerate at once.'),
    maxRebooting: positive.describe('At most so many reboot at once.'),
    confirmAbove: z.int().min(0).describe('For more hosts, their number must be typed or expected. Default: 50.'),
  })
  .partial();

/** A wish as it is written down: `{ canary: 'rack:lab', batches: [1, 5, '10%'], perRack: 2, soak: '5m' }`. */
export type RolloutInput = z.input<typeof rolloutSchema>;

/** A wish as it was read: lists are lists, times are milliseconds. */
export type RolloutWish = z.output<typeof rolloutSchema>;

/** A key of a wish. */
export type RolloutKey = keyof RolloutWish;

/** All keys of a wish. */
export const rolloutKeys: readonly RolloutKey[] = rolloutSchema.keyof().options;

const positiveText = 'a whole number from 1, or a share of the hosts as 10%';
const amountText = 'a whole number from 0, or a share of the hosts as 10%';
const durationText = 'a time as 30s, 5m or 2h, of 24 days at most';

/** What each key takes, in words, for an error message. */
export const rolloutExpected: Readonly<Record<RolloutKey, string>> = {
  canary: 'patterns as -l takes them, one or a list',
  batches: `${positiveText}, or a list of them`,
  parallel: positiveText,
  perRack: positiveText,
  domain: '`rack`, or the name of a variable',
  maxFailures: amountText,
  maxCanaryFailures: amountText,
  soak: durationText,
  pause: durationText,
  windows: 'days, times and a time zone as in "Sat,Sun 22:00-04:00 Europe/Berlin", one or a list',
  maxConnecting: positiveText,
  maxApplying: positiveText,
  maxRebooting: positiveText,
  confirmAbove: 'a whole number from 0',
};

/** The value of one key, read; `null`: it is not what the key takes. */
export function readRolloutKey<K extends RolloutKey>(key: K, given: unknown): RolloutWish[K] | null {
  const parsed = rolloutSchema.shape[key].safeParse(given);
  return parsed.success && parsed.data !== undefined ? (parsed.data as RolloutWish[K]) : null;
}

/** Several wishes over each other, key by key: the later one has the last word. */
export function joinRollouts(wishes: readonly RolloutWish[]): RolloutWish {
  const said = wishes.flatMap((wish) => Object.entries(wish).filter(([, value]) => value !== undefined));
  return Object.fromEntries(said) as RolloutWish;
}

function milliseconds(given: string): number {
  const unit = /[a-z]+$/.exec(given)?.[0] ?? 's';
  const factors: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };
  return Math.round(Number.parseFloat(given) * (factors[unit] ?? 1_000));
}
