import { expect, it } from 'vitest';
import { durationSchema } from '../../src/hooks/duration.ts';

it('takes no time that is longer than a timer of Node may last: it would be over at once', () => {
  expect(durationSchema.parse('596h')).toBe(2_145_600_000);
  expect(durationSchema.safeParse('597h').success).toBe(false);
});
