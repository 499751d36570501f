import { access, constants, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { VfleetError } from '../errors.ts';
import { foldNames } from '../names.ts';
import { type Pins, planSchema, planVersion, type SavedPlan } from './plan-document.ts';

export type { Pins, SavedPlan } from './plan-document.ts';

/**
 * Looks whether a plan can be written there, before hosts are asked for it. Errors: `plan.unwritable`, also for a file
 * that is no plan: a slip must not cost somebody a playbook.
 */
export async function checkPlanPath(path: string): Promise<void> {
  const found = await stat(path).catch(() => null);
  const stands = found === null ? null : await standing(path, found);
  if (stands !== null) throw unwritable(path, stands, 'name another file');
  try {
    // With the slash it must be a folder.
    await access(`${dirname(path)}/`, constants.W_OK);
  } catch (thrown) {
    throw unwritable(path, reason(thrown), 'name a file in a folder that can be written');
  }
}

async function standing(path: string, found: Awaited<ReturnType<typeof stat>>): Promise<string | null> {
  if (found.isDirectory()) return 'a folder';
  if (!found.isFile()) return 'something that is no file';
  return found.size === 0 || (await isSavedPlan(path)) ? null : 'a file that is no plan';
}

/** Writes a plan, readable only by its owner, whole or not at all. Errors: `plan.unwritable`. */
export async function savePlan(path: string, plan: Omit<SavedPlan, 'version'>): Promise<void> {
  const beside = `${path}.${process.pid}.new`;
  try {
    const handle = await open(beside, 'w', 0o600);
    try {
      await handle.writeFile(`${JSON.stringify({ version: planVersion, ...plan }, null, 1)}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(beside, path);
  } catch (thrown) {
    await rm(beside, { force: true }).catch(() => {});
    throw unwritable(path, reason(thrown), 'mend that and plan again');
  }
}

/** Whether a file is meant as a saved plan, damaged or not, rather than as a playbook: no playbook begins with `{`. */
export async function isSavedPlan(path: string): Promise<boolean> {
  const text = await readFile(path, 'utf8').catch(() => '');
  return text.trimStart().startsWith('{');
}

/** Reads a plan. Errors: `plan.unreadable`, `plan.newer`. */
export async function readPlan(path: string): Promise<SavedPlan> {
  const found = parseJson(await readFile(path, 'utf8'));
  const parsed = planSchema.safeParse(found);
  if (parsed.success) return parsed.data;
  const stored = z.object({ version: z.number() }).safeParse(found);
  const newer = stored.success && stored.data.version > planVersion;
  const [issue] = parsed.error.issues;
  throw new VfleetError({
    code: newer ? 'plan.newer' : 'plan.unreadable',
    thing: path,
    expected: `a plan of version ${planVersion}, as \`vfleet plan --out\` writes it`,
    found: newer
      ? `version ${stored.data.version}, written by a newer vfleet`
      : found === undefined
        ? 'a damaged one: it is no whole JSON text'
        : `another document or a damaged one (${issue?.path.join('.') || 'document'}: ${issue?.message ?? 'unknown'})`,
    next: newer ? 'apply it with that vfleet, or make it again' : 'make it again with `vfleet plan --out`',
  });
}

/** Refuses a plan that was made of something else. Errors: `plan.pins`. */
export function comparePins(path: string, planned: Pins, now: Pins): void {
  const differing = (['vfleet', 'playbookDigest', 'templatesDigest'] as const).find((pin) => planned[pin] !== now[pin]);
  const hosts = Object.keys(planned.varsDigests).filter((name) => planned.varsDigests[name] !== now.varsDigests[name]);
  if (differing === undefined && hosts.length === 0) return;
  const next = 'make the plan again with `vfleet plan --out`; no host was touched';
  const refused = (thing: string, found: string): VfleetError =>
    new VfleetError({ code: 'plan.pins', thing: path, expected: `${thing} as when it was made`, found, next });
  switch (differing) {
    case 'vfleet':
      throw refused('the version of vfleet', `${now.vfleet} instead of ${planned.vfleet}`);
    case 'playbookDigest':
      throw refused(`the playbook ${planned.playbook}`, 'that it or a file that it uses has changed since');
    case 'templatesDigest':
      throw refused('the templates of vfleet', 'that one has changed since');
    case undefined:
      throw refused(`the variables of ${foldNames(hosts).join(', ')}`, 'others');
  }
}

function unwritable(path: string, found: string, next: string): VfleetError {
  return new VfleetError({ code: 'plan.unwritable', thing: path, expected: 'a plan to be written there', found, next });
}

function reason(thrown: unknown): string {
  const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : '';
  const known: Readonly<Record<string, string>> = {
    ENOENT: 'no such folder',
    ENOTDIR: 'no such folder',
    EACCES: 'that it may not be written',
    EPERM: 'that it may not be written',
    EROFS: 'a read-only file system',
    ENOSPC: 'no space left',
  };
  return known[code] ?? (thrown instanceof Error ? thrown.message : String(thrown));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
