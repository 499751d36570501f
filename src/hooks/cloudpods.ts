import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { VfleetError } from '../errors.ts';
import type { HookHost, HooksInput } from './hook.ts';

export const cloudpodsOptions = z.strictObject({
  /** Inventory variable with the id or name of the host in Cloudpods. Default: its name in the inventory. */
  idFrom: z.string().min(1).exactOptional(),
  /** Move running servers to other hosts. Default: true; false: only no new ones come. */
  migrate: z.boolean().exactOptional(),
  /** More options of `climc server-live-migrate`: `--skip-cpu-check`, `--prefer-host=node08`. */
  options: z.array(z.string().startsWith('--')).exactOptional(),
  /** As `1h`. */
  timeout: z.string().exactOptional(),
});

/** How a Cloudpods node is drained. */
export type CloudpodsOptions = z.infer<typeof cloudpodsOptions>;

/** Milliseconds between two looks at what is left on the host. */
const pause = 5_000;

/**
 * Hooks for a Cloudpods node, by its command-line client `climc` on the controller, which is logged in by its environment:
 * the host is disabled and its running servers are moved away; after the reboot it is enabled again.
 * Source: "VM migration" and "Enable/disable hosts" of the Cloudpods documentation; climc, `cmd/climc/shell/compute`.
 *
 * @example
 * playbook({ name: 'PCI passthrough', hooks: cloudpods({ options: ['--skip-cpu-check'] }) })
 */
export function cloudpods({ idFrom, migrate = true, options = [], timeout }: CloudpodsOptions = {}): HooksInput {
  const limit = timeout === undefined ? {} : { timeout };
  return {
    drain: {
      run: async (host) => {
        const id = idOf(host, idFrom);
        await setEnabled(host, id, false);
        if (migrate) await moveAway(host, id, options);
      },
      about: `Cloudpods: disables the host${migrate ? ', moves its running servers away' : ''}`,
      ...limit,
    },
    undrain: {
      run: (host) => setEnabled(host, idOf(host, idFrom), true),
      about: 'Cloudpods: enables the host',
      ...limit,
    },
  };
}

/**
 * Enables or disables the host, and reads back that it is so: of a batch, and this is one, climc only prints what failed, and
 * exits 0. Source: `BatchPerform` in Cloudpods, `cmd/climc/shell`; `PrintJSONBatchResults`, `pkg/util/printutils`.
 */
async function setEnabled(host: HookHost, id: string, wanted: boolean): Promise<void> {
  const command = wanted ? 'host-enable' : 'host-disable';
  const said = await host.controller('climc', command, id);
  const found = rowsOf(await host.controller('climc', 'host-show', id)).find(([field]) => field === 'enabled')?.[1];
  if (found === String(wanted)) return;
  const reason = rowsOf(said).at(-1)?.join(' ') ?? '';
  throw new VfleetError({
    code: 'hook.cloudpods',
    thing: `climc ${command} ${id}`,
    expected: `enabled: ${wanted}`,
    found: [`enabled: ${found ?? 'not said'}`, reason].filter(Boolean).join('; climc said: '),
    next: 'look with `climc host-show`',
  });
}

/** Asks for the migration of each running server once, and waits until none is left. */
async function moveAway(host: HookHost, id: string, options: readonly string[]): Promise<void> {
  const asked = new Set<string>();
  for (;;) {
    const list = await host.controller('climc', 'server-list', '--host', id, '--admin', '--system', '--limit', '2048');
    const servers = parseServers(list).filter(({ status }) => status !== 'ready');
    if (servers.length === 0) return;
    const failed = servers.find((server) => asked.has(server.id) && server.status === 'migrate_failed');
    if (failed !== undefined) throw notMoved(failed.id);
    for (const server of servers) {
      if (asked.has(server.id) || (server.status !== null && server.status !== 'running')) continue;
      asked.add(server.id);
      host.say(`climc server-live-migrate ${server.id}`);
      await host.controller('climc', 'server-live-migrate', ...options.flatMap(words), server.id);
    }
    host.say(`${servers.length} left on the host`);
    await sleep(pause, undefined, { signal: host.signal });
  }
}

/** climc knows no `--name=value`: the value is a word of its own. Source: structarg, `ParseArgs2`. */
function words(option: string): readonly string[] {
  const at = option.indexOf('=');
  return at === -1 ? [option] : [option.slice(0, at), option.slice(at + 1)];
}

function notMoved(server: string): VfleetError {
  return new VfleetError({
    code: 'hook.cloudpods',
    thing: `climc server-live-migrate ${server}`,
    expected: 'that it moves to another host',
    found: 'migrate_failed',
    next: 'look at its tasks in Cloudpods',
  });
}

interface Server {
  readonly id: string;
  /** `null`: the table does not say. */
  readonly status: string | null;
}

/** Rows of the table that climc prints: cells between `|`, of which one is an id. Pure. */
export function parseServers(table: string): readonly Server[] {
  const rows = rowsOf(table);
  const status = rows[0]?.findIndex((cell) => cell.toLowerCase() === 'status') ?? -1;
  return rows.flatMap((cells) => {
    const id = cells.find((cell) => /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(cell));
    return id === undefined ? [] : [{ id, status: status === -1 ? null : (cells[status] ?? null) }];
  });
}

/** Cells of each row of a table: those between the first `|` and the last. */
function rowsOf(table: string): readonly (readonly string[])[] {
  return table.split('\n').flatMap((line) => {
    const cells = line.split('|').map((cell) => cell.trim());
    return cells.length > 2 ? [cells.slice(1, -1)] : [];
  });
}

function idOf(host: HookHost, idFrom: string | undefined): string {
  const id = idFrom === undefined ? host.name : host.vars[idFrom];
  if (typeof id === 'string' && /^[^-]/.test(id)) return id;
  throw new VfleetError({
    code: 'hook.cloudpods',
    thing: `variable ${idFrom ?? 'name'}`,
    expected: 'the id or name of the host in Cloudpods',
    found: id === undefined ? 'none' : JSON.stringify(id),
    next: 'add it to the inventory',
  });
}
