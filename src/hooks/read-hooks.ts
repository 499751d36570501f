import { z } from 'zod';
import { VfleetError } from '../errors.ts';
import { cloudpods, cloudpodsOptions } from './cloudpods.ts';
import { durationSchema } from './duration.ts';
import type { Hook, HookFunction, Hooks } from './hook.ts';
import { libvirt, libvirtOptions } from './libvirt.ts';

const functionSchema = z.custom<HookFunction>((value) => typeof value === 'function', 'a function of the host');

const defaultTimeout = 1_800_000;

const hookSchema = z.union(
  [
    functionSchema.transform((call): Hook => ({ work: { kind: 'function', call }, timeout: defaultTimeout })),
    z
      .strictObject({
        run: z.union([z.string().min(1), functionSchema]),
        where: z.enum(['host', 'controller']).default('host'),
        timeout: durationSchema.default(defaultTimeout),
        about: z.string().min(1).exactOptional(),
      })
      .transform(({ run, where, ...more }): Hook => {
        if (typeof run === 'function') return { work: { kind: 'function', call: run }, ...more };
        return { work: { kind: 'command', text: run, where }, ...more };
      }),
  ],
  { error: "a function, or a command as { run: 'virsh …', where: 'host', timeout: '5m' }" },
);

const hooksSchema = z.strictObject({ drain: hookSchema.exactOptional(), undrain: hookSchema.exactOptional() });

const readySchema = z.discriminatedUnion('use', [
  libvirtOptions.extend({ use: z.literal('libvirt') }),
  cloudpodsOptions.extend({ use: z.literal('cloudpods') }),
]);

/**
 * Reads hooks as a playbook or an inventory has them; ready ones by name: `{ use: 'libvirt', guests: 'migrate' }`. `origin`
 * says where they are written. Errors: `hooks.definition`.
 */
export function readHooks(given: unknown, origin: string): Hooks {
  if (given === undefined || given === null) return {};
  if (typeof given === 'object' && 'use' in given) {
    const ready = readySchema.safeParse(given);
    if (!ready.success) throw mistake(ready.error, origin);
    const { use, ...options } = ready.data;
    return readHooks(use === 'libvirt' ? libvirt(options) : cloudpods(options), origin);
  }
  const read = hooksSchema.safeParse(given);
  if (!read.success) throw mistake(read.error, origin);
  return read.data;
}

function mistake(error: z.ZodError, origin: string): VfleetError {
  const [issue] = error.issues;
  const unknown = issue?.code === 'unrecognized_keys' ? issue.keys.join(', ') : undefined;
  const path = ['hooks', ...(issue?.path ?? [])].map(String).join('.');
  return new VfleetError({
    code: 'hooks.definition',
    thing: `${origin}: ${path}`,
    expected: unknown === undefined ? (issue?.message ?? 'hooks') : 'known keys',
    found: unknown === undefined ? 'something else' : `unknown: ${unknown}`,
    next: 'correct it: docs/hooks.md',
  });
}
