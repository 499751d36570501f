import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { VfleetError } from '../../errors.ts';

const node = z.strictObject({
  name: z.string(),
  rack: z.string(),
  kind: z.string(),
  port: z.int(),
  /** MiB. */
  memory: z.int(),
  vars: z.record(z.string(), z.unknown()),
  /** `ssh-ed25519 AAAA…` of the node's sshd. */
  hostKey: z.string(),
});

const labSchema = z.strictObject({
  version: z.literal(1),
  accelerator: z.enum(['kvm', 'tcg']),
  /** The line of authorized_keys that every node has. */
  operatorKey: z.string(),
  nodes: z.array(node),
});

/** A node that the lab has, running or not. */
export type StoredNode = z.infer<typeof node>;
/** What is known of a lab between two commands. */
export type StoredLab = z.infer<typeof labSchema>;

const fileName = 'lab.json';

/** The lab in a folder; `null`: there is none. Errors: `lab.vm-file`. */
export async function readLab(folder: string): Promise<StoredLab | null> {
  const file = join(folder, fileName);
  const text = await readIfThere(file);
  if (text === null) return null;
  const value = parse(text);
  const parsed = labSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new VfleetError({
    code: 'lab.vm-file',
    thing: file,
    expected: 'a lab of version 1',
    found:
      versionOf(value) ?? parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; '),
    next: `stop its nodes (pkill -F ${join(folder, 'nodes')}/NODE/qemu.pid) and remove its folder nodes and its lab.json, or use the vfleet that wrote it`,
  });
}

export async function writeLab(folder: string, lab: StoredLab): Promise<void> {
  const file = join(folder, fileName);
  await writeFile(`${file}.new`, `${JSON.stringify(lab, null, 2)}\n`);
  await rename(`${file}.new`, file);
}

/** Only a file that is not there is no lab: one that cannot be read may be. */
async function readIfThere(file: string): Promise<string | null> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return null;
    const found = cause instanceof Error ? cause.message : String(cause);
    throw new VfleetError({ code: 'lab.vm-file', thing: file, expected: 'a file that can be read', found, cause });
  }
}

/** What is to be said of something that is no lab of version 1 at all; `null`: it is one, with errors. */
function versionOf(value: unknown): string | null {
  if (typeof value !== 'object' || value === null || !('version' in value)) return 'something else';
  return value.version === 1 ? null : `version ${JSON.stringify(value.version)}`;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
