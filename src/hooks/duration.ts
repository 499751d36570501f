import { z } from 'zod';

const factors: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** A time as `90s`, `5m` or `1h`, in milliseconds. */
export const durationSchema = z
  .string()
  .regex(/^\d+(?:\.\d+)?(?:ms|s|m|h)$/, 'a time as 90s, 5m or 1h')
  .transform((text) => Number.parseFloat(text) * (factors[text.replace(/[\d.]+/, '')] ?? 1_000))
  // Of Node's timers: a longer one would be over at once.
  .refine((time) => time <= 2_147_483_647, 'a time of 24 days at most');
