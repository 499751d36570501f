import { access } from 'node:fs/promises';
import { join } from 'node:path';
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

/** A playbook, the hosts that it is for, and its validated variables: all that is known before any host is touched. */
export interface Work {
  readonly path: string;
  readonly playbook: Playbook;
  readonly fleet: Fleet;
  readonly vars: ReadonlyMap<string, unknown>;
}

/** Loads the playbook and the fleet and validates the variables of every host. */
export async function loadWork(playbook: string, args: InventoryArguments, environment: Environment): Promise<Work> {
  const path = await locate(playbook);
  const loaded = await loadPlaybook(path, { api, cache: join(environment.cacheHome, 'playbooks') });
  const fleet = await loadFleet(args, environment);
  for (const warning of [...fleet.inventory.warnings, ...nearMisses(fleet.hosts, declaredVars(loaded))]) warn(warning);
  return { path, playbook: loaded, fleet, vars: validateVars(loaded, fleet.hosts) };
}

/** What a saved plan is made of. */
export async function pinsOf({ path, vars }: Work, version: string): Promise<Pins> {
  return {
    vfleet: version,
    playbook: path,
    playbookDigest: await digestPlaybook(path),
    templatesDigest: await digestFolder(fileURLToPath(new URL('templates/', root))),
    varsDigests: Object.fromEntries(
      [...vars].map(([host, values]) => [host, sha256(JSON.stringify(values) ?? 'null')]),
    ),
  };
}

/** A file, or the name of a playbook that comes with the package: `passthrough`. */
async function locate(playbook: string): Promise<string> {
  const shipped = fileURLToPath(new URL(`playbooks/${playbook.replace(/\.ts$/, '')}.ts`, root));
  const isName = /^[\w-]+(?:\.ts)?$/.test(playbook);
  if (await exists(playbook)) return playbook;
  return isName && (await exists(shipped)) ? shipped : playbook;
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
