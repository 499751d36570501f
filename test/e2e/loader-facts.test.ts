import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Facts } from '../../src/facts/facts.ts';
import { logIn } from '../lab/client.ts';
import { type Fleet, startFleet } from './fleet.ts';

const kinds = ['debian-12-systemd-boot', 'proxmox-8-zfs', 'fedora-coreos-ostree', 'installer-prepared'] as const;
let fleet: Fleet;

beforeAll(async () => {
  fleet = await startFleet(kinds.map((kind) => ({ name: kind, kind })));
}, 180_000);
afterAll(() => fleet?.stop());

async function factsOf(name: string): Promise<Facts> {
  const { host } = await fleet.one('facts', name);
  if (host.facts === null) throw new Error(`no facts of ${name}`);
  return host.facts;
}

async function run(name: string, command: string): Promise<string> {
  const client = await logIn(fleet.lab, name);
  const ran = await client.run(command);
  client.end();
  expect(ran.stderr).toBe('');
  return ran.stdout;
}

const kernelsOf = ({ boot }: Facts) =>
  boot.entries?.map(({ kernel, default: first }) => `${kernel}${first ? ' *' : ''}`) ?? null;

it('of systemd-boot: its entries, and the one that boots next', async () => {
  const name = 'debian-12-systemd-boot';
  const facts = await factsOf(name);
  expect(facts.boot).toMatchObject({
    loader: 'systemd-boot',
    loaderEvidence: 'EFI variable LoaderInfo: systemd-boot 252.39-1~deb12u2',
    configPath: '/boot/efi/loader/entries',
    initramfs: 'initramfs-tools',
  });
  expect(kernelsOf(facts)).toEqual(['6.1.0-18-amd64 *', '6.1.0-17-amd64']);
  expect(facts.kernel).toMatchObject({ running: '6.1.0-18-amd64', next: '6.1.0-18-amd64' });
  await run(name, 'printf "default debian-6.1.0-17-*\\n" >>/boot/efi/loader/loader.conf');
  const changed = await factsOf(name);
  expect(kernelsOf(changed)).toEqual(['6.1.0-18-amd64', '6.1.0-17-amd64 *']);
  expect(changed.kernel).toMatchObject({ running: '6.1.0-18-amd64', next: '6.1.0-17-amd64' });
  // The id ends with .conf: this names nothing.
  await run(name, 'printf "default debian-6.1.0-17-amd64\\n" >>/boot/efi/loader/loader.conf');
  expect((await factsOf(name)).kernel.next).toBe('6.1.0-18-amd64');
  await run(name, 'rm /boot/efi/debian/6.1.0-18-amd64/linux');
  expect(kernelsOf(await factsOf(name))).toEqual(['6.1.0-17-amd64 *']);
  await run(name, 'sed -i "1i architecture aa64" /boot/efi/loader/entries/debian-6.1.0-17-amd64.conf');
  expect(kernelsOf(await factsOf(name))).toEqual([]);
});

it('of proxmox-boot-tool: the entries of partitions that nothing mounts, and what a refresh makes of them', async () => {
  const name = 'proxmox-8-zfs';
  const facts = await factsOf(name);
  expect(facts.boot).toMatchObject({
    loader: 'proxmox-boot-tool',
    running: 'initrd=\\EFI\\proxmox\\6.8.12-4-pve\\initrd.img-6.8.12-4-pve root=ZFS=rpool/ROOT/pve-1 boot=zfs',
  });
  expect(kernelsOf(facts)?.slice(0, 2)).toEqual(['6.8.12-4-pve *', '6.8.12-1-pve']);
  expect(facts.kernel).toMatchObject({ running: '6.8.12-4-pve', next: '6.8.12-4-pve' });
  await run(name, 'proxmox-boot-tool kernel pin 6.8.12-1-pve && proxmox-boot-tool refresh 2>/dev/null');
  expect((await factsOf(name)).kernel).toMatchObject({ running: '6.8.12-4-pve', next: '6.8.12-1-pve' });
  expect(await run(name, 'cat /proc/mounts')).not.toContain('vfat');
  const gone = 'mkdir -p /mnt/esp && mount UUID=6D31-87F4 /mnt/esp && rm /mnt/esp/EFI/proxmox/6.8.12-1-pve/vmlinuz-*';
  await run(name, `${gone} && umount /mnt/esp`);
  expect(kernelsOf(await factsOf(name))).toEqual(['6.8.12-4-pve *', '6.8.12-4-pve', '6.8.12-1-pve']);
});

it('of ostree: deployments, newest first', async () => {
  const facts = await factsOf('fedora-coreos-ostree');
  expect(facts.boot).toMatchObject({ loader: 'ostree', configPath: '/boot/loader/entries' });
  expect(kernelsOf(facts)).toEqual(['6.14.11-300.fc42.x86_64 *', '6.14.9-300.fc42.x86_64']);
  expect(facts.kernel).toMatchObject({ running: '6.14.11-300.fc42.x86_64', next: '6.14.11-300.fc42.x86_64' });
});

it('of a host that the installer prepared: GRUB, its own kernel first, its hook and blacklist', async () => {
  const facts = await factsOf('installer-prepared');
  expect(facts.boot).toMatchObject({ loader: 'grub2-mkconfig', configPath: '/boot/grub2/grub.cfg' });
  expect(facts.kernel.next).toBe('3.10.0-1160.6.1.el7.yn20201125.x86_64');
  expect(facts.boot.running).toContain(' resume=UUID=UUID=');
  expect(facts.pci.filter(({ driver }) => driver === 'vfio-pci').map(({ address }) => address)).toEqual([
    '0000:06:00.0',
    '0000:82:00.0',
  ]);
});
