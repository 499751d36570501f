import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { VfleetError } from '../errors.ts';
import { expandRange } from '../inventory/range.ts';
import { ioReason } from '../inventory/text-file.ts';
import { didYouMean } from '../nearest.ts';
import { faultsSchema } from './faults.ts';
import type { MachineKind } from './machine.ts';
import { builtinMachineKinds, loadMachineKind } from './machine-kind.ts';
import type { NodePlan } from './make-nodes.ts';
import { issueLines, type PositionedYaml, parsePositioned } from './yaml-positions.ts';

const batch = z.strictObject({
  /** Name of a built-in kind, or the path of a folder, relative to the file. */
  kind: z.string().min(1),
  count: z.int().min(1).max(1000).optional(),
  /** A range, as in an inventory: `gpu[01:06]`. Default: the rack's name and a number: `r1-n01`. */
  names: z.string().min(1).optional(),
  faults: faultsSchema.optional(),
  vars: z.record(z.string(), z.unknown()).optional(),
});

const machinesSchema = z.strictObject({ racks: z.record(z.string(), z.array(batch).min(1)) });

type Batch = z.infer<typeof batch>;

const knownKeys = ['racks', ...Object.keys(batch.shape), ...Object.keys(faultsSchema.shape)];

/**
 * Reads which machines a lab shall have.
 * Errors: `lab.machines-syntax`, `lab.machines` (each problem on a line, with file, line and column), `lab.kind`.
 *
 * @example
 * racks:
 *   r1:
 *     - { kind: debian-12-intel, count: 5 }
 *     - { kind: ./my-kind, names: odd[01:02], faults: { neverReturns: true } }
 */
export async function readMachinesFile(file: string): Promise<readonly NodePlan[]> {
  const yaml = parsePositioned(file, await readText(file));
  const parsed = machinesSchema.safeParse(yaml.value);
  if (!parsed.success) throw problem(issueLines(yaml, parsed.error.issues, knownKeys));
  const kinds = new Map((await builtinMachineKinds()).map((kind) => [kind.name, kind]));
  const plans: NodePlan[] = [];
  const problems: string[] = [];
  const seen = new Map<string, string>();
  for (const [rack, batches] of Object.entries(parsed.data.racks)) {
    let number = 0;
    for (const [index, one] of batches.entries()) {
      const at = ['racks', rack, index];
      const kind = await findKind(one.kind, path.dirname(file), kinds);
      if (typeof kind === 'string') problems.push(`${place(yaml, [...at, 'kind'])}: ${kind}`);
      const names = namesOf(one, rack, number);
      if (typeof names === 'string') problems.push(`${place(yaml, [...at, 'names'])}: ${names}`);
      if (typeof kind === 'string' || typeof names === 'string') continue;
      number += names.length;
      for (const name of names) {
        const first = seen.get(name);
        if (first !== undefined) problems.push(`${place(yaml, at)}: node ${name} is there already, from ${first}`);
        seen.set(name, yaml.position(at));
        plans.push({ name, rack, kind, ...optional(one) });
      }
    }
  }
  if (problems.length > 0) throw problem(problems);
  return plans;
}

function optional({ faults, vars }: Batch): Pick<NodePlan, 'faults' | 'vars'> {
  return { ...(faults !== undefined && { faults }), ...(vars !== undefined && { vars }) };
}

function place(yaml: PositionedYaml, at: readonly (string | number)[]): string {
  return `${yaml.position(at)} ${at.join('.')}`;
}

/** The kind, or why there is none. A name with a slash is a folder. */
async function findKind(
  name: string,
  folder: string,
  builtin: ReadonlyMap<string, MachineKind>,
): Promise<MachineKind | string> {
  if (name.includes('/')) return loadMachineKind(path.resolve(folder, name));
  const known = [...builtin.keys()];
  const hint = didYouMean(name, known) || `; there are ${known.join(', ')}, or a folder as ./${name}`;
  return builtin.get(name) ?? `no machine kind ${name}${hint}`;
}

/** The names of a batch, or why they cannot be. `before`: nodes that the rack has already. */
function namesOf({ names, count }: Batch, rack: string, before: number): readonly string[] | string {
  if (names === undefined) {
    return Array.from({ length: count ?? 1 }, (_, index) => `${rack}-n${String(before + index + 1).padStart(2, '0')}`);
  }
  const range = expandRange(names);
  if (!range.ok) return `expected ${range.expected}, found ${range.found}`;
  if (count === undefined || count === range.names.length) return range.names;
  return `expected ${count} names, as count says, found ${range.names.length}`;
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new VfleetError({
      code: 'lab.machines',
      thing: file,
      expected: 'a machines file',
      found: ioReason(cause),
      next: 'name a file that can be read; docs/lab.md shows one',
      cause,
    });
  }
}

function problem(lines: readonly string[]): VfleetError {
  return new VfleetError({ code: 'lab.machines', thing: lines.join('\n'), next: 'correct the file' });
}
