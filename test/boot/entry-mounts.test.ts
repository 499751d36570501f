import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseEntryMounts, printEntryMounts, refuseUnreadEntries } from '../../src/boot/entry-mounts.ts';
import { run, shells } from '../resources/shells.ts';
import { temporaryFolder } from '../temporary-folder.ts';

const [ours, theirs] = ['6f0b3c2a-0000-4000-8000-000000000001', '6f0b3c2a-0000-4000-8000-000000000002'];
const xbootldr = 'BC13C2FF-59E6-4262-A352-B275FD6F7172';

describe.each([
  [
    'the partition that was booted',
    '/boot/efi',
    `booted ${ours.toUpperCase()}\nmounted /boot/efi vfat ${ours} -\n`,
    null,
  ],
  ['no variable', '/boot/efi', `mounted /boot/efi vfat ${ours} -\n`, null],
  ['a partition without a UUID, as of a RAID', '/boot/efi', `booted ${ours}\nmounted /boot/efi vfat - -\n`, null],
  ['one over another', '/efi', `booted ${ours}\nmounted /efi vfat ${theirs} -\nmounted /efi vfat ${ours} -\n`, null],
  ['an extended partition, by its type', '/boot', `booted ${ours}\nmounted /boot ext4 ${theirs} ${xbootldr}\n`, null],
  [
    '/boot beside the one',
    '/boot',
    `booted ${ours}\nmounted /boot vfat ${theirs} -\nmounted /efi vfat ${ours} -\n`,
    null,
  ],
  ['nothing', '/boot/efi', `booted ${ours}\n`, /nothing mounted at \/boot\/efi/],
  ['/boot on the root file system', '/boot', `mounted /boot/efi vfat ${ours} -\n`, /nothing mounted at \/boot:/],
  ['another file system', '/efi', 'mounted /efi ext4 - -\n', /ext4 at \/efi/],
  [
    'another partition',
    '/boot/efi',
    `booted ${ours}\nmounted /boot/efi vfat ${theirs} -\n`,
    /found partition \S+0002 mounted/,
  ],
])('entries where the mount is %s', (_, top, said, words) => {
  it(words === null ? 'are taken' : 'are refused, with what was found', () => {
    const judge = () => refuseUnreadEntries([`${top}/loader/entries/a.conf`], parseEntryMounts(said));
    if (words === null) expect(judge).not.toThrow();
    else expect(judge).toThrow(words);
  });
});

describe.each(shells.map((shell) => ({ shell, name: shell.join(' ') })))('under $name', ({ shell }) => {
  it('what is mounted is told, with the UUID of its partition', async () => {
    const root = temporaryFolder('mounts');
    for (const name of ['links', 'bin']) mkdirSync(join(root, name));
    for (const name of ['sda1', 'sda2']) writeFileSync(join(root, name), '');
    symlinkSync('../sda1', join(root, 'links', ours));
    symlinkSync('../sda2', join(root, 'links', theirs));
    writeFileSync(join(root, 'bin/lsblk'), `#!/bin/sh\necho ${xbootldr}\n`, { mode: 0o755 });
    const rows = ['systemd-1 /boot autofs rw 0 0', `${root}/sda2 /boot ext4 rw 0 0`, `${root}/sda1 /mnt vfat rw 0 0`];
    writeFileSync(join(root, 'table'), rows.map((row) => `${row}\n`).join(''));
    const env = { PATH: `${root}/bin:/usr/bin:/bin` };
    const { stdout } = await run(printEntryMounts(join(root, 'table'), join(root, 'links')), shell, { env });
    expect(parseEntryMounts(stdout.toString()).mounts).toEqual([
      { folder: '/boot', type: 'ext4', partition: theirs, extended: true },
    ]);
  });
});
