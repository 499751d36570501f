import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BootPlan } from '../../src/boot/driver.ts';
import { initramfsScript } from '../../src/boot/initramfs.ts';
import type { OwnedArguments } from '../../src/boot/owned.ts';
import { systemdBoot } from '../../src/boot/systemd-boot.ts';
import type { ArgumentWish } from '../../src/boot/wish.ts';
import type { Facts } from '../../src/facts/facts.ts';
import { raw, type Script } from '../../src/shell/script.ts';
import { run, shells } from '../resources/shells.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { factsOf } from './facts.ts';
import { stateOf } from './files.ts';

const folder = '/boot/efi/loader/entries';
const cmdline = '/etc/kernel/cmdline';
const running = 'initrd=\\debian\\6.1.0-40-amd64\\initrd.img root=UUID=1 ro quiet';
const wish: ArgumentWish = { present: ['intel_iommu=on', 'iommu=pt'], absent: [] };
const nothing: ArgumentWish = { present: [], absent: [] };
const mounts = { code: 0, stdout: 'mounted /boot/efi vfat\n' };
type Files = Readonly<Record<string, string>>;

function entry(release: string, options: string, more = ''): string {
  return `title      Debian GNU/Linux 12 (bookworm)\nversion    ${release}\n${more}options    ${options}\nlinux      /debian/${release}/linux\n`;
}

function hostOf(files: Files, chosen?: string): Facts {
  const entries = Object.keys(files).map((path) => {
    const found = /^options +(.*)$/m.exec(files[path] ?? '')?.[1] ?? '';
    return { title: 'Debian GNU/Linux 12 (bookworm)', kernel: null, arguments: found, default: path === chosen };
  });
  return factsOf({ boot: { loader: 'systemd-boot', configPath: folder, running, entries } });
}

function plan(files: Files, given: ArgumentWish, owned: OwnedArguments = {}, facts = hostOf(files)): BootPlan {
  const state = stateOf(files, { around: { code: 0, stdout: '' }, mounts });
  return systemdBoot.plan(given, { host: 'node01', facts, state, owned });
}

function after(files: Files, { files: written }: BootPlan): Files {
  return { ...files, ...Object.fromEntries(written.map(({ path, after: text }) => [path, text ?? ''])) };
}

const blank = fc.constantFrom(' ', '  ', '\t');
const token = fc.constantFrom(
  ...['root=UUID=1', 'quiet', 'iommu=pt', 'iommu=nopt', 'intel_iommu=on', 'console=tty0', 'console=ttyS0,115200'],
  ...['rd.luks.name=a=b', 'dyndbg="file x.c +p"', 'crashkernel=1G-4G:192M,4G-:256M', 'é', 'machine=x'],
);
const options = fc
  .array(fc.tuple(token, blank), { maxLength: 6 })
  .map((parts) => parts.map(([word, gap]) => word + gap).join(''));

it('undoes to the bytes before, and a second run finds nothing to do', () => {
  const files = fc.tuple(options, options, fc.option(options), fc.boolean()).map(
    ([one, two, three, end]): Files => ({
      [`${folder}/a.conf`]: entry('6.1.0-39-amd64', one),
      [`${folder}/b+3.conf`]: end ? entry('6.1.0-40-amd64', two) : entry('6.1.0-40-amd64', two).trimEnd(),
      // To one that holds nothing a line end is added, which only its backup takes back.
      ...(three !== null && three.trim() !== '' && { [cmdline]: three }),
    }),
  );
  let changes = 0;
  fc.assert(
    fc.property(files, (text) => {
      // As the driver reads them: one character for each byte.
      const before = Object.fromEntries(
        Object.entries(text).map(([path, each]) => [path, Buffer.from(each).toString('latin1')]),
      );
      const state = (now: Files) =>
        Object.fromEntries(Object.entries(now).map(([path, each]) => [path, Buffer.from(each, 'latin1')]));
      const act = (now: Files, given: ArgumentWish, owned: OwnedArguments) =>
        systemdBoot.plan(given, {
          host: 'h',
          facts: hostOf(now),
          owned,
          state: stateOf(state(now), { around: { code: 0, stdout: '' }, mounts }),
        });
      const first = act(before, wish, {});
      const then = after(before, first);
      if (first.files.length > 0) changes += 1;
      expect(act(then, wish, first.ownedTokens).files).toEqual([]);
      const undone = act(then, nothing, first.ownedTokens);
      expect(after(then, undone)).toEqual(before);
      expect(act(before, nothing, undone.ownedTokens).files).toEqual([]);
    }),
    { numRuns: 300 },
  );
  expect(changes).toBeGreaterThan(100);
});

describe('the entries', () => {
  const old = `${folder}/debian-6.1.0-39-amd64.conf`;
  const now = `${folder}/debian-6.1.0-40-amd64.conf`;
  const both = {
    [now]: entry('6.1.0-40-amd64', 'root=UUID=1 ro quiet'),
    [old]: entry('6.1.0-39-amd64', 'root=UUID=1 ro'),
  };

  it('are written with the default one last, behind what later kernels take', () => {
    for (const [chosen, order] of [
      [now, [old, now]],
      [old, [now, old]],
    ] as const) {
      const files = { ...both, [cmdline]: 'root=UUID=1 ro quiet\n' };
      expect(plan(files, wish, {}, hostOf(files, chosen)).files.map(({ path }) => path)).toEqual([cmdline, ...order]);
    }
  });

  it('are owned by name, whatever boots were counted in it', () => {
    const counted = { [`${folder}/x+3.conf`]: entry('6.1.0', 'root=UUID=1') };
    const first = plan(counted, wish);
    expect(first.ownedTokens).toEqual({ [`${folder}/x.conf`]: wish.present });
    const text = after(counted, first)[`${folder}/x+3.conf`] ?? '';
    for (const name of ['x+2-1.conf', 'x.conf']) {
      const undone = plan({ [`${folder}/${name}`]: text }, nothing, first.ownedTokens);
      expect(undone.files).toMatchObject([{ after: counted[`${folder}/x+3.conf`] }]);
    }
  });

  it('of a kernel that was installed later are undone as well, but nothing that stood there before', () => {
    const written = entry('6.1.0-39-amd64', 'root=UUID=1 ro intel_iommu=on iommu=pt');
    const later = entry('6.1.0-40-amd64', 'root=UUID=1 ro intel_iommu=on iommu=pt');
    expect(plan({ [old]: written, [now]: later }, nothing, { [old]: wish.present }).files).toHaveLength(2);
    expect(plan({ [old]: written, [now]: later }, nothing, { [old]: ['iommu=pt'] }).removed).toEqual(['iommu=pt']);
    expect(plan({ [old]: written, [now]: later }, nothing, { [old]: wish.present, [now]: [] }).files).toMatchObject([
      { path: old },
    ]);
    const fromFile = { [cmdline]: 'root=UUID=1 ro iommu=pt\n', [old]: written };
    expect(plan(fromFile, nothing, { [cmdline]: [], [now]: wish.present }).files).toEqual([]);
  });

  it('of another installation on the same partition are left alone', () => {
    const other = entry('6.9.0', 'root=UUID=2 rw', 'machine-id ffffffffffffffffffffffffffffffff\n');
    expect(
      plan({ ...both, [`${folder}/other.conf`]: other }, wish)
        .files.map(({ path }) => path)
        .sort(),
    ).toEqual([old, now]);
    // A copied image has another id, and the same root file system.
    const copied = entry('6.9.0', 'root=UUID=1 rw', 'machine-id ffffffffffffffffffffffffffffffff\n');
    expect(plan({ [old]: copied }, wish).files).toHaveLength(1);
  });

  it('are refused where one starts a unified kernel image', () => {
    const uki = 'title x\nuki /EFI/x.efi\n';
    expect(() => plan({ ...both, [`${folder}/uki.conf`]: uki }, wish)).toThrow(
      expect.objectContaining({ code: 'boot.unified' }),
    );
  });

  it('are refused where one is a link', () => {
    const state = stateOf({ [now]: { kind: 'other', type: 'a symbolic link to /x' } });
    const facts = hostOf({});
    expect(() => systemdBoot.plan(wish, { host: 'h', facts, owned: {}, state })).toThrow(
      /found a symbolic link to \/x/,
    );
  });
});

it('says what kernels that are installed later lack', () => {
  const files = { [`${folder}/a.conf`]: entry('6.1.0', 'root=UUID=1') };
  const notes = (stdout: string): string =>
    systemdBoot
      .plan(wish, {
        host: 'h',
        facts: hostOf(files),
        owned: {},
        state: stateOf(files, { around: { code: 0, stdout }, mounts }),
      })
      .notes.join('\n');
  expect(notes('kernel-install\n')).toContain('install none before the reboot');
  expect(notes('kernel-install\nvendor-cmdline\n')).toContain('/usr/lib/kernel/cmdline, without these');
  expect(notes('cmdline.d\n')).toContain('/etc/kernel/cmdline.d');
  expect(notes('')).not.toContain('installed later');
});

/** The script, with the folders of a host below another one. */
function below(root: string, script: Script): Script {
  return raw(
    script.text.replaceAll(/(?<![\w}/-])\/(boot|efi|etc\/kernel|etc\/initramfs|usr\/lib\/kernel)\//g, `${root}/$1/`),
  );
}

function lay(files: Files): string {
  const root = temporaryFolder('systemd-boot');
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return root;
}

describe.each(shells.map((shell) => ({ shell, name: shell.join(' ') })))('under $name', ({ shell }) => {
  const good = entry('6.1.0-40-amd64', 'root=UUID=1 "intel_iommu=on" iommu=pt');

  it('reads the entries back, and judges each of them', async () => {
    const other = entry('6.9.0', 'root=UUID=2 rw', 'machine-id ffffffffffffffffffffffffffffffff\n');
    const root = lay({
      [`${folder}/a.conf`]: good,
      '/efi/loader/entries/b.conf': entry('6.1.0-39-amd64', 'root=UUID=1 iommu=pt'),
      [`${folder}/other.conf`]: other,
      [`${folder}/memtest.conf`]: 'title Memtest\nefi /memtest.efi\n',
    });
    const { code, sections } = await run(below(root, systemdBoot.readBack(hostOf({}))), shell);
    expect(code).toBe(0);
    const text = sections.get('boot-entries')?.toString() ?? '';
    const due = { kind: 'boot-configuration', reason: 'x', ...wish } as const;
    expect(systemdBoot.judgeReadBack(text, due)).toEqual([
      `boot entry ${root}/efi/loader/entries/b.conf lacks intel_iommu=on`,
    ]);
    expect(systemdBoot.judgeReadBack('system - -\n', due)).toEqual([
      'there is no boot entry of this system in loader/entries',
    ]);
  });

  it('sees what is there beside the entries', async () => {
    const root = lay({
      '/efi/EFI/Linux/arch.efi': 'x',
      '/etc/kernel/cmdline.d/10.conf': 'a',
      '/usr/lib/kernel/cmdline': 'a',
    });
    const probe = systemdBoot.read(hostOf({})).probes?.['around'];
    const { stdout } = await run(below(root, probe ?? raw('')), shell, { env: { PATH: '/usr/bin:/bin' } });
    const lines = stdout
      .toString()
      .split('\n')
      .filter((line) => line !== '' && line !== 'kernel-install');
    expect(lines).toEqual(['vendor-cmdline', 'cmdline.d', `${root}/efi/EFI/Linux/arch.efi`]);
  });

  /** As update-initramfs of Debian: its hook has kernel-install write the entries anew, from what runs. */
  async function rebuild(files: Files, tool: string): Promise<{ readonly code: number; readonly root: string }> {
    const root = lay(files);
    const bin = temporaryFolder('bin');
    writeFileSync(join(bin, 'update-initramfs'), `#!/bin/sh\n${tool}\n`.replaceAll('ROOT', root), { mode: 0o755 });
    const script = below(root, initramfsScript(hostOf({})));
    const { code } = await run(script, shell, {
      env: { PATH: `${bin}:/usr/bin:/bin`, TMPDIR: temporaryFolder('kept') },
    });
    return { code, root };
  }
  const a = `${folder}/a.conf`;
  const rewrite = `f=ROOT${a}; sed 's/^options.*/options    root=UUID=1 ro/' $f >$f.new && mv $f.new $f`;

  it('keeps the options of entries that a rebuilt initramfs has written anew from the running kernel', async () => {
    const { code, root } = await rebuild({ [a]: good }, rewrite);
    expect([code, readFileSync(join(root, a), 'utf8')]).toEqual([0, good]);
    expect(readdirSync(join(root, folder))).toEqual(['a.conf']);
  });

  it('leaves them as they were written from /etc/kernel/cmdline, and what starts another image', async () => {
    const configured = await rebuild({ [a]: good, [cmdline]: 'root=UUID=1 ro\n' }, rewrite);
    expect(readFileSync(join(configured.root, a), 'utf8')).toContain('options    root=UUID=1 ro\n');
    const moved = await rebuild({ [a]: good }, `${rewrite}; echo 'initrd /x' >>ROOT${a}`);
    expect(readFileSync(join(moved.root, a), 'utf8')).toContain('options    root=UUID=1 ro\n');
    const gone = await rebuild({ [a]: good }, `rm ROOT${a}`);
    expect(existsSync(join(gone.root, a))).toBe(false);
  });

  it('fails as the tool fails, with the entries as they were', async () => {
    const { code, root } = await rebuild({ [a]: good }, `${rewrite}; exit 3`);
    expect([code, readFileSync(join(root, a), 'utf8')]).toEqual([3, good]);
  });
});
