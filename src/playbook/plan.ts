import { open, readFile, rename } from 'node:fs/promises';
import { z } from 'zod';
import { VfleetError } from '../errors.ts';
import type { HostPlan } from '../events/event.ts';

/** What a saved plan was made of; its `apply` must be made of the same. */
export interface Pins {
  readonly vfleet: string;
  readonly playbook: string;
  readonly playbookDigest: string;
  readonly templatesDigest: string;
  /** Digest of the validated variables, by host. */
  readonly varsDigests: Readonly<Record<string, string>>;
}

/** A plan as `plan --out` stores it. */
export interface SavedPlan {
  readonly version: typeof version;
  /** ISO 8601, UTC. */
  readonly createdAt: string;
  /** As given: `passthrough.ts`, `inventory/`. */
  readonly inventory: string;
  readonly extraVars: readonly string[];
  readonly pins: Pins;
  readonly hosts: readonly HostPlan[];
}

const version = 1;

const schema = z.object({
  version: z.literal(version),
  createdAt: z.string(),
  inventory: z.string(),
  extraVars: z.array(z.string()),
  pins: z.object({
    vfleet: z.string(),
    playbook: z.string(),
    playbookDigest: z.string(),
    templatesDigest: z.string(),
    varsDigests: z.record(z.string(), z.string()),
  }),
  hosts: z.array(
    z.object({
      host: z.string(),
      rack: z.string().nullable(),
      gates: z.array(z.custom<HostPlan['gates'][number]>((value) => typeof value === 'object')),
      changes: z.array(z.custom<HostPlan['changes'][number]>((value) => typeof value === 'object')),
      pending: z.array(z.custom<HostPlan['pending'][number]>((value) => typeof value === 'object')),
      effects: z.array(z.custom<HostPlan['effects'][number]>((value) => typeof value === 'object')),
      machineId: z.string().nullable(),
      factsRead: z.record(z.string(), z.unknown()),
    }),
  ),
});

/** Writes a plan, readable only by its owner, whole or not at all. */
export async function savePlan(path: string, plan: Omit<SavedPlan, 'version'>): Promise<void> {
  const beside = `${path}.${process.pid}.new`;
  const handle = await open(beside, 'w', 0o600);
  try {
    await handle.writeFile(`${JSON.stringify({ version, ...plan }, null, 1)}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(beside, path);
}

/** Whether a file looks like a saved plan rather than a playbook. */
export async function isSavedPlan(path: string): Promise<boolean> {
  const text = await readFile(path, 'utf8').catch(() => '');
  return text.trimStart().startsWith('{') && text.includes('"pins"');
}

/** Reads a plan. Errors: `plan.unreadable`, `plan.newer`. */
export async function readPlan(path: string): Promise<SavedPlan> {
  const text = await readFile(path, 'utf8');
  const parsed = schema.safeParse(parseJson(text));
  if (parsed.success) return parsed.data;
  const stored = z.object({ version: z.number() }).safeParse(parseJson(text));
  const newer = stored.success && stored.data.version > version;
  throw new VfleetError({
    code: newer ? 'plan.newer' : 'plan.unreadable',
    thing: path,
    expected: `a plan of version ${version}`,
    found: newer
      ? `version ${stored.data.version}`
      : (z.prettifyError(parsed.error).split('\n')[0] ?? 'something else'),
    next: 'make it again with `vfleet plan --out`',
  });
}

/** Refuses a plan that was made of something else. Errors: `plan.pins`. */
export function comparePins(path: string, planned: Pins, now: Pins): void {
  const differing = (['vfleet', 'playbookDigest', 'templatesDigest'] as const).find((pin) => planned[pin] !== now[pin]);
  const host = Object.keys(planned.varsDigests).find((name) => planned.varsDigests[name] !== now.varsDigests[name]);
  if (differing === undefined && host === undefined) return;
  const things = { vfleet: 'version of vfleet', playbookDigest: 'playbook', templatesDigest: 'templates' };
  throw new VfleetError({
    code: 'plan.pins',
    thing: path,
    expected: `the same ${differing === undefined ? `variables of ${host}` : things[differing]} as when it was made`,
    found: differing === 'vfleet' ? `${now.vfleet} instead of ${planned.vfleet}` : 'that it has changed since',
    next: 'make the plan again with `vfleet plan --out`',
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
