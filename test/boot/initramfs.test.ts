import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { initramfsScript, refuseUnknownInitramfs } from '../../src/boot/initramfs.ts';
import type { BootFacts, Facts } from '../../src/facts/facts.ts';
import { raw } from '../../src/shell/script.ts';
import { run, shells } from '../resources/shells.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { factsOf } from './facts.ts';

const releases = ['6.12.43+deb13-amd64', '6.1.0-18-amd64'];

function hostOf(boot: Partial<BootFacts>): Facts {
  return factsOf({ boot, kernel: { installed: releases } });
}

describe.each(shells.map((shell) => ({ shell, name: shell.join(' ') })))('under $name', ({ shell }) => {
  /** What is run, with the folders of the host below another one. */
  async function logOf(facts: Facts, prepare: (root: string) => void = () => {}, fail = ''): Promise<string> {
    const root = temporaryFolder('initramfs');
    for (const folder of ['bin', 'boot', 'etc/initramfs/post-update.d', 'tmp'])
      mkdirSync(join(root, folder), { recursive: true });
    for (const tool of ['bin/dracut', 'bin/update-initramfs', 'etc/initramfs/post-update.d/systemd-boot']) {
      const text = `#!/bin/sh\necho "\${0##*/} $*" >>${root}/log\ncase "$*" in *${fail || 'nothing'}*) exit 5;; esac\n`;
      writeFileSync(join(root, tool), text, { mode: tool.startsWith('etc') ? 0o644 : 0o755 });
    }
    prepare(root);
    const script = initramfsScript(facts).text.replaceAll(/(?<![\w}/-])\/(boot|etc)\//g, `${root}/$1/`);
    const env = { PATH: `${root}/bin:/usr/bin:/bin`, TMPDIR: join(root, 'tmp') };
    const { code } = await run(raw(`(${script}\n)`), shell, { env });
    return `${readFileSync(join(root, 'log'), 'utf8').replaceAll(root, '')}exit ${code}`;
  }

  it('rebuilds each kernel once: dracut of Ubuntu 25.10, SUSE and the families of Red Hat', async () => {
    for (const loader of ['update-grub', 'grub2-mkconfig', 'bls'] as const) {
      expect(await logOf(hostOf({ loader, initramfs: 'dracut' }))).toBe(
        'dracut -f --kver 6.12.43+deb13-amd64\ndracut -f --kver 6.1.0-18-amd64\nexit 0',
      );
    }
  });

  it('puts an image in the place of the one that is there only when it is whole, and dracut did not fail', async () => {
    const [first = '', second = ''] = releases;
    const facts = hostOf({ loader: 'bls', initramfs: 'dracut' });
    let at = '';
    const prepare = (root: string): void => {
      at = root;
      const dracut = join(root, 'bin/dracut');
      writeFileSync(dracut, `${readFileSync(dracut, 'utf8')}printf new >"$2"\n`);
      for (const release of releases)
        writeFileSync(join(root, `boot/initramfs-${release}.img`), 'old', { mode: 0o640 });
    };
    const images = (): readonly string[] =>
      releases.map((release) => readFileSync(join(at, `boot/initramfs-${release}.img`), 'utf8'));
    const beside = (release: string): string => `dracut -f /boot/.initramfs-${release}.img.vfleet-new ${release}`;
    expect(await logOf(facts, prepare)).toBe(`${beside(first)}\n${beside(second)}\nexit 0`);
    expect(images()).toEqual(['new', 'new']);
    expect(readdirSync(join(at, 'boot')).sort()).toEqual(releases.map((release) => `initramfs-${release}.img`).sort());
    expect(statSync(join(at, `boot/initramfs-${first}.img`)).mode & 0o777).toBe(0o640);
    expect(await logOf(facts, prepare, second.slice(0, 8))).toBe(`${beside(first)}\n${beside(second)}\nexit 5`);
    expect(images()).toEqual(['new', 'old']);
  });

  it('leaves the place to dracut where there are two, or a unified kernel image is made', async () => {
    const [first = '', second = ''] = releases;
    const facts = hostOf({ loader: 'bls', initramfs: 'dracut' });
    const plain = `dracut -f --kver ${first}\ndracut -f --kver ${second}\nexit 0`;
    const prepare = (root: string): void => {
      for (const release of releases) {
        writeFileSync(join(root, `boot/initramfs-${release}.img`), 'old');
        mkdirSync(join(root, 'boot/0123456789abcdef', release), { recursive: true });
        writeFileSync(join(root, 'boot/0123456789abcdef', release, 'initrd'), 'old');
      }
    };
    expect(await logOf(facts, prepare)).toBe(plain);
    const unified = (root: string): void => {
      for (const release of releases) writeFileSync(join(root, `boot/initramfs-${release}.img`), 'old');
      mkdirSync(join(root, 'etc/dracut.conf.d'), { recursive: true });
      writeFileSync(join(root, 'etc/dracut.conf.d/uki.conf'), 'uefi="yes"\n');
    };
    expect(await logOf(facts, unified)).toBe(plain);
  });

  it('stops at the first kernel that fails', async () => {
    expect(await logOf(hostOf({ initramfs: 'dracut' }), undefined, 'deb13')).toBe(
      'dracut -f --kver 6.12.43+deb13-amd64\nexit 5',
    );
  });

  it('leaves all kernels to update-initramfs where that is the tool, also on Proxmox', async () => {
    for (const loader of ['update-grub', 'proxmox-boot-tool', 'systemd-boot'] as const) {
      expect(await logOf(hostOf({ loader, initramfs: 'initramfs-tools' }))).toBe('update-initramfs -u -k all\nexit 0');
    }
  });

  it('has what dracut built copied to where the entries of systemd-boot name it', async () => {
    const facts = hostOf({ loader: 'systemd-boot', initramfs: 'dracut' });
    const debian = (root: string): void => {
      const hook = join(root, 'etc/initramfs/post-update.d/systemd-boot');

      chmodSync(hook, 0o755);
      const dracut = join(root, 'bin/dracut');
      writeFileSync(dracut, `${readFileSync(dracut, 'utf8')}printf new >"$2"\n`);
      writeFileSync(join(root, 'boot/initrd.img-6.12.43+deb13-amd64'), 'old');
    };
    expect(await logOf(facts, debian)).toBe(
      `dracut -f /boot/.initrd.img-6.12.43+deb13-amd64.vfleet-new 6.12.43+deb13-amd64
systemd-boot 6.12.43+deb13-amd64 /boot/initrd.img-6.12.43+deb13-amd64
dracut -f --kver 6.1.0-18-amd64
exit 0`,
    );
    // Fedora and Arch: dracut finds the folder of the entry by itself.
    expect(await logOf(facts)).toBe('dracut -f --kver 6.12.43+deb13-amd64\ndracut -f --kver 6.1.0-18-amd64\nexit 0');
  });
});

describe('a host whose initramfs nobody here builds', () => {
  it.each([
    [{ initramfs: 'mkinitcpio' }, /expected dracut or initramfs-tools, found mkinitcpio/],
    [{ initramfs: 'none' }, /no tool that builds one/],
    // dracut is there, and would write into a deployment that is read-only.
    [{ loader: 'ostree', initramfs: 'dracut' }, /an ostree deployment, which brings its own/],
  ] as const)('%j is refused', (boot, words) => {
    expect(() => refuseUnknownInitramfs(hostOf(boot))).toThrow(words);
    expect(() => initramfsScript(hostOf(boot))).toThrow(expect.objectContaining({ code: 'initramfs.unsupported' }));
  });
});
