import { readFile } from 'node:fs/promises';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { MachineFilesystem } from '../../../src/lab/machine.ts';
import { openDisk } from '../../../src/lab/model/disk.ts';
import { runGrub } from '../../../src/lab/model/grub.ts';
import { editEnvironment, readEnvironment } from '../../../src/lab/model/grub-environment.ts';
import { grubFiles } from '../../../src/lab/model/grub-files.ts';
import { readGrubScript } from '../../../src/lab/model/grub-script.ts';
import { file } from '../../../src/lab/model/layout.ts';
import { temporaryFolder } from './bench.ts';

const fixture = (name: string) => readFile(new URL(`fixtures/grub/${name}/grub.cfg`, import.meta.url), 'utf8');
const block = (text: string) => `# GRUB Environment Block\n${text}`.padEnd(1024, '#');

/** Two partitions: /boot apart, and all else. */
const apart: readonly MachineFilesystem[] = [
  { mount: '/', source: '/dev/sda2', uuid: '6d651fcb-6873-4d7a-b67e-d0a2b88c1d3d', type: 'xfs', grub: 'hd0,msdos2' },
  {
    mount: '/boot',
    source: '/dev/sda1',
    uuid: '7bacdd2b-3f56-48fd-ad6e-3b2696d130bf',
    type: 'xfs',
    grub: 'hd0,msdos1',
  },
];

async function machine(files: Readonly<Record<string, string>>, filesystems = apart) {
  const disk = openDisk(await temporaryFolder());
  disk.lay(new Map(Object.entries(files).map(([path, text]) => [path, file(text)])));
  const first = '/boot/grub2/grub.cfg';
  return { disk, run: (config = first) => runGrub(grubFiles(disk, filesystems), config, 'pc') };
}

/** A machine with kernels a, b, c on the /boot partition and this configuration. */
function small(config: string, environment?: string) {
  const kernels = Object.fromEntries(['a', 'b', 'c'].map((name) => [`/boot/${name}`, 'kernel']));
  return machine({
    ...kernels,
    '/boot/grub2/grub.cfg': `set timeout=1\n${config}`,
    ...(environment === undefined ? {} : { '/boot/grub2/grubenv': block(environment) }),
  });
}

const entry = (name: string, id = name) =>
  `menuentry 'Title ${name}' --class os --id '${id}' {\n linux /${name} x\n}\n`;
const menu = entry('a') + entry('b') + entry('c');

function booted(end: ReturnType<typeof runGrub>): string {
  return end.kind === 'boot' ? end.kernel.commandLine : `stuck: ${end.reason}`;
}

describe('captured configurations', () => {
  test('CentOS 7 boots the saved entry', async () => {
    const release = '3.10.0-514.el7.x86_64';
    const { run, disk } = await machine({
      '/boot/grub2/grub.cfg': await fixture('centos-7'),
      '/boot/grub2/grubenv': block(`saved_entry=CentOS Linux (${release}) 7 (Core)\n`),
      [`/boot/vmlinuz-${release}`]: '',
      [`/boot/initramfs-${release}.img`]: '',
    });
    const end = run();
    expect(booted(end)).toBe(
      `BOOT_IMAGE=/vmlinuz-${release} root=UUID=6d651fcb-6873-4d7a-b67e-d0a2b88c1d3d ro crashkernel=auto rhgb quiet LANG=en_US.UTF-8`,
    );
    expect(end).toMatchObject({ initrds: [`/boot/initramfs-${release}.img`] });
    // The first entry's kernel is not there at all.
    disk.remove('/boot/grub2/grubenv');
    expect(booted(run())).toMatch(/^stuck: the entry 'CentOS Linux \(3\.10\.0-514\.26\.2.*file `\/vmlinuz.* not found/);
  });

  test('Ubuntu 22.04 boots its first entry, also through the stub on the ESP', async () => {
    const one: readonly MachineFilesystem[] = [
      { mount: '/', source: '/dev/vda1', uuid: 'e8328184-226c-4e5e-9635-8142cc114051', type: 'ext4', grub: 'hd0,gpt1' },
      { mount: '/boot/efi', source: '/dev/vda15', uuid: 'A6D7-CF26', type: 'vfat', grub: 'hd0,gpt15' },
    ];
    const { run, disk } = await machine(
      {
        '/boot/grub/grub.cfg': await fixture('ubuntu-22.04'),
        '/boot/grub/grubenv': block('# WARNING: keep me\n'),
        '/boot/efi/EFI/ubuntu/grub.cfg':
          "search.fs_uuid e8328184-226c-4e5e-9635-8142cc114051 root hd0,gpt1\nset prefix=($root)'/boot/grub'\nconfigfile $prefix/grub.cfg\n",
        '/boot/vmlinuz-5.15.0-100-generic': '',
        '/boot/initrd.img-5.15.0-100-generic': '',
      },
      one,
    );
    const line = 'BOOT_IMAGE=/boot/vmlinuz-5.15.0-100-generic root=LABEL=cloudimg-rootfs ro console=tty1 console=ttyS0';
    expect(booted(run('/boot/grub/grub.cfg'))).toBe(line);
    expect(booted(run('/boot/efi/EFI/ubuntu/grub.cfg'))).toBe(line);
    expect(disk.read('/boot/grub/grubenv')).toMatch(/# WARNING: keep me\nrecordfail=1\n#+$/);
  });

  test('cut off anywhere, it boots an entry that is whole, or none', async () => {
    const text = await fixture('centos-7');
    const release = '3.10.0-514.26.2.el7.x86_64';
    const { run, disk } = await machine({ [`/boot/vmlinuz-${release}`]: '', [`/boot/initramfs-${release}.img`]: '' });
    const whole = text.indexOf('}\n', text.indexOf(`initrd16 /initramfs-${release}.img`)) + 1;
    fc.assert(
      fc.property(fc.nat(text.length), (length) => {
        disk.lay(new Map([['/boot/grub2/grub.cfg', file(text.slice(0, length))]]));
        expect(run().kind).toBe(length >= whole ? 'boot' : 'stuck');
      }),
      { numRuns: 60 },
    );
  });
});

describe('the default entry', () => {
  const choices: [string, string, string][] = [
    ['nothing', '', '/a'],
    ['a number', 'set default=1', '/b'],
    ['a title', "set default='Title c'", '/c'],
    ['an id', 'set default=b', '/b'],
    ['what names nothing: the first', 'set default=zzz', '/a'],
    ['a number that is too large: the first', 'set default=9', '/a'],
    ['a text that begins with a digit: that number', "set default='2nd of three'", '/c'],
    ['an entry of a submenu', "set default='more>Title c'", '/c'],
    ['a submenu alone: its first', 'set default=more', '/b'],
    ['numbers down the menus', 'set default="1>1"', '/c'],
  ];
  test.each(choices)('by %s', async (_, setting, kernel) => {
    const text =
      setting.includes('more') || setting.includes('>')
        ? `${entry('a')}submenu 'More' --id more {\n${entry('b')}${entry('c')}}\n`
        : menu;
    const { run } = await small(`${setting}\n${text}`);
    expect(booted(run())).toBe(`BOOT_IMAGE=${kernel} x`);
  });

  const header = `load_env
if [ "\${next_entry}" ] ; then
  set default="\${next_entry}"
  set next_entry=
  save_env next_entry
else
  set default="\${saved_entry}"
fi
`;
  test('once, by next_entry, which is used up; then the saved one again', async () => {
    const { run, disk } = await small(header + menu, 'saved_entry=b\nnext_entry=c\n');
    expect(booted(run())).toBe('BOOT_IMAGE=/c x');
    expect(disk.read('/boot/grub2/grubenv')).toHaveLength(1024);
    expect(booted(run())).toBe('BOOT_IMAGE=/b x');
  });

  test('is the first one where the environment block is broken', async () => {
    const { run, disk } = await small(header + menu, 'saved_entry=b\n');
    disk.lay(new Map([['/boot/grub2/grubenv', file('x'.repeat(1024))]]));
    expect(booted(run())).toBe('BOOT_IMAGE=/a x');
  });
});

describe('a machine that does not boot', () => {
  test.each([
    ['no file', null, /GRUB finds no/],
    ['an empty file', '', /no menu entry/],
    ['no timeout', entry('a'), /waits at its menu/],
    ['a timeout that is never over', `set timeout=-1\n${entry('a')}`, /waits at its menu/],
    ['a kernel that is not there', 'set timeout=1\nmenuentry x {\n linux /nowhere\n}\n', /file `\/nowhere' not found/],
    [
      'a file system that is not there',
      `set timeout=1\nmenuentry x {\n unset root\n search --fs-uuid --set=root 1-2\n linux /a\n}\n`,
      /no such device: 1-2/,
    ],
    ['an initrd without a kernel', 'set timeout=1\nmenuentry x {\n initrd /a\n}\n', /load the kernel first/],
    ['an entry that halts', 'set timeout=1\nmenuentry x {\n halt\n}\n', /halts/],
    ['files that read each other', 'set timeout=1\nsource /grub2/grub.cfg\n', /no menu entry/],
  ])('has %s', async (_, config, reason) => {
    const { run } = await machine(config === null ? {} : { '/boot/grub2/grub.cfg': config, '/boot/a': 'kernel' });
    expect(run()).toMatchObject({ kind: 'stuck', reason: expect.stringMatching(reason) });
  });
});

describe('the script language', () => {
  const lines: [string, string, string][] = [
    ['a semicolon ends the arguments', 'linux /a one;two', '/a one'],
    ['quotes keep white space, for the kernel too', 'linux /a "x=a b" c', '/a "x=a b" c'],
    ['variables are words', 'set y="1 2"; linux /a $y "${y}"', '/a 1 2 "1 2"'],
    ['an empty variable is no word', 'linux /a $nothing b', '/a b'],
    ['else', 'if [ x = y ]; then linux /b; elif false; then linux /c; else linux /a; fi', '/a'],
    ['not', 'if ! false; then linux /a; fi', '/a'],
    ['test with -o and -a', 'if [ a = b -o -n x -a -f /a ]; then linux /a; fi', '/a'],
    ['an unknown command changes nothing', 'nonsense; linux /a', '/a'],
    ['a function with parameters', 'function f {\n linux /a $2 $1\n}\nf 1 2', '/a 2 1'],
    ['comments', 'linux /a b # c', '/a b'],
  ];
  test.each(lines)('%s', async (_, body, expected) => {
    const { run } = await small(`menuentry x {\n${body}\n}\n`);
    expect(booted(run())).toBe(`BOOT_IMAGE=${expected}`);
  });

  test('an error costs its own command only', async () => {
    const { run } = await small(`}\n${entry('b')}`);
    expect(booted(run())).toBe('BOOT_IMAGE=/b x');
  });

  test('any text is read without an exception', () => {
    const pieces = fc.constantFrom(
      'menuentry',
      'if',
      'then',
      'fi',
      '{',
      '}',
      ';',
      "'",
      '"',
      '\\',
      '$x',
      '${',
      '\n',
      ' ',
      '#',
      'a=b',
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 30 }), (words) => {
        expect(readGrubScript(words.join('')).statements.length).toBeGreaterThanOrEqual(0);
      }),
    );
  });
});

test('an environment block keeps its size and its other lines', () => {
  const name = fc.stringMatching(/^[a-z_]{1,12}$/);
  const value = fc.stringMatching(/^[A-Za-z0-9 ()>.\\=-]{0,40}$/);
  fc.assert(
    fc.property(fc.dictionary(name, value, { maxKeys: 6 }), (variables) => {
      const text = Object.entries(variables).reduce(
        (edited, [key, item]) => editEnvironment(edited, key, item) ?? '',
        block('# note\n'),
      );
      expect(text).toHaveLength(1024);
      expect(text).toContain('# note\n');
      expect(Object.fromEntries(readEnvironment(text) ?? [])).toEqual({ ...variables });
    }),
  );
  expect(editEnvironment(block(''), 'x', 'y'.repeat(1024))).toBeNull();
});
