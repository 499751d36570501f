import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { VfleetError } from '../../errors.ts';
import { ioReason } from '../../inventory/text-file.ts';
import { issueLines, parsePositioned } from '../yaml-positions.ts';
import { findVmKind, type VmKind } from './kind.ts';

/** A node that shall be there. */
export interface NodeWish {
  readonly name: string;
  readonly rack: string;
  readonly kind: VmKind;
  /** MiB. */
  readonly memory: number;
  /** Variables of the host in the inventory. */
  readonly vars: Readonly<Record<string, unknown>>;
}

/** MiB: with less, Debian 13 with UEFI has to swap its initramfs out. */
const usualMemory = 1024;

const memory = z
  .int({ error: ({ input }) => `expected a number of MiB, found ${JSON.stringify(input)}` })
  .min(512, { error: ({ input }) => `expected at least 512 MiB, found ${String(input)}` })
  .max(65_536, { error: ({ input }) => `expected at most 65536 MiB, found ${String(input)}` });

/** A group of the inventory is called so; `all` and `ungrouped` are there in any. */
const rack = z.string().regex(/^(?!(?:all|ungrouped)$)[A-Za-z0-9][\w.-]*$/, {
  error: ({ input }) => `expected letters, digits, ".", "_" and "-", not all or ungrouped, found "${String(input)}"`,
});

/** No name that an inventory takes for a setting of the host: it would undo how the lab reaches its node. */
const variable = z
  .string()
  .regex(/^(?!(?:ssh|rack|ansible_.*)$)/, 'the lab itself says how its nodes are reached; expected another name');
const vars = z.record(variable, z.unknown());

const wish = z.strictObject({
  kind: z.string({ error: ({ input }) => `expected the name of a kind, found ${JSON.stringify(input) ?? 'none'}` }),
  rack: rack.default('r1'),
  memory: memory.default(usualMemory),
  vars: vars.default({}),
});

const name = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, 'expected a host name: lower-case letters, digits and -');

const nodesSchema = z.strictObject({
  nodes: z.record(name, wish).refine((nodes) => Object.keys(nodes).length > 0, 'at least one node'),
});

const knownKeys = ['nodes', ...Object.keys(wish.shape)];

/** One node of each boot loader and IOMMU that matters most, and one that must be refused. */
export const usualNodes: readonly NodeWish[] = [
  usual('intel', 'r1', 'debian-12-intel-bios'),
  usual('amd', 'r2', 'debian-13-amd-uefi'),
  usual('vtd-off', 'r2', 'debian-12-vtd-off'),
];

function usual(name: string, rack: string, kindName: string): NodeWish {
  const kind = findVmKind(kindName);
  if (typeof kind === 'string') throw new Error(kind);
  return { name, rack, kind, memory: usualMemory, vars: {} };
}

/**
 * Reads which nodes a lab shall have.
 * Errors: `lab.machines-syntax`, `lab.vm-nodes`; each problem on a line, with file, line and column.
 *
 * @example
 * nodes:
 *   gpu-01: { kind: debian-12-intel-bios, rack: r1 }
 *   gpu-02: { kind: debian-13-amd-uefi, rack: r2, memory: 2048, vars: { site: lab } }
 */
export async function readNodesFile(file: string): Promise<readonly NodeWish[]> {
  const yaml = parsePositioned(file, await readText(file));
  const parsed = nodesSchema.safeParse(yaml.value);
  if (!parsed.success) throw problem(issueLines(yaml, parsed.error.issues, knownKeys));
  const found = Object.entries(parsed.data.nodes).map(([name, one]) => ({ ...one, name, kind: findVmKind(one.kind) }));
  const lines = found.flatMap(({ name, kind }) =>
    typeof kind === 'string' ? [`${yaml.position(['nodes', name, 'kind'])} nodes.${name}.kind: ${kind}`] : [],
  );
  if (lines.length > 0) throw problem(lines);
  return found.flatMap((one) => (typeof one.kind === 'string' ? [] : [{ ...one, kind: one.kind }]));
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new VfleetError({
      code: 'lab.vm-nodes',
      thing: file,
      expected: 'a file of nodes',
      found: ioReason(cause),
      next: 'name a file that can be read; docs/vm-lab.md shows one',
      cause,
    });
  }
}

function problem(lines: readonly string[]): VfleetError {
  return new VfleetError({ code: 'lab.vm-nodes', thing: lines.join('\n'), next: 'correct the file' });
}
