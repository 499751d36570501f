import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { bootDriver } from '../../src/boot/choose-driver.ts';
import type { BootEffect } from '../../src/boot/driver.ts';
import { isOutdated, judgeGrubReadBack, problemOfLine, readGrubBack } from '../../src/boot/grub-read-back.ts';
import { initramfsScript } from '../../src/boot/initramfs.ts';
import type { ArgumentWish } from '../../src/boot/wish.ts';
import type { Facts } from '../../src/facts/facts.ts';
import { run, shells } from '../resources/shells.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { factsOf } from './facts.ts';

it('finds fault with a longer list of words only where the argument is wished for literally', () => {
  const on = { present: ['intel_iommu=on'], absent: [] };
  expect(problemOfLine('ro intel_iommu=on,sm_on', on)).toBeNull();
  expect(problemOfLine('ro intel_iommu=on,sm_on', { ...on, exact: on.present })).toBe(
    'has intel_iommu=on,sm_on where intel_iommu=on is wished',
  );
});

const wish: ArgumentWish = { present: ['intel_iommu=on', 'iommu=pt'], absent: ['nomodeset'] };

/** In the form that grub-mkconfig 2.06 of Debian 12 writes, shortened. Constructed. */
function config(normal: string, recovery = normal, custom = ''): string {
  return `set default="0"
### BEGIN /etc/grub.d/10_linux ###
menuentry 'Debian GNU/Linux' --class debian $menuentry_id_option 'gnulinux-simple-1' {
	linux	/boot/vmlinuz-6.1.0-18-amd64 root=UUID=1 ro ${normal} quiet
	initrd	/boot/initrd.img-6.1.0-18-amd64
}
submenu 'Advanced options for Debian GNU/Linux' $menuentry_id_option 'gnulinux-advanced-1' {
	menuentry 'Debian GNU/Linux, with Linux 6.1.0-18-amd64' $menuentry_id_option 'gnulinux-6.1.0-18-amd64-advanced-1' {
		linux	/boot/vmlinuz-6.1.0-18-amd64 root=UUID=1 ro ${normal} quiet
	}
	menuentry 'Debian GNU/Linux, with Linux 6.1.0-18-amd64 (recovery mode)' $menuentry_id_option 'gnulinux-6.1.0-18-amd64-recovery-1' {
		linux	/boot/vmlinuz-6.1.0-18-amd64 root=UUID=1 ro single ${recovery}
	}
}
### END /etc/grub.d/10_linux ###
### BEGIN /etc/grub.d/20_memtest86+ ###
menuentry "Memory test (memtest86+x64.bin)" {
	linux16	/boot/memtest86+x64.bin
}
### END /etc/grub.d/20_memtest86+ ###
### BEGIN /etc/grub.d/30_os-prober ###
menuentry 'Fedora (on /dev/sdb1)' {
	linux /boot/vmlinuz-5.0.0 root=/dev/sdb1
}
### END /etc/grub.d/30_os-prober ###
### BEGIN /etc/grub.d/40_custom ###
${custom}
### END /etc/grub.d/40_custom ###
`;
}

describe('judgeGrubReadBack', () => {
  it('finds nothing wrong with entries that have all', () => {
    expect(judgeGrubReadBack(config('intel_iommu=on iommu=pt'), wish)).toEqual([]);
  });

  it('names each entry and what it lacks', () => {
    expect(judgeGrubReadBack(config('iommu=pt'), wish)).toEqual([
      'boot entry "Debian GNU/Linux" lacks intel_iommu=on',
      'boot entry "Advanced options for Debian GNU/Linux>Debian GNU/Linux, with Linux 6.1.0-18-amd64" lacks intel_iommu=on',
    ]);
  });

  it('says which later argument wins, and what should be gone', () => {
    const [first] = judgeGrubReadBack(config('intel_iommu=on iommu=pt nomodeset iommu=off'), wish);
    expect(first).toBe('boot entry "Debian GNU/Linux" has iommu=off where iommu=pt is wished, still has nomodeset');
  });

  it('asks nothing of rescue entries, of other systems and of entries written by hand', () => {
    const custom = "menuentry 'mine' {\n\tlinux /vmlinuz-6.1.0-18-amd64 root=/dev/sda1\n}";
    expect(judgeGrubReadBack(config('intel_iommu=on iommu=pt', '', custom), wish)).toEqual([]);
  });

  it('asks it of any entry that is the default', () => {
    const custom = "menuentry 'mine' {\n\tlinux /vmlinuz-6.1.0-18-amd64 root=/dev/sda1\n}";
    const text = config('intel_iommu=on iommu=pt', '', custom).replace('default="0"', 'default="mine"');
    expect(judgeGrubReadBack(text, wish)).toEqual(['boot entry "mine" lacks intel_iommu=on, lacks iommu=pt']);
  });

  it('follows variables that the configuration sets, as tuned does', () => {
    const text = `set tuned_params="iommu=off"\n${config('intel_iommu=on iommu=pt $tuned_params')}`;
    expect(judgeGrubReadBack(text, wish)[0]).toContain('has iommu=off where iommu=pt is wished');
    expect(judgeGrubReadBack(text.replace('"iommu=off"', '""'), wish)).toEqual([]);
  });

  it('takes an argument that is quoted for GRUB for itself', () => {
    const quoted: ArgumentWish = { present: ['memmap=4G$16G', 'dyndbg="file x +p"'], absent: [] };
    expect(judgeGrubReadBack(config('memmap=4G\\$16G dyndbg="file x +p"'), quoted)).toEqual([]);
  });

  it('is not content with no entries at all', () => {
    for (const text of ['', 'garbage {{{', 'menuentry x { chainloader +1 }']) {
      expect(judgeGrubReadBack(text, wish)).toEqual([
        'the generated configuration has no boot entry with a Linux kernel',
      ]);
    }
  });
});

describe('isOutdated', () => {
  const entry = (line: string, isDefault: boolean) => ({
    title: 't',
    kernel: '6.1',
    arguments: line,
    default: isDefault,
  });
  it('goes by the default entry, or else the first', () => {
    expect(isOutdated([entry('a', false), entry('intel_iommu=on iommu=pt', true)], wish)).toBe(false);
    expect(isOutdated([entry('intel_iommu=on iommu=pt', false), entry('a', true)], wish)).toBe(true);
    expect(isOutdated([entry('a', false), entry('intel_iommu=on iommu=pt', false)], wish)).toBe(true);
  });
  it('holds nothing against what could not be read', () => {
    expect(isOutdated(null, wish)).toBe(false);
    expect(isOutdated([], wish)).toBe(false);
  });
});

describe('the scripts', () => {
  const root = temporaryFolder('boot');
  const tool = (name: string): void => {
    const text = `#!/bin/sh\necho "${name} $*" >>${root}/log\n[ "$1" != -o ] || echo generated >"$2"\nexit "\${FAIL:-0}"\n`;
    writeFileSync(join(root, name), text, { mode: 0o755 });
  };
  for (const name of ['grub-mkconfig', 'grub2-mkconfig', 'dracut', 'update-initramfs']) tool(name);
  const env = { PATH: `${root}:/usr/bin:/bin` };
  const logged = async (
    script: Parameters<typeof run>[0],
    shell: readonly string[],
  ): Promise<{ code: number; log: string }> => {
    writeFileSync(join(root, 'log'), '');
    const { code } = await run(script, shell, { env });
    return { code, log: readFileSync(join(root, 'log'), 'utf8') };
  };
  const due: BootEffect = { kind: 'boot-configuration', reason: 'a test', present: [], absent: [] };
  const facts = (boot: Partial<Facts['boot']>, installed = ['6.1.0-18-amd64', '6.1.0-17-amd64']): Facts =>
    factsOf({ boot: { configPath: join(root, 'grub.cfg'), ...boot }, kernel: { installed } });

  it.each(shells.map((shell) => ({ shell, name: shell.join(' ') })))(
    'run the tools of the distribution, under $name',
    async ({ shell }) => {
      const ubuntu = facts({});
      const centos = facts({ loader: 'grub2-mkconfig', initramfs: 'dracut' });
      writeFileSync(join(root, 'grub.cfg'), config('x'));
      for (const [host, tool] of [
        [ubuntu, 'grub-mkconfig'],
        [centos, 'grub2-mkconfig'],
      ] as const) {
        writeFileSync(join(root, 'grub.cfg'), config('x'));
        // Into a file beside, which then takes the place of the old one.
        expect(await logged(bootDriver(host).regenerate(host, due), shell)).toEqual({
          code: 0,
          log: `${tool} -o ${root}/grub.cfg.vfleet-new\n`,
        });
        expect(readFileSync(join(root, 'grub.cfg'), 'utf8')).toBe('generated\n');
        expect(existsSync(join(root, 'grub.cfg.vfleet-new'))).toBe(false);
      }
      expect(await logged(initramfsScript(ubuntu), shell)).toEqual({ code: 0, log: 'update-initramfs -u -k all\n' });
      expect((await logged(initramfsScript(centos), shell)).log).toBe(
        'dracut -f --kver 6.1.0-18-amd64\ndracut -f --kver 6.1.0-17-amd64\n',
      );
      expect((await logged(initramfsScript(facts({ initramfs: 'dracut' }, [])), shell)).log).toBe(
        'dracut -f --regenerate-all\n',
      );
    },
  );

  it('leave the old configuration in place when the tool fails', async () => {
    const ubuntu = facts({});
    writeFileSync(join(root, 'grub.cfg'), config('x'));
    const { code } = await run(bootDriver(ubuntu).regenerate(ubuntu, due), ['/bin/sh', '-s'], {
      env: { ...env, FAIL: '3' },
    });
    expect(code).toBe(3);
    expect(readFileSync(join(root, 'grub.cfg'), 'utf8')).toBe(config('x'));
    expect(existsSync(join(root, 'grub.cfg.vfleet-new'))).toBe(false);
  });

  it('never overwrite a stub', async () => {
    const centos = facts({ loader: 'grub2-mkconfig' });
    writeFileSync(
      join(root, 'grub.cfg'),
      'search --fs-uuid 1 --set=dev\nset prefix=($dev)/grub2\nconfigfile $prefix/grub.cfg\n',
    );
    const { code, log } = await logged(bootDriver(centos).regenerate(centos, due), ['/bin/sh', '-s']);
    expect([code, log]).toEqual([65, '']);
    const probe = bootDriver(centos).read(centos).probes?.['stub'];
    expect(probe && (await run(probe)).stdout.toString()).toBe('stub\n');
    writeFileSync(join(root, 'grub.cfg'), config('x'));
    expect(probe && (await run(probe)).stdout.toString()).toBe('');
  });

  it('print what was generated, for the judge', async () => {
    writeFileSync(
      join(root, 'grub.cfg'),
      config('intel_iommu=on').replace('default="0"', 'default="${saved_entry}"\nload_env'),
    );
    writeFileSync(join(root, 'grubenv'), '# GRUB Environment Block\nsaved_entry=0\n####');
    const output = await run(readGrubBack(join(root, 'grub.cfg')));
    expect(judgeGrubReadBack(output.sections.get('boot-entries')?.toString() ?? '', wish)[0]).toContain(
      'lacks iommu=pt',
    );
  });

  it('ask the shell of the host about the syntax of each file', async () => {
    const host = facts({});
    const probe = bootDriver(host).read(host).probes?.['syntax'];
    expect(probe?.text).toContain('/etc/default/grub.d/*.cfg');
    expect(probe && (await run(probe)).code).toBe(0);
  });

  it('refuse an initramfs that nobody knows how to build', () => {
    expect(() => initramfsScript(facts({ initramfs: 'mkinitcpio' }))).toThrow(
      /expected dracut or initramfs-tools, found mkinitcpio/,
    );
    expect(() => initramfsScript(facts({ initramfs: 'none' }))).toThrow(/no tool that builds one/);
  });
});
