import { z } from 'zod';
import type { HostPlan } from '../events/event.ts';
import type { RolloutWish } from '../rollout/wish.ts';

/** What a saved plan was made of; its `apply` must be made of the same. */
export interface Pins {
  readonly vfleet: string;
  /** As given: `passthrough`, `playbooks/gpu.ts`. */
  readonly playbook: string;
  readonly playbookDigest: string;
  readonly templatesDigest: string;
  /** Digest of the validated variables, by host. */
  readonly varsDigests: Readonly<Record<string, string>>;
}

/** A plan as `plan --out` stores it. */
export interface SavedPlan {
  readonly version: typeof planVersion;
  /** ISO 8601, UTC. */
  readonly createdAt: string;
  /** As given: `inventory/`. */
  readonly inventory: string;
  readonly extraVars: readonly string[];
  /** It was made with `--adopt`. */
  readonly adopt: boolean;
  /** What options said of the rollout that was shown with it. */
  readonly rollout?: RolloutWish | undefined;
  readonly pins: Pins;
  readonly hosts: readonly HostPlan[];
}

/** Version of the document. A newer one is refused. */
export const planVersion = 1;

const texts = z.array(z.string());

const effect = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('initramfs'), reason: z.string() }),
  z.object({
    ...{ kind: z.literal('boot-configuration'), reason: z.string(), present: texts, absent: texts },
    ...{ exact: texts.exactOptional(), remove: texts.exactOptional(), add: texts.exactOptional() },
    ...{ keep: texts.exactOptional(), guarded: z.literal(true).exactOptional() },
  }),
  z.object({
    ...{ kind: z.literal('udev'), reason: z.string(), subsystems: texts },
    usb: z.array(z.object({ port: z.string(), id: z.string(), granted: z.boolean() })).exactOptional(),
  }),
  z.object({
    ...{ kind: z.literal('service'), reason: z.string(), unit: z.string() },
    gone: z.literal(true).exactOptional(),
  }),
  z.object({
    kind: z.literal('devices'),
    reason: z.string(),
    devices: z.array(z.object({ address: z.string(), id: z.string(), driver: z.string().nullable() })),
  }),
  z.object({
    ...{ kind: z.literal('reboot'), reason: z.string(), present: texts, absent: texts },
    exact: texts.exactOptional(),
  }),
]);

const verdict = z.object({
  check: z.string(),
  title: z.string(),
  outcome: z.enum(['pass', 'fail', 'unknown', 'not-applicable']),
  found: z.string(),
  evidence: texts,
  remedy: z.string().optional(),
});

const change = z.object({
  resource: z.string(),
  summary: z.string(),
  diffs: texts,
  effects: z.array(effect),
  notes: texts,
  digest: z.string(),
  after: z.record(z.string(), z.string()).optional(),
  tentative: z.boolean(),
  step: z.int(),
});

const hook = z.object({
  kind: z.enum(['command', 'function']),
  where: z.enum(['host', 'controller']).nullable(),
  timeoutSeconds: z.number(),
  about: z.string().nullable(),
});

const around = z.object({
  drain: hook.nullable(),
  undrain: hook.nullable(),
  power: z.object({ program: z.string(), timeoutSeconds: z.number() }).nullable(),
});

const hostPlan: z.ZodType<HostPlan> = z.object({
  host: z.string(),
  rack: z.string().nullable(),
  gates: z.array(verdict),
  changes: z.array(change),
  pending: z.array(effect),
  effects: z.array(effect),
  around: around.optional(),
  machineId: z.string().nullable(),
  factsRead: z.record(z.string(), z.unknown()),
});

/** The schema of a stored plan. */
export const planSchema: z.ZodType<SavedPlan> = z.object({
  version: z.literal(planVersion),
  createdAt: z.string(),
  inventory: z.string(),
  extraVars: texts,
  adopt: z.boolean().default(false),
  rollout: z.record(z.string(), z.unknown()).optional(),
  pins: z.object({
    vfleet: z.string(),
    playbook: z.string(),
    playbookDigest: z.string(),
    templatesDigest: z.string(),
    varsDigests: z.record(z.string(), z.string()),
  }),
  hosts: z.array(hostPlan),
});
