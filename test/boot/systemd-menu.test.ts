import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { printMissing } from '../../src/boot/print-missing.ts';
import { type MenuFile, systemdMenu } from '../../src/boot/systemd-menu.ts';
import { compareVersions } from '../../src/boot/version-order.ts';
import { compareVersions as modelled } from '../../src/lab/model/version-order.ts';
import { joinScripts, sh } from '../../src/shell/script.ts';
import { run, shells } from '../resources/shells.ts';
import { temporaryFolder } from '../temporary-folder.ts';

function entry(name: string, text: string): MenuFile {
  return { name, text: `title ${name}\n${text}linux /vmlinuz\noptions quiet\n` };
}

/** Entries as they were put before systemd-boot 252.39 in a virtual machine, and its menu. */
const seen: readonly MenuFile[] = [
  entry('debian-6.1.0-18.conf', 'sort-key debian\nversion 6.1.0-18\n'),
  entry('debian-6.1.0-9.conf', 'sort-key debian\nversion 6.1.0-9\n'),
  entry('debian-6.1.0-20+2.conf', 'sort-key debian\nversion 6.1.0-20\n'),
  entry('debian-6.1.0-30+0-3.conf', 'sort-key debian\nversion 6.1.0-30\n'),
  entry('zz-10.conf', 'version 10\n'),
  entry('zz-9.conf', 'version 99\n'),
  entry('bb.conf', 'sort-key a\narchitecture aa64\n'),
  entry('CC.CONF', 'sort-key e\n'),
  { ...entry('aa.conf', 'sort-key a\n'), missing: true },
];
const menu = [
  ...['debian-6.1.0-20+2.conf', 'debian-6.1.0-18.conf', 'debian-6.1.0-9.conf', 'CC.CONF', 'zz-10.conf', 'zz-9.conf'],
  'debian-6.1.0-30+0-3.conf',
];

function chosenBy(pattern: string | null, files: readonly MenuFile[] = seen): string | undefined {
  const { entries, chosen } = systemdMenu(files, pattern, 'x86_64');
  return entries[chosen]?.title;
}

describe('the menu of systemd-boot', () => {
  it('has the order that the real one was seen to have, without what it does not offer', () => {
    const shuffled = fc.shuffledSubarray([...seen], { minLength: seen.length });
    fc.assert(
      fc.property(shuffled, (files) => {
        expect(systemdMenu(files, null, 'x86_64').entries.map(({ title }) => title)).toEqual(menu);
      }),
    );
  });

  it.each([
    // The id ends with .conf: this pattern names nothing, and the first entry boots.
    ['debian-6.1.0-9', 'debian-6.1.0-20+2.conf'],
    ['DEBIAN-6.1.0-9.conf', 'debian-6.1.0-9.conf'],
    ['debian-6.1.0-20.conf', 'debian-6.1.0-20+2.conf'],
    ['debian-6.1.0-[8-9]*', 'debian-6.1.0-9.conf'],
    ['debian-6.1.0-[9-8]*', 'debian-6.1.0-20+2.conf'],
    ['debian-6.1.0-?.conf', 'debian-6.1.0-9.conf'],
    ['zz-[!9].conf', 'zz-9.conf'],
    ['zz-9[.]conf', 'zz-9.conf'],
    ['zz-9.c', 'debian-6.1.0-20+2.conf'],
    ['bb.conf', 'debian-6.1.0-20+2.conf'],
    ['cc*', 'CC.CONF'],
    ['', 'debian-6.1.0-20+2.conf'],
    ['@saved', undefined],
  ])('with default %j starts %s', (pattern, title) => {
    expect(chosenBy(pattern)).toBe(title);
  });

  it('goes by the machine: what is for another one is not offered, on any', () => {
    const arm = [entry('a.conf', 'architecture aa64\n'), entry('b.conf', 'architecture x64\n')];
    expect(systemdMenu(arm, null, 'aarch64').entries.map(({ title }) => title)).toEqual(['a.conf']);
    expect(systemdMenu(arm, null, 'x86_64').entries.map(({ title }) => title)).toEqual(['b.conf']);
  });

  it('puts the machine id before the version, and offers nothing that names no kernel', () => {
    const files = [
      entry('1.conf', 'sort-key d\nmachine-id b\nversion 9\n'),
      entry('2.conf', 'sort-key d\nmachine-id a\nversion 1\n'),
      { name: '3.conf', text: 'title none\nsort-key a\n' },
    ];
    expect(systemdMenu(files, null, 'x86_64').entries.map(({ title }) => title)).toEqual(['2.conf', '1.conf']);
  });

  it('gives nothing where nothing can be started', () => {
    expect(chosenBy(null, [])).toBeUndefined();
  });
});

describe('versions', () => {
  it.each([
    ['1', '2'],
    ['1~rc1', '1'],
    ['6.1.0-9-amd64', '6.1.0-18-amd64'],
    ['5.10', '5.10.1'],
    ['1.a', '1.1'],
    ['arch-lts.conf', 'arch.conf'],
  ])('%s is older than %s', (older, newer) => {
    expect([compareVersions(older, newer), compareVersions(newer, older)].map(Math.sign)).toEqual([-1, 1]);
  });

  it('are ordered as the lab has it, which was compared with the real one', () => {
    const piece = fc.constantFrom('1', '01', '9', '10', 'a', 'B', 'rc', '.', '-', '~', '^', '_', '+', 'é');
    const version = fc.array(piece, { maxLength: 7 }).map((pieces) => pieces.join(''));
    fc.assert(
      fc.property(version, version, (a, b) => {
        expect(Math.sign(compareVersions(a, b))).toBe(Math.sign(modelled(a, b)));
      }),
      { numRuns: 3000 },
    );
  });
});

it.each(shells)('entries whose kernel is not there are told by %s', async (...shell) => {
  const root = temporaryFolder('missing');
  const files: Readonly<Record<string, string>> = {
    'linux/6.1': '',
    'loader/entries/there.conf': 'title x\n\tlinux /linux/6.1\n',
    'loader/entries/gone.conf': 'linux /linux/6.1\nlinux   /linux/6.2  \noptions x',
    'loader/entries/cut.conf': 'efi /gone.efi',
    'loader/entries/none.conf': 'title x\n',
    'loader/entries/odd.conf': 'linux \\linux\\6.1\r\n',
  };
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  const { stdout, stderr } = await run(joinScripts([printMissing(), sh`print_missing ${root}`]), shell);
  expect(stderr).toBe('');
  const names = stdout.toString().replaceAll(`missing ${root}/loader/entries/`, '').trim().split('\n');
  expect(names).toEqual(['cut.conf', 'gone.conf']);
});
