import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { VfleetError } from '../errors.ts';
import type { HookHost, HooksInput } from './hook.ts';

export const cloudpodsOptions = z.strictObject({
  /** Inventory variable with the id or name of the host in Cloudpods. Default: its name in the inventory. */
  idFrom: z.string().min(1).exactOptional(),
  /** Move running servers to other hosts. Default: true; false: only no new ones come. */
  migrate: z.boolean().exactOptional(),
  /** More options of `climc server-live-migrate`: `--skip-cpu-check`. */
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
        await host.controller('climc', 'host-disable', id);
        if (migrate) await moveAway(host, id, options);
      },
      about: `Cloudpods: disables the host${migrate ? ', moves its running servers away' : ''}`,
      ...limit,
    },
    undrain: {
      run: async (host) => void (await host.controller('climc', 'host-enable', idOf(host, idFrom))),
      about: 'Cloudpods: enables the host',
      ...limit,
    },
  };
}

/** Asks for the migration of each running server once, and waits until none is left. */
async function moveAway(host: HookHost, id: string, options: readonly string[]): Promise<void> {
  const asked = new Set<string>();
  for (;;) {
    const list = await host.controller('climc', 'server-list', '--host', id, '--admin', '--system', '--limit', '2048');
    const servers = parseServers(list).filter(({ status }) => status !== 'ready');
    if (servers.length === 0) return;
    for (const server of servers) {
      if (asked.has(server.id) || (server.status !== null && server.status !== 'running')) continue;
      asked.add(server.id);
      host.say(`climc server-live-migrate ${server.id}`);
      await host.controller('climc', 'server-live-migrate', ...options, server.id);
    }
    host.say(`${servers.length} left on the host`);
    await sleep(pause, undefined, { signal: host.signal });
  }
}

interface Server {
  readonly id: string;
  /** `null`: the table does not say. */
  readonly status: string | null;
}

/** Rows of the table that climc prints: cells between `|`, of which one is an id. Pure. */
export function parseServers(table: string): readonly Server[] {
  const rows = table.split('\n').flatMap((line) => {
    const cells = line.split('|').map((cell) => cell.trim());
    return cells.length > 2 ? [cells] : [];
  });
  const status = rows[0]?.findIndex((cell) => cell.toLowerCase() === 'status') ?? -1;
  return rows.flatMap((cells) => {
    const id = cells.find((cell) => /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(cell));
    return id === undefined ? [] : [{ id, status: status === -1 ? null : (cells[status] ?? null) }];
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
