import { lstat, readFile, rename, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { LabNode } from '../../src/lab/node.ts';
import { type Fleet, startFleet } from './fleet.ts';
import { contents, undo } from './undo-steps.ts';

let fleet: Fleet;
beforeAll(async () => {
  fleet = await startFleet([
    { name: 'coded', kind: 'ubuntu-22.04-intel' },
    { name: 'linked', kind: 'ubuntu-22.04-intel' },
  ]);
}, 120_000);
afterAll(() => fleet?.stop());

const config = 'boot/grub/grub.cfg';
const at = (node: LabNode, file: string): string => path.join(node.root, file);
const read = (node: LabNode, file: string): Promise<string> => readFile(at(node, file), 'utf8');

it('arguments that only the boot entries have are not dropped where code configures some either', async () => {
  const node = fleet.lab.node('coded');
  const settings = await read(node, 'etc/default/grub');
  const code = 'if [ -e /etc/site ]; then GRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX site=1"; fi\n';
  await writeFile(at(node, 'etc/default/grub'), `${settings}${code}`);
  const text = (await read(node, config)).replace(/^(\s*linux\s.*)$/m, '$1 net.ifnames=0');
  await writeFile(at(node, config), text);
  for (let times = 0; times < 2; times += 1) {
    const { host, code } = await fleet.one('apply', node.name);
    expect([host.failure?.code, host.state, code]).toEqual(['boot.lost-arguments', 'refused', 3]);
    expect(host.failure?.found).toMatch(/boot entry "Ubuntu" has net\.ifnames=0, which/);
    expect(await read(node, config)).toBe(text);
    expect(Object.keys(await contents(node, ['boot'])).filter((file) => file.includes('vfleet-new'))).toEqual([]);
  }
  expect(node.counters.reboots).toBe(0);
  // Configured by the administrator, it goes on from there.
  await writeFile(
    at(node, 'etc/default/grub'),
    `${settings}${code}GRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX net.ifnames=0"\n`,
  );
  const { host } = await fleet.one('apply', node.name);
  expect([host.failure?.message ?? null, node.counters.reboots]).toEqual([null, 1]);
  expect(await read(node, 'proc/cmdline')).toMatch(/net\.ifnames=0.*intel_iommu=on|intel_iommu=on.*net\.ifnames=0/);
  const undone = await undo(fleet, node);
  expect(undone.host.failure?.message ?? null).toBeNull();
  expect(await read(node, config)).not.toContain('intel_iommu');
  expect(await read(node, config)).toContain('net.ifnames=0');
});

it('a grub.cfg that is a symbolic link stays one, through apply and undo', async () => {
  const node = fleet.lab.node('linked');
  const real = 'boot/grub/real.cfg';
  await rename(at(node, config), at(node, real));
  await symlink('real.cfg', at(node, config));
  const before = await read(node, real);
  const { host } = await fleet.one('apply', node.name);
  expect([host.failure?.message ?? null, host.state, host.reboots]).toEqual([null, 'ok', 1]);
  expect((await lstat(at(node, config))).isSymbolicLink()).toBe(true);
  expect(await read(node, real)).toContain('intel_iommu=on');
  expect((await fleet.one('apply', node.name)).host).toMatchObject({ state: 'ok', writes: 0, reboots: 0 });
  expect((await undo(fleet, node)).host.failure?.message ?? null).toBeNull();
  expect((await lstat(at(node, config))).isSymbolicLink()).toBe(true);
  expect(await read(node, real)).toBe(before);
});
