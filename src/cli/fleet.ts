import { readExtraVars, withExtraVars } from '../inventory/extra-vars.ts';
import type { Inventory, InventoryHost } from '../inventory/host.ts';
import { loadInventory } from '../inventory/load.ts';
import { select } from '../inventory/select.ts';
import type { Environment } from './environment.ts';
import type { InventoryArguments } from './options.ts';

/** The hosts that a command is about. */
export interface Fleet {
  readonly inventory: Inventory;
  /** Those that the limit names, `-e` laid over. */
  readonly hosts: readonly InventoryHost[];
  readonly extraVars: readonly string[];
}

/** Loads the inventory, applies `-e` and `-l`. Errors: those of the inventory. */
export async function loadFleet(args: InventoryArguments, environment: Environment): Promise<Fleet> {
  const inventory = await loadInventory(args.inventory ?? environment.inventory, {
    home: environment.home,
    user: environment.user,
  });
  const extraVars = args.extraVars ?? [];
  const extra = readExtraVars(extraVars);
  const selected = args.limit === undefined ? inventory.hosts : select(inventory, args.limit);
  return { inventory, hosts: selected.map((host) => withExtraVars(host, extra)), extraVars };
}
