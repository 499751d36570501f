import { z } from 'zod';
import { anywhere, type OwnedArguments } from '../boot/owned.ts';
import { VfleetError } from '../errors.ts';
import type { Effect } from '../resources/effect.ts';
import {
  type FormerLines,
  type LeftRunning,
  leftRunningSchema,
  type OwnedFile,
  type OwnedLines,
  ownedFileSchema,
} from './owned-file.ts';
import type { StepWishes } from './step-wishes.ts';

/**
 * What the runner keeps on a host, in `/var/lib/vfleet/state.json`: what it owns, and what is still due. Every change is
 * preceded by its effects here, so that whatever dies in between, the next run goes on.
 */
export interface HostRecord {
  /** Tokens of kernel arguments that the runner added, by the name of the playbook that wished for them, and by place. */
  readonly ownedArguments: Readonly<Record<string, OwnedArguments>>;
  /** Tokens that each `ensure` of a playbook wished for, by the playbook's name; absent: nothing was written since it is kept. */
  readonly steps?: Readonly<Record<string, StepWishes>> | undefined;
  /** Lines that the runner added to files of many owners, by the name of the playbook, and by path. */
  readonly lines: Readonly<Record<string, OwnedLines>>;
  /** What stood in the place of such lines, by the name of the playbook; absent: nothing did, or it was not kept then. */
  readonly formerLines?: Readonly<Record<string, FormerLines>> | undefined;
  /** Files that the runner wrote, by path. */
  readonly files: Readonly<Record<string, OwnedFile>>;
  /** Effects that no settle has consumed yet. */
  readonly pending: readonly Effect[];
  /** Boot id at the moment when all that a reboot should activate had been written and read back. */
  readonly stamp: string | null;
  /** Reboots after which the host did not run what they were for, the latest last; absent: none. See `breaker.ts`. */
  readonly failedReboots?: readonly FailedReboot[] | undefined;
  /** What an undo took out of files, and the system that runs still has; absent: nothing. */
  readonly leftRunning?: LeftRunning | undefined;
  /** It is out of service: a run has begun to drain it, and none has taken it back; absent: it is not. */
  readonly drained?: { readonly run: string } | undefined;
}

/** A reboot that was in vain: the same one is not made again before something has changed. */
export interface FailedReboot {
  /** What was to run afterwards, some of it literally, and what was not. */
  readonly present: readonly string[];
  readonly absent: readonly string[];
  readonly exact?: readonly string[] | undefined;
  /** Why that reboot was due: whatever else is due since is a reason of its own. */
  readonly reason: string;
  /** Digest of the boot entries as they were at that reboot. */
  readonly entries: string;
}

/** Folder on the host for everything that the runner keeps there. */
export const stateFolder = '/var/lib/vfleet';
export const recordPath = `${stateFolder}/state.json`;

/** Folder of what a run has replaced or removed, below it by path. */
export function backupFolder(run: string): string {
  return `${stateFolder}/backups/${run}`;
}

const version = 2;

const effectSchema: z.ZodType<Effect> = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('initramfs'), reason: z.string() }),
  z.strictObject({
    kind: z.literal('boot-configuration'),
    reason: z.string(),
    present: z.array(z.string()),
    absent: z.array(z.string()),
    exact: z.array(z.string()).exactOptional(),
    remove: z.array(z.string()).exactOptional(),
    keep: z.array(z.string()).exactOptional(),
    add: z.array(z.string()).exactOptional(),
    guarded: z.literal(true).exactOptional(),
  }),
  z.strictObject({
    kind: z.literal('udev'),
    reason: z.string(),
    subsystems: z.array(z.string()),
    usb: z.array(z.strictObject({ port: z.string(), id: z.string(), granted: z.boolean() })).exactOptional(),
  }),
  z.strictObject({
    kind: z.literal('service'),
    reason: z.string(),
    unit: z.string(),
    gone: z.literal(true).exactOptional(),
  }),
  z.strictObject({
    kind: z.literal('devices'),
    reason: z.string(),
    devices: z.array(z.strictObject({ address: z.string(), id: z.string(), driver: z.string().nullable() })),
  }),
  z.strictObject({
    kind: z.literal('reboot'),
    reason: z.string(),
    present: z.array(z.string()),
    absent: z.array(z.string()),
    exact: z.array(z.string()).exactOptional(),
  }),
]);

const byPlaybook = z.record(z.string(), z.record(z.string(), z.array(z.string())));

const recordSchema = z.object({
  version: z.literal(version),
  ownedArguments: byPlaybook,
  steps: z.record(z.string(), z.array(z.array(z.string()))).exactOptional(),
  lines: byPlaybook.default({}),
  formerLines: z.record(z.string(), z.record(z.string(), z.record(z.string(), z.string()))).exactOptional(),
  files: z.record(z.string(), ownedFileSchema(effectSchema)).default({}),
  pending: z.array(effectSchema),
  stamp: z.string().nullable(),
  failedReboots: z
    .array(
      z.object({
        present: z.array(z.string()),
        absent: z.array(z.string()),
        exact: z.array(z.string()).exactOptional(),
        reason: z.string().default(''),
        entries: z.string(),
      }),
    )
    .exactOptional(),
  leftRunning: leftRunningSchema.exactOptional(),
  drained: z.object({ run: z.string() }).exactOptional(),
});

/** A host that was never touched. */
export const emptyRecord: HostRecord = { ownedArguments: {}, lines: {}, files: {}, pending: [], stamp: null };

/** Reads the record. `null` text: there is none. Errors: `record.newer`, `record.unreadable`. */
export function parseRecord(text: string | null): HostRecord {
  if (text === null) return emptyRecord;
  const found = parseJson(text);
  const stored = z.object({ version: z.number() }).safeParse(found);
  if (stored.success && stored.data.version > version) {
    throw new VfleetError({
      code: 'record.newer',
      thing: recordPath,
      expected: `version ${version} or older`,
      found: `version ${stored.data.version}, written by a newer vfleet`,
      next: 'use that version of vfleet for this host',
    });
  }
  const record = recordSchema.safeParse(migrated(found));
  if (!record.success) {
    throw new VfleetError({
      code: 'record.unreadable',
      thing: recordPath,
      expected: 'a record written by vfleet',
      found: text.slice(0, 120),
      next: `look at ${recordPath} on the host; move it aside only if no reboot is due there`,
    });
  }
  const { version: _, ...rest } = record.data;
  return rest;
}

/** The text of the record, as it is stored. */
export function printRecord(record: HostRecord): string {
  return `${JSON.stringify({ version, ...record }, null, 1)}\n`;
}

/** The first version did not tell places apart. */
const firstVersion = z.object({
  version: z.literal(1),
  ownedArguments: z.record(z.string(), z.array(z.string())),
});

function migrated(found: unknown): unknown {
  const first = firstVersion.safeParse(found);
  if (!first.success) return found;
  const owned = Object.entries(first.data.ownedArguments).map(([playbook, tokens]) => [
    playbook,
    { [anywhere]: tokens },
  ]);
  return { ...(found as object), version, ownedArguments: Object.fromEntries(owned) };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
