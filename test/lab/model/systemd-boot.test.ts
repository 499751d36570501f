import { describe, expect, test } from 'vitest';
import { compareVersions } from '../../../src/lab/model/version-order.ts';
import { type Bench, bench } from './bench.ts';

const kind = 'debian-12-systemd-boot';
const entries = '/boot/efi/loader/entries';
const newest = `${entries}/debian-6.1.0-18-amd64.conf`;
const older = `${entries}/debian-6.1.0-17-amd64.conf`;

/** Puts something else for a text in a file, which must be there. */
function edit(machine: Bench, path: string, from: string | RegExp, to: string): void {
  const text = machine.read(path) ?? '';
  const edited = text.replace(from, to);
  expect(edited).not.toBe(text);
  machine.write(path, edited);
}

async function commandLine(machine: Bench): Promise<string> {
  expect(await machine.boot()).toMatchObject({ kind: 'up' });
  return machine.read('/proc/cmdline') ?? '';
}

async function released(machine: Bench): Promise<string> {
  expect(await machine.boot()).toMatchObject({ kind: 'up' });
  return (await machine.run('uname -r')).stdout.trim();
}

describe('systemd-boot', () => {
  test('takes the arguments of the newest entry, and nothing from /etc/kernel/cmdline', async () => {
    const machine = await bench(kind);
    expect(machine.read('/proc/cmdline')).toBe(
      'initrd=\\debian\\6.1.0-18-amd64\\initrd.img-6.1.0-18-amd64 root=UUID=0c2f6d1e-7a55-4e0c-9a53-2f6c1f1c9a10 ro quiet\n',
    );
    edit(machine, '/etc/kernel/cmdline', 'quiet', 'quiet iommu=pt');
    expect(await commandLine(machine)).not.toContain('iommu=pt');
    edit(machine, newest, 'quiet', 'quiet intel_iommu=on');
    expect(await commandLine(machine)).toContain(' quiet intel_iommu=on\n');
  });

  test('tells of itself in EFI variables', async () => {
    const machine = await bench(kind);
    const variable = (name: string) =>
      machine.read(`/sys/firmware/efi/efivars/${name}-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f`);
    expect(variable('LoaderInfo')?.slice(4, 14)).toBe('s\0y\0s\0t\0e\0');
    expect(variable('LoaderEntrySelected')?.replaceAll('\0', '')).toContain('debian-6.1.0-18-amd64.conf');
  });

  test.each([
    ['debian-6.1.0-17-*', '6.1.0-17-amd64'],
    ['DEBIAN-6.1.0-1[67]-amd64.conf', '6.1.0-17-amd64'],
    // The id ends with .conf: this pattern names nothing, and the first entry boots.
    ['debian-6.1.0-17-amd64', '6.1.0-18-amd64'],
  ])('default %s boots %s', async (pattern, release) => {
    const machine = await bench(kind);
    machine.write('/boot/efi/loader/loader.conf', `timeout 3\ndefault ${pattern}\n`);
    expect(await released(machine)).toBe(release);
  });

  test('a stored default goes before loader.conf, and one for the next boot before both, once', async () => {
    const machine = await bench(kind);
    await machine.run('bootctl set-default debian-6.1.0-17-amd64.conf');
    expect((await machine.run('bootctl list')).stdout).toContain('(6.1.0-17-amd64) (default)\n');
    machine.write('/boot/efi/loader/loader.conf', 'default debian-6.1.0-18-*\n');
    expect(await released(machine)).toBe('6.1.0-17-amd64');
    await machine.run('bootctl set-oneshot debian-6.1.0-18-amd64.conf');
    expect(await released(machine)).toBe('6.1.0-18-amd64');
    expect(await released(machine)).toBe('6.1.0-17-amd64');
  });

  test('passes over an entry whose kernel is not there; with none left the machine stays dead', async () => {
    const machine = await bench(kind);
    machine.remove('/boot/efi/debian/6.1.0-18-amd64/linux');
    expect(await released(machine)).toBe('6.1.0-17-amd64');
    machine.remove('/boot/efi/debian/6.1.0-17-amd64/linux');
    expect(await machine.boot()).toMatchObject({ kind: 'dead', reason: expect.stringContaining('No loader found') });
  });

  test.each([
    ['is cut off before its kernel', 'title      Debian\nversion    6.1.0-18-amd64\nsort-key   debian\nopt'],
    ['is empty', ''],
    [
      'is for another architecture',
      'title x\nsort-key debian\narchitecture aa64\nlinux /debian/6.1.0-18-amd64/linux\n',
    ],
  ])('passes over an entry that %s', async (_, text) => {
    const machine = await bench(kind);
    machine.write(newest, text);
    expect(await released(machine)).toBe('6.1.0-17-amd64');
  });

  test('an entry without its arguments, or with an initramfs that is not there, is the end of the boot', async () => {
    const machine = await bench(kind);
    edit(machine, newest, /^options.*\n/m, '');
    expect(await machine.boot()).toMatchObject({ kind: 'dead', reason: expect.stringContaining('root=') });
    machine.write(newest, machine.read(older)?.replaceAll('6.1.0-17', '6.1.0-18') ?? '');
    machine.remove('/boot/efi/debian/6.1.0-18-amd64/initrd.img-6.1.0-18-amd64');
    expect(await machine.boot()).toMatchObject({ kind: 'dead', reason: expect.stringContaining('load initrd') });
  });

  test('counts the tries of an entry down, and takes the counter away when the boot was good', async () => {
    const machine = await bench(kind);
    const counted = newest.replace('.conf', '+2.conf');
    machine.write(counted, machine.read(newest)?.replace(/ ro quiet/, ' ro rescue') ?? '');
    machine.remove(newest);
    expect(await machine.boot()).toMatchObject({ kind: 'dead' });
    expect(machine.list(entries)).toContain('debian-6.1.0-18-amd64+1-1.conf');
    expect(await machine.boot()).toMatchObject({ kind: 'dead' });
    // No tries left: the other entry goes first.
    expect(await released(machine)).toBe('6.1.0-17-amd64');
    const spent = `${entries}/debian-6.1.0-18-amd64+0-2.conf`;
    machine.write(counted, machine.read(spent)?.replace(' rescue', '') ?? '');
    machine.remove(spent);
    expect(await released(machine)).toBe('6.1.0-18-amd64');
    expect(machine.list(entries)).toContain('debian-6.1.0-18-amd64.conf');
  });

  test('boots from its own copy of the initramfs, which update-initramfs renews by its hook', async () => {
    const machine = await bench(kind);
    machine.write('/etc/initramfs-tools/modules', 'vfio_pci\n');
    await machine.run('chmod -x "$LAB_ROOT/etc/initramfs/post-update.d/systemd-boot"; update-initramfs -u -k all');
    await machine.boot();
    expect((await machine.run('lsmod')).stdout).not.toContain('vfio_pci');
    await machine.run('chmod +x "$LAB_ROOT/etc/initramfs/post-update.d/systemd-boot"');
    expect(await machine.run('update-initramfs -u -k all')).toMatchObject({ code: 0, stderr: '' });
    await machine.boot();
    expect((await machine.run('lsmod')).stdout).toContain('vfio_pci');
  });

  test('kernel-install writes an entry with the arguments of /etc/kernel/cmdline', async () => {
    const machine = await bench(kind);
    const before = machine.read(newest);
    const install = 'kernel-install add 6.1.0-18-amd64 /boot/vmlinuz-6.1.0-18-amd64';
    expect(await machine.run(install)).toMatchObject({ code: 0, stderr: '' });
    expect(machine.read(newest)).toBe(before);
    edit(machine, '/etc/kernel/cmdline', 'quiet', 'quiet iommu=pt');
    await machine.run(install);
    expect(await commandLine(machine)).toContain(' quiet iommu=pt\n');
  });

  /** Entries as they were put before systemd-boot 252.39 in a virtual machine, and its menu. */
  const seen: readonly (readonly [name: string, text: string])[] = [
    ['debian-6.1.0-18.conf', 'sort-key debian\nversion 6.1.0-18\n'],
    ['debian-6.1.0-9.conf', 'sort-key debian\nversion 6.1.0-9\n'],
    ['debian-6.1.0-20+2.conf', 'sort-key debian\nversion 6.1.0-20\n'],
    ['debian-6.1.0-30+0-3.conf', 'sort-key debian\nversion 6.1.0-30\n'],
    ['zz-10.conf', 'version 10\n'],
    ['zz-9.conf', 'version 99\n'],
    ['bb.conf', 'sort-key a\narchitecture aa64\n'],
    ['CC.CONF', 'sort-key e\n'],
  ];
  test.each([
    ['debian-6.1.0-9', 'debian-6.1.0-20+2.conf'],
    ['DEBIAN-6.1.0-9.conf', 'debian-6.1.0-9.conf'],
    ['debian-6.1.0-20.conf', 'debian-6.1.0-20+2.conf'],
    ['debian-6.1.0-[8-9]*', 'debian-6.1.0-9.conf'],
  ])('orders its menu as the real one does, and with default %s starts %s', async (pattern, started) => {
    const machine = await bench(kind);
    const options = 'options root=UUID=0c2f6d1e-7a55-4e0c-9a53-2f6c1f1c9a10\n';
    const images = 'linux /DEBIAN/6.1.0-18-amd64/Linux\ninitrd /debian/6.1.0-18-amd64/initrd.img-6.1.0-18-amd64\n';
    for (const path of [newest, older]) machine.remove(path);
    for (const [name, text] of seen) machine.write(`${entries}/${name}`, `${text}${options}${images}`);
    machine.write(`${entries}/aa.conf`, `sort-key a\n${options}linux /gone.efi\n`);
    machine.write('/boot/efi/loader/loader.conf', `timeout 0\ndefault ${pattern}\n`);
    expect(await machine.boot()).toMatchObject({ kind: 'up' });
    const variable = (name: string) =>
      Buffer.from(
        machine.read(`/sys/firmware/efi/efivars/${name}-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f`)?.slice(4) ?? '',
      ).toString('utf16le');
    expect(variable('LoaderEntries').split('\0').slice(0, -1)).toEqual([
      'debian-6.1.0-20+2.conf',
      'debian-6.1.0-18.conf',
      'debian-6.1.0-9.conf',
      'cc.conf',
      'zz-10.conf',
      'zz-9.conf',
      'debian-6.1.0-30+0-3.conf',
    ]);
    expect(variable('LoaderEntrySelected')).toBe(`${started}\0`);
  });

  test('bootctl lists entries in the order of the menu, and says what is missing', async () => {
    const machine = await bench(kind);
    machine.remove('/boot/efi/debian/6.1.0-17-amd64/linux');
    const { stdout } = await machine.run('bootctl list --no-pager');
    expect(stdout.match(/^ +id: .*$/gm)).toEqual([
      '           id: debian-6.1.0-18-amd64.conf',
      '           id: debian-6.1.0-17-amd64.conf',
    ]);
    expect(stdout).toContain('        linux: /debian/6.1.0-17-amd64/linux (No such file or directory)\n');
    const objects = (await machine.run('bootctl list --json=short')).stdout.trim().split('\n');
    expect(objects.map((line) => JSON.parse(line))).toMatchObject([
      { id: 'debian-6.1.0-18-amd64.conf', options: expect.stringMatching(/^root=.* quiet$/), sortKey: 'debian' },
      { id: 'debian-6.1.0-17-amd64.conf', initrd: ['/debian/6.1.0-17-amd64/initrd.img-6.1.0-17-amd64'] },
    ]);
  });
});

describe('proxmox-boot-tool', () => {
  const pve = 'proxmox-8-zfs';
  const partitions = ['6D31-87F4', '6D34-1CB9'].map((uuid) => `/var/lib/lab-machine/partitions/${uuid}`);
  const [first = '', second = ''] = partitions;
  const entry = 'loader/entries/proxmox-6.8.12-4-pve.conf';

  test('arguments count when they were copied onto the partitions; GRUB has no part in it', async () => {
    const machine = await bench(pve);
    expect(machine.read('/proc/cmdline')).toBe(
      'initrd=\\EFI\\proxmox\\6.8.12-4-pve\\initrd.img-6.8.12-4-pve root=ZFS=rpool/ROOT/pve-1 boot=zfs\n',
    );
    edit(machine, '/etc/default/grub', '"quiet"', '"quiet nosmt"');
    edit(machine, '/etc/kernel/cmdline', 'boot=zfs', 'boot=zfs iommu=pt');
    expect(await commandLine(machine)).toMatch(/boot=zfs\n$/);
    const refreshed = await machine.run('proxmox-boot-tool refresh');
    expect(refreshed.code).toBe(0);
    expect(refreshed.stdout).toContain("Running hook script 'zz-proxmox-boot'..\n");
    expect(refreshed.stderr).toBe(
      ['6D31-87F4', '6D34-1CB9']
        .map(
          (uuid) =>
            `Copying and configuring kernels on /dev/disk/by-uuid/${uuid}\n` +
            '\tCopying kernel and creating boot-entry for 6.8.12-1-pve\n' +
            '\tCopying kernel and creating boot-entry for 6.8.12-4-pve\n',
        )
        .join(''),
    );
    expect(await commandLine(machine)).toMatch(/boot=zfs iommu=pt\n$/);
    expect(partitions.map((path) => machine.read(`${path}/${entry}`)?.includes('iommu=pt'))).toEqual([true, true]);
  });

  test('only the first line of /etc/kernel/cmdline counts, and one without root= is refused', async () => {
    const machine = await bench(pve);
    machine.write('/etc/kernel/cmdline', 'root=ZFS=rpool/ROOT/pve-1 boot=zfs\niommu=pt\n');
    await machine.run('proxmox-boot-tool refresh');
    expect(await commandLine(machine)).not.toContain('iommu=pt');
    machine.write('/etc/kernel/cmdline', 'boot=zfs iommu=pt\n');
    expect(await machine.run('proxmox-boot-tool refresh')).toMatchObject({ code: 1 });
    expect(await commandLine(machine)).toContain('root=ZFS=');
  });

  test('the firmware goes on to the other partition when the first one cannot boot', async () => {
    const machine = await bench(pve);
    edit(machine, `${second}/${entry}`, 'boot=zfs', 'boot=zfs second=1');
    expect(await commandLine(machine)).not.toContain('second=1');
    machine.remove(`${first}/loader/entries`);
    expect(await commandLine(machine)).toContain('second=1');
    expect((await machine.run('bootctl status 2>&1; proxmox-boot-tool status')).stdout).toContain(
      '6D34-1CB9 is configured with: uefi (versions: 6.8.12-1-pve, 6.8.12-4-pve)\n',
    );
    machine.remove(`${second}/EFI`);
    expect(await machine.boot()).toMatchObject({ kind: 'dead' });
  });

  test('status tells of a partition that is gone, and refresh leaves it out', async () => {
    const machine = await bench(pve);
    machine.remove(second);
    const { stdout, stderr, code } = await machine.run('proxmox-boot-tool status');
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr: "WARN: /dev/disk/by-uuid/6D34-1CB9 does not exist - clean '/etc/kernel/proxmox-boot-uuids'! - skipping\n",
    });
    expect(stdout).toBe(
      "Re-executing '/usr/sbin/proxmox-boot-tool' in new private mount namespace..\n" +
        'System currently booted with uefi\n' +
        '6D31-87F4 is configured with: uefi (versions: 6.8.12-1-pve, 6.8.12-4-pve)\n',
    );
    expect((await machine.run('proxmox-boot-tool refresh')).stderr).toContain('6D34-1CB9 does not exist');
  });

  test('a partition whose file system is damaged cannot be mounted, and the other one boots', async () => {
    const machine = await bench(pve);
    machine.remove(first);
    machine.write(first, 'no file system');
    await machine.run('mkdir -p "$LAB_ROOT/mnt/esp"');
    expect(await machine.run('mount -o ro UUID=6D31-87F4 /mnt/esp')).toMatchObject({
      code: 32,
      stderr: expect.stringContaining('bad superblock on /dev/nvme0n1p2'),
    });
    const refreshed = await machine.run('proxmox-boot-tool refresh');
    expect(refreshed.stderr).toContain('mount of /dev/disk/by-uuid/6D31-87F4 failed - skipping\n');
    expect(refreshed.stderr).toContain('Copying and configuring kernels on /dev/disk/by-uuid/6D34-1CB9\n');
    expect(await machine.boot()).toMatchObject({ kind: 'up' });
    expect(machine.list('/dev/disk/by-uuid')).toEqual(['6D31-87F4', '6D34-1CB9']);
    machine.remove(first);
    await machine.boot();
    expect(machine.list('/dev/disk/by-uuid')).toEqual(['6D34-1CB9']);
    expect((await machine.run('mount UUID=6D31-87F4 /mnt/esp')).stderr).toBe(
      "mount: /mnt/esp: can't find UUID=6D31-87F4.\n",
    );
  });

  test('findmnt tells where a device is mounted, and nothing of a device that is not', async () => {
    const machine = await bench(kind);
    expect((await machine.run('findmnt -n -o TARGET /dev/nvme0n1p1')).stdout).toBe('/boot/efi\n');
    expect((await machine.run('findmnt -rno TARGET -S UUID=4A1C-0E5B')).stdout).toBe('/boot/efi\n');
    for (const operand of ['""', '/dev/nvme9n1p9'])
      expect(await machine.run(`findmnt -n -o TARGET ${operand}`)).toMatchObject({ code: 1, stdout: '' });
  });

  test('update-initramfs renews the copies, and a pinned kernel boots', async () => {
    const machine = await bench(pve);
    machine.write('/etc/initramfs-tools/modules', 'vfio_pci\n');
    expect((await machine.run('update-initramfs -u -k all')).code).toBe(0);
    await machine.run('proxmox-boot-tool kernel pin 6.8.12-1-pve; proxmox-boot-tool refresh');
    expect(await released(machine)).toBe('6.8.12-1-pve');
    expect((await machine.run('lsmod')).stdout).toContain('vfio_pci');
  });

  test('a partition can be mounted to be read; a boot unmounts it', async () => {
    const machine = await bench(pve);
    await machine.run('mkdir -p "$LAB_ROOT/mnt/esp"');
    expect(await machine.run('mount -o ro UUID=6D34-1CB9 /mnt/esp')).toMatchObject({ code: 0, stderr: '' });
    expect(machine.read(`/mnt/esp/${entry}`)).toBe(machine.read(`${second}/${entry}`));
    expect((await machine.run('findmnt -n -o SOURCE /mnt/esp')).stdout).toBe('/dev/nvme1n1p2\n');
    machine.write('/mnt/esp/lost', 'read-only');
    expect(await machine.run('umount /mnt/esp')).toMatchObject({ code: 0, stderr: '' });
    expect([machine.list('/mnt/esp'), machine.list(second).includes('lost')]).toEqual([[], false]);
    await machine.run('mount /dev/disk/by-uuid/6D31-87F4 /mnt/esp');
    machine.write(`/mnt/esp/${entry}`, 'torn');
    await machine.boot();
    expect(machine.list('/mnt/esp')).toEqual([]);
    expect((await machine.run('umount /mnt/esp')).stderr).toBe('umount: /mnt/esp: not mounted.\n');
    expect((await machine.run('mount UUID=0000-0000 /mnt/esp')).stderr).toBe(
      "mount: /mnt/esp: can't find UUID=0000-0000.\n",
    );
  });
});

test.each([
  ['1', '2'],
  ['1~rc1', '1'],
  ['6.1.0-9-amd64', '6.1.0-18-amd64'],
  ['6.8.12-4-pve', '6.8.12-10-pve'],
  ['5.10', '5.10.1'],
  ['1.a', '1.1'],
])('%s is older than %s', (older, newer) => {
  expect([compareVersions(older, newer), compareVersions(newer, older)].map(Math.sign)).toEqual([-1, 1]);
  expect(compareVersions(older, older)).toBe(0);
});
