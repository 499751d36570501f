import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll } from 'vitest';
import { VfleetError } from '../../src/errors.ts';
import type { Inventory, InventoryHost } from '../../src/inventory/host.ts';
import { loadInventory } from '../../src/inventory/load.ts';

const folders: string[] = [];

afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** A folder with these files, removed after the test file. */
export function folderOf(files: Readonly<Record<string, string | Buffer>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'vfleet-inventory-'));
  folders.push(folder);
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
  return folder;
}

export const HOME = '/home/operator';

/** Loads a folder of files, or one of them. */
export async function load(files: Readonly<Record<string, string | Buffer>>, path = ''): Promise<Inventory> {
  return loadInventory(join(folderOf(files), path), { home: HOME, user: 'operator' });
}

/** Loads one inventory file. */
export async function loadText(text: string): Promise<Inventory> {
  return load({ 'racks.yaml': text }, 'racks.yaml');
}

/** What a load complains about, one line each, with the folder taken off; nothing when it succeeds. */
export async function complaints(
  files: Readonly<Record<string, string | Buffer>>,
  path = '',
): Promise<readonly string[]> {
  const folder = folderOf(files);
  try {
    await loadInventory(join(folder, path), { home: HOME, user: 'operator' });
    return [];
  } catch (error) {
    if (!(error instanceof VfleetError)) throw error;
    return error.message.replaceAll(`${folder}/`, '').replaceAll(folder, '.').split('\n');
  }
}

/** What a load of one file complains about. */
export async function complaintsOf(text: string): Promise<readonly string[]> {
  return complaints({ 'racks.yaml': text }, 'racks.yaml');
}

/** The host of that name. */
export function hostNamed(inventory: Inventory, name: string): InventoryHost {
  const host = inventory.hosts.find((one) => one.name === name);
  if (host === undefined) throw new Error(`no host ${name}`);
  return host;
}

/** The names of hosts. */
export function namesOf(hosts: readonly InventoryHost[]): readonly string[] {
  return hosts.map((host) => host.name);
}

/** What a function throws. */
export function thrownBy(run: () => unknown): VfleetError {
  try {
    run();
  } catch (error) {
    if (error instanceof VfleetError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}
