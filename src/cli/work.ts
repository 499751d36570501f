import { readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as api from '../index.ts';
import { nearMisses } from '../inventory/near-misses.ts';
import type { Playbook } from '../playbook/define.ts';
import { loadPlaybook } from '../playbook/load.ts';
import { digestFolder, digestPlaybook, sha256 } from '../playbook/pins.ts';
import type { Pins } from '../playbook/plan.ts';
import { declaredVars, validateVars } from '../playbook/vars.ts';
import type { Environment } from './environment.ts';
import { type Fleet, loadFleet } from './fleet.ts';
import type { InventoryArguments } from './options.ts';
import { warn } from './output.ts';

const root = new URL('../../', import.meta.url);
const shippedFolder = fileURLToPath(new URL('playbooks/', root));

/** A playbook, the hosts that it is for, and its validated variables: all that is known before any host is touched. */
export interface Work {
  /** The playbook as it was named: a path, or `passthrough`. */
  readonly name: string;
  readonly path: string;
  readonly playbook: Playbook;
  readonly fleet: Fleet;
  readonly vars: ReadonlyMap<string, unknown>;
  /** Hosts that were chosen, but are not among those that the work can be about. */
  readonly leftOut: readonly string[];
}

/** Loads the playbook and the fleet and validates the variables of every host. `among`: it can be about these alone. */
export async function loadWork(
  name: string,
  args: InventoryArguments,
  environment: Environment,
  among?: ReadonlySet<string>,
): Promise<Work> {
  const { path, playbook } = await loadNamed(name, environment);
  const all = await loadFleet(args, environment);
  const hosts = all.hosts.filter((host) => among?.has(host.name) ?? true);
  const leftOut = all.hosts.filter((host) => !hosts.includes(host)).map((host) => host.name);
  for (const warning of [...all.inventory.warnings, ...nearMisses(hosts, declaredVars(playbook) ?? [])]) warn(warning);
  return { name, path, playbook, fleet: { ...all, hosts }, vars: validateVars(playbook, hosts), leftOut };
}

/** Loads a playbook by its path, or by the name of one that comes with the package. */
export async function loadNamed(
  name: string,
  { cacheHome }: Pick<Environment, 'cacheHome'>,
): Promise<{ readonly path: string; readonly playbook: Playbook }> {
  const shipped = await shippedPlaybooks();
  const path = await locate(name, shipped);
  return { path, playbook: await loadPlaybook(path, { api, cache: join(cacheHome, 'playbooks'), shipped }) };
}

/** What a saved plan is made of. */
export async function pinsOf({ name, path, vars }: Work, version: string): Promise<Pins> {
  return {
    vfleet: version,
    playbook: name,
    playbookDigest: await digestPlaybook(path),
    templatesDigest: await digestFolder(fileURLToPath(new URL('templates/', root))),
    varsDigests: Object.fromEntries(
      [...vars].map(([host, values]) => [host, sha256(JSON.stringify(values) ?? 'null')]),
    ),
  };
}

/** Names of the playbooks that come with the package: `passthrough`. */
async function shippedPlaybooks(): Promise<readonly string[]> {
  const files = await readdir(shippedFolder).catch(() => []);
  return files.filter((file) => file.endsWith('.ts')).map((file) => basename(file, '.ts'));
}

/** A file, or else a playbook that comes with the package. */
async function locate(name: string, shipped: readonly string[]): Promise<string> {
  const found = await stat(name).catch(() => null);
  if (found?.isFile()) return name;
  const meant = name.replace(/\.ts$/, '');
  return shipped.includes(meant) ? join(shippedFolder, `${meant}.ts`) : name;
}
