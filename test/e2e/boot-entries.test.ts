import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { logIn } from '../lab/client.ts';
import { type Fleet, startFleet } from './fleet.ts';

const intel = 'intel_iommu=on iommu=pt vfio_iommu_type1.allow_unsafe_interrupts=1';
const amd = 'iommu=pt vfio_iommu_type1.allow_unsafe_interrupts=1';

/** Enterprise Linux and SUSE: what runs afterwards, and the stub on the EFI system partition, which is nobody's to write. */
const kinds = [
  { kind: 'rocky-8-intel', line: intel, virqfd: true, stub: null },
  { kind: 'rocky-8-amd', line: amd, virqfd: true, stub: null },
  { kind: 'rocky-9.2-amd', line: amd, virqfd: true, stub: 'boot/efi/EFI/rocky/grub.cfg' },
  { kind: 'rocky-9.4-intel', line: intel, virqfd: false, stub: null },
  { kind: 'rocky-9.4-amd', line: amd, virqfd: false, stub: 'boot/efi/EFI/rocky/grub.cfg' },
  { kind: 'rhel-9.4-maas', line: intel, virqfd: false, stub: null },
  { kind: 'sles-15-intel', line: intel, virqfd: true, stub: 'boot/efi/EFI/sles/grub.cfg' },
] as const;
const nodeOf = (kind: string): string => kind.replaceAll('.', '');

let fleet: Fleet;
beforeAll(async () => {
  fleet = await startFleet(kinds.map(({ kind }) => ({ name: nodeOf(kind), kind })));
}, 120_000);
afterAll(() => fleet?.stop());

const read = (kind: string, file: string): Promise<string> =>
  readFile(path.join(fleet.lab.node(nodeOf(kind)).root, file), 'utf8');

async function run(kind: string, command: string): Promise<string> {
  const client = await logIn(fleet.lab, nodeOf(kind));
  const ran = await client.run(command);
  client.end();
  expect(ran.end).toBe(0);
  return ran.stdout;
}

async function reboot(kind: string): Promise<void> {
  const node = fleet.lab.node(nodeOf(kind));
  const client = await logIn(fleet.lab, node.name);
  void client.run('reboot');
  await client.closed;
  await node.until('up');
}

describe.each(kinds)('passthrough on $kind', ({ kind, line, virqfd, stub }) => {
  it('facts tell the boot loader, the file that it reads, and what the next boot has', async () => {
    const { facts } = (await fleet.one('facts', nodeOf(kind))).host;
    const { settings } = fleet.lab.node(nodeOf(kind)).kind;
    expect(facts?.boot).toMatchObject({ loader: settings.boot.loader, configPath: settings.boot.config });
    const chosen = facts?.boot.entries?.filter((entry) => entry.default) ?? [];
    const newest = settings.kernels.at(-1)?.release;
    expect([chosen.map(({ kernel }) => kernel), facts?.kernel.next]).toEqual([[newest], newest]);
    // As it ran when nothing had been changed yet: variables are resolved.
    const running = (await read(kind, 'proc/cmdline')).trim().split(' ').slice(1);
    expect(chosen[0]?.arguments.split(' ').filter(Boolean)).toEqual(running);
  });

  it('one apply, one reboot, every argument once, and a second apply finds nothing', async () => {
    const handsOff = stub === null ? null : await read(kind, stub);
    const { host } = await fleet.one('apply', nodeOf(kind));
    expect([host.failure, host.state, host.reboots]).toEqual([null, 'ok', 1]);
    const running = (await read(kind, 'proc/cmdline')).trim().split(' ');
    for (const token of line.split(' ')) expect(running.filter((word) => word === token)).toHaveLength(1);
    expect((await read(kind, 'etc/modules-load.d/vfio.conf')).includes('vfio_virqfd')).toBe(virqfd);
    expect(await run(kind, 'systemctl --failed --no-legend --plain')).toBe('');
    expect(await fleet.one('verify', nodeOf(kind))).toMatchObject({ code: 0 });
    const second = await fleet.one('apply', nodeOf(kind));
    expect(second.host).toMatchObject({ state: 'ok', writes: 0, reboots: 0 });
    if (stub !== null) expect(await read(kind, stub)).toBe(handsOff);
  });

  it('the distribution’s own tool, run afterwards, keeps them', async () => {
    const config = fleet.lab.node(nodeOf(kind)).kind.settings.boot.config;
    const flag = /--update-bls-cmdline/.test(await run(kind, 'grub2-mkconfig --help')) ? '--update-bls-cmdline' : '';
    await run(kind, `grub2-mkconfig ${flag} -o /tmp/grub.cfg && cat /tmp/grub.cfg >${config}`);
    await reboot(kind);
    expect((await read(kind, 'proc/cmdline')).trim().split(' ')).toEqual(expect.arrayContaining(line.split(' ')));
  });
});

it('on rocky-9.4-intel the kernel that was waiting has booted, and modules are decided for it', async () => {
  expect(await run('rocky-9.4-intel', 'uname -r')).toBe('5.14.0-427.42.1.el9_4.x86_64\n');
});

it('on rocky-9.4-amd the entry keeps tuned’s variable, as what later kernels get does', async () => {
  const fresh = await startFleet([{ name: 'tuned', kind: 'rocky-9.4-amd' }]);
  try {
    expect((await fresh.one('apply', 'tuned')).host.state).toBe('ok');
    const { root } = fresh.lab.node('tuned');
    const folder = path.join(root, 'boot/loader/entries');
    const [, entry = ''] = (await readdir(folder)).sort();
    expect(await readFile(path.join(folder, entry), 'utf8')).toMatch(/^options .* quiet \$tuned_params iommu=pt /m);
    expect(await readFile(path.join(root, 'etc/kernel/cmdline'), 'utf8')).toContain(' $tuned_params iommu=pt ');
    expect(await readFile(path.join(root, 'proc/cmdline'), 'utf8')).toMatch(/ skew_tick=1 .* iommu=pt /);
  } finally {
    await fresh.stop();
  }
});
