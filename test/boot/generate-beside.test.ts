import { existsSync, lstatSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import type { BootEffect } from '../../src/boot/driver.ts';
import { generateBeside } from '../../src/boot/generate-beside.ts';
import { guardedEntries } from '../../src/boot/guard-entries.ts';
import { run, shells } from '../resources/shells.ts';
import { temporaryFolder } from '../temporary-folder.ts';

const root = temporaryFolder('beside');
const config = join(root, 'grub', 'grub.cfg');
const beside = `${config}.vfleet-new`;
const guarded: BootEffect = { kind: 'boot-configuration', reason: 'a test', present: [], absent: [], guarded: true };

/** Entries as `10_linux` writes them, each of a title, a kernel and arguments. */
function entries(...list: readonly (readonly [title: string, kernel: string, line: string])[]): string {
  const texts = list.map(
    ([title, kernel, line]) => `menuentry '${title}' --class x $menuentry_id_option 'y' {
	linux	/boot/vmlinuz-${kernel} root=UUID=1 ro ${line}
	initrd	/boot/initrd.img-${kernel}
}
`,
  );
  return `### BEGIN /etc/grub.d/10_linux ###\n${texts.join('')}### END /etc/grub.d/10_linux ###\n`;
}

async function generate(before: string, then: string, effect = guarded, shell?: readonly string[]) {
  mkdirSync(join(root, 'grub'), { recursive: true });
  if (before !== '') writeFileSync(config, before);
  writeFileSync(join(root, 'then'), then);
  const { code, stderr } = await run(generateBeside('grub-mkconfig', config, effect), shell, {
    env: { PATH: `${root}:/usr/bin:/bin` },
  });
  return { code, stderr, lost: guardedEntries(stderr) };
}

beforeEach(() => {
  rmSync(join(root, 'grub'), { recursive: true, force: true });
  rmSync(join(root, 'elsewhere'), { recursive: true, force: true });
  writeFileSync(join(root, 'grub-mkconfig'), `#!/bin/sh\ncat ${root}/then >"$2"\n`, { mode: 0o755 });
});

describe('where code configures some arguments, the regeneration', () => {
  const names = shells.map((shell) => ({ shell, name: shell.join(' ') }));

  it.each(names)(
    'stops before anything is in place when arguments would go from an entry, under $name',
    async ({ shell }) => {
      const before = entries(['Debian', '6.1', 'quiet net.ifnames=0'], ['Debian, with Linux 6.1', '6.1', 'quiet']);
      const then = entries(['Debian', '6.1', 'quiet iommu=pt'], ['Debian, with Linux 6.1', '6.1', 'iommu=pt']);
      const { code, lost } = await generate(before, then, guarded, shell);
      expect(code).toBe(65);
      expect(lost).toEqual(['boot entry "Debian" has net.ifnames=0', 'boot entry "Debian, with Linux 6.1" has quiet']);
      expect(readFileSync(config, 'utf8')).toBe(before);
      expect(existsSync(beside)).toBe(false);
    },
  );

  it.each([
    ['what is taken out', 'quiet iommu=nopt nomodeset', 'quiet', { remove: ['iommu=nopt'], absent: ['nomodeset'] }],
    [
      'an old spelling of it',
      'rdblacklist=x mem-sleep=s',
      '',
      { remove: ['rd.driver.blacklist=x'], absent: ['mem_sleep'] },
    ],
    ['another value', 'mem=4G', 'mem=8G iommu=pt', { present: ['iommu=pt'] }],
    ['another order', 'a b=c', 'b=c a', {}],
    ['more', 'a', 'a b', {}],
    ['variables, and what the tool itself sets', '$tuned_params BOOT_IMAGE=x', 'a', {}],
    ['one less of two alike that are ours', 'a=1 a=1', 'a=1', { remove: ['a=1'] }],
  ] as const)('lets pass %s', async (_, before, then, effect) => {
    const text = entries(['Debian', '6.1', then]);
    const { code, stderr } = await generate(entries(['Debian', '6.1', before]), text, { ...guarded, ...effect });
    expect([code, stderr]).toEqual([0, '']);
    expect(readFileSync(config, 'utf8')).toBe(text);
  });

  it.each([
    ['a console, though another one comes', 'console=ttyS0', 'console=tty1', ['console=tty1'], 'console=ttyS0'],
    ['one of two alike', 'a=1 a=1', 'a=1', [], 'a=1'],
    ['one of several with a name', 'rd.lvm.lv=a rd.lvm.lv=b', 'rd.lvm.lv=a', [], 'rd.lvm.lv=b'],
  ] as const)('does not let go %s', async (_, before, then, present, lost) => {
    const effect = { ...guarded, present };
    expect(await generate(entries(['A', '6.1', before]), entries(['A', '6.1', then]), effect)).toMatchObject({
      code: 65,
      lost: [`boot entry "A" has ${lost}`],
    });
  });

  it('looks at the same kernel under another title, at the same title with another kernel, and not at one that is gone', async () => {
    const one = (line: string) => entries(['A', '6.1', line]);
    expect(await generate(one('x'), entries(['B', '6.1', '']))).toMatchObject({ code: 65 });
    expect(await generate(one('x'), entries(['A', '6.2', '']))).toMatchObject({ code: 65 });
    expect(await generate(one('x'), entries(['B', '6.2', '']))).toMatchObject({ code: 65 });
    const gone = entries(['A', '6.1', 'x'], ['A, with 6.0', '6.0', 'x y']);
    expect(await generate(gone, one('x'))).toMatchObject({ code: 0 });
    const foreign = (line: string) => one('x').replaceAll('10_linux', line);
    expect(await generate(foreign('30_os-prober'), one(''))).toMatchObject({ code: 0 });
  });

  it('of nothing, or by what is known beforehand, is not compared', async () => {
    expect(await generate('', entries(['A', '6.1', '']))).toMatchObject({ code: 0 });
    const { guarded: _, ...known } = guarded;
    expect(await generate(entries(['A', '6.1', 'x']), entries(['A', '6.1', '']), known)).toMatchObject({ code: 0 });
  });
});

describe('a configuration that is a symbolic link', () => {
  it('stays one: the file that it leads to is replaced, whole', async () => {
    mkdirSync(join(root, 'grub'));
    mkdirSync(join(root, 'elsewhere'));
    const real = join(root, 'elsewhere', 'real.cfg');
    writeFileSync(real, 'old', { mode: 0o600 });
    symlinkSync('../elsewhere/real.cfg', config);
    const { code, stderr } = await generate('', 'new');
    expect([code, stderr]).toEqual([0, '']);
    expect(lstatSync(config).isSymbolicLink()).toBe(true);
    expect(readFileSync(real, 'utf8')).toBe('new');
    expect(lstatSync(real).mode & 0o777).toBe(0o600);
    for (const path of [beside, `${real}.vfleet-new`]) expect(existsSync(path)).toBe(false);
  });

  it('that leads nowhere is refused', async () => {
    mkdirSync(join(root, 'grub'));
    symlinkSync('../elsewhere/real.cfg', config);
    expect(await generate('', 'new')).toMatchObject({ code: 65, stderr: expect.stringContaining('is not there') });
    expect(existsSync(join(root, 'elsewhere'))).toBe(false);
    expect(lstatSync(config).isSymbolicLink()).toBe(true);
  });
});
