import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../temporary-folder.ts';
import { vfleet } from './program.ts';

const grub = 'GRUB_TIMEOUT=5\nGRUB_CMDLINE_LINUX_DEFAULT="quiet splash"\nGRUB_CMDLINE_LINUX=\'a="b c"\'\n';
const edited = 'GRUB_TIMEOUT=5\nGRUB_CMDLINE_LINUX_DEFAULT="splash"\nGRUB_CMDLINE_LINUX=\'a="b c" iommu=pt\'\n';

/** A file with a text in a folder of its own. */
async function fileOf(text: string | Buffer, name = 'grub'): Promise<string> {
  const file = join(temporaryFolder('boot-edit'), name);
  await writeFile(file, text);
  return file;
}

function edit(...args: readonly string[]): ReturnType<typeof vfleet> {
  return vfleet(['boot', 'edit', ...args]);
}

describe.concurrent('boot edit', () => {
  it('prints the edited file, and leaves it alone', async ({ expect }) => {
    const file = await fileOf(grub);
    const { code, stdout, stderr } = await edit('--file', file, '--set', 'iommu=pt', '--unset', 'quiet');
    expect([code, stdout, stderr]).toEqual([0, edited, '']);
    expect(await readFile(file, 'utf8')).toBe(grub);
  });

  it('shows a diff, and nothing of what stays', async ({ expect }) => {
    const file = await fileOf(grub);
    const { code, stdout } = await edit('--file', file, '--set', 'iommu=pt', '--unset', 'quiet', '--diff');
    const changed = stdout.split('\n').filter((line) => /^[-+](?![-+])/.test(line));
    expect([code, changed]).toEqual([
      0,
      [
        ...['-GRUB_CMDLINE_LINUX_DEFAULT="quiet splash"', '-GRUB_CMDLINE_LINUX=\'a="b c"\''],
        ...['+GRUB_CMDLINE_LINUX_DEFAULT="splash"', '+GRUB_CMDLINE_LINUX=\'a="b c" iommu=pt\''],
      ],
    ]);
    const again = await edit('--file', await fileOf(edited), '--set', 'iommu=pt', '--diff');
    expect([again.code, again.stdout]).toEqual([0, '']);
    expect(again.stderr).toMatch(/^note: .*grub, read as grub-default: nothing to change\n$/);
  });

  it('reads standard input, and gives back what it was, byte for byte', async ({ expect }) => {
    const input = 'BOOT_IMAGE=/vmlinuz root=UUID=1 ro  console=tty0 dyndbg="file x +p"\tconsole=ttyS0\n';
    const { code, stdout } = await vfleet(['boot', 'edit', '--file', '-', '--unset', 'quiet'], { input });
    expect([code, stdout]).toEqual([0, input]);
  });

  it('takes many arguments, in order, quoted or not, with an equals sign or many', async ({ expect }) => {
    const options = ['--set', 'console=tty0', '--set=console=ttyS0,115200', '--set', 'resume=UUID=1', '--set', 'ro'];
    const quoted = ['--set', 'dyndbg="file x +p"', '--set', 'a=b c', '--unset', 'x', '--unset', 'y'];
    const args = ['boot', 'edit', '--file', '-', '--as', 'cmdline', ...options, ...quoted];
    const { code, stdout } = await vfleet(args, { input: 'y x=1 z x\n' });
    expect([code, stdout]).toEqual([
      0,
      'z console=tty0 console=ttyS0,115200 resume=UUID=1 ro dyndbg="file x +p" a="b c"\n',
    ]);
  });

  it('takes no words that rule one another out', async ({ expect }) => {
    const both = ['--set', 'intel_iommu=off', '--set', 'intel_iommu=on'];
    const { code, stderr } = await vfleet(['boot', 'edit', '--file', '-', ...both], { input: 'root=x\n' });
    expect(stderr).toMatch(/--set intel_iommu=off and --set intel_iommu=on: only one can be meant/);
    expect(code).toBe(64);
  });

  it('says beside the result what stays and loses, and whether a longer list will do', async ({ expect }) => {
    const input = 'root=x intel_iommu=off intel_iommu=on,sm_on iommu=nopt\n';
    const args = ['boot', 'edit', '--file', '-', '--set', 'intel_iommu=on', '--set', 'iommu=pt'];
    const usual = await vfleet(args, { input });
    expect(usual.stdout).toBe('root=x intel_iommu=off intel_iommu=on,sm_on iommu=nopt iommu=pt\n');
    expect(usual.stderr).toBe('note: standard input:1 iommu=nopt stays, but what is added after it wins\n');
    const exact = await vfleet([...args, '--exact'], { input });
    expect(exact.stdout).toBe('root=x intel_iommu=off intel_iommu=on,sm_on iommu=nopt intel_iommu=on iommu=pt\n');
  });

  it('shows what a terminal must not get in a diff as text', async ({ expect }) => {
    const file = await fileOf('# \x1b[2J\nGRUB_CMDLINE_LINUX="a\x1b[31m"\n');
    const { stdout, stderr } = await edit('--file', file, '--set', 'iommu=pt', '--diff');
    expect(stdout).toContain('-GRUB_CMDLINE_LINUX="a\\x1b[31m"');
    expect(stdout + stderr).not.toContain('\x1b');
  });
});

describe.concurrent('boot edit refuses with exit 64, prints nothing and says what to do:', () => {
  const set = ['--set', 'iommu=pt'];
  it.each([
    [
      'an unterminated quote',
      'A=1\nGRUB_CMDLINE_LINUX="a\n',
      set,
      /grub:2 .*GRUB_CMDLINE_LINUX=.*a double quote that is never closed; next: close or remove it/,
    ],
    [
      'a substitution',
      'GRUB_CMDLINE_LINUX="$(cat /x)"\n',
      set,
      /grub:1 GRUB_CMDLINE_LINUX: .*found \$\(cat \/x\).*; next: run it yourself/,
    ],
    ['CR LF', 'GRUB_CMDLINE_LINUX="a"\r\n', set, /grub:1 .*CR LF; next: convert the file/],
    [
      'a file of two kinds',
      'title x\nlinux /vmlinuz\noptions a\n',
      set,
      /next: say which it is: --as bls or --as systemd-boot/,
    ],
    ['a file of none', 'hello\n', set, /found neither a known path nor a known text; next: .*--as grub-default/],
    [
      'a later contradiction',
      'GRUB_CMDLINE_LINUX_DEFAULT="iommu=nopt"\n',
      set,
      /grub:1 iommu=nopt: .*comes after it and wins; next: remove/,
    ],
    [
      'a value that the kernel does not know',
      grub,
      ['--set', 'amd_iommu=on'],
      /amd_iommu=on: .*on by default; next: drop it/,
    ],
    ['a character that does not arrive', grub, ['--set', "a='b'"], /a='b': .*the character ' in it/],
    ['a name that is none', grub, ['--set', 'a b'], /"a b": expected letters/],
    ['nothing to do', grub, [], /boot edit: give --set NAME=VALUE or --unset NAME/],
    ['a value to unset', grub, ['--unset', 'quiet=1'], /--unset quiet=1: expected a name alone, such as quiet/],
    [
      'both of one',
      grub,
      ['--set', 'vfio-pci.ids=1', '--unset', 'vfio_pci.ids'],
      /--unset vfio_pci\.ids: it is set too/,
    ],
    ['with and without a value', grub, ['--set', 'a', '--set', 'a=1'], /--set a: with a value and without one/],
    ['an unknown kind', grub, [...set, '--as', 'lilo'], /--as: expected one of "grub-default", "bls"/],
    ['an empty value', grub, ['--set', ''], /--set: a value is missing/],
  ])('%s', async (_why, text, args, said) => {
    const { code, stdout, stderr } = await edit('--file', await fileOf(text), ...args);
    expect(stderr).toMatch(said);
    expect(stderr).not.toContain('this is a bug');
    expect([code, stdout]).toEqual([64, '']);
  });

  it.each([
    [
      'a file that is not there',
      ['--file', '/nowhere/grub', '--set', 'a'],
      /--file \/nowhere\/grub: .*no such file.*; next: check --file/,
    ],
    ['a folder', ['--file', '/', '--set', 'a'], /--file \/: expected a file, found it is a folder/],
    ['no file', ['--set', 'a'], /Missing required argument: file/],
    ['an unknown command', [], /boot: name what to do: edit or explain/],
  ])('%s', async (_why, args, said) => {
    const { code, stdout, stderr } = await vfleet(['boot', ...(args.length > 0 ? ['edit'] : []), ...args]);
    expect(stderr).toMatch(said);
    expect([code, stdout]).toEqual([64, '']);
  });
});

describe('boot edit --help', () => {
  it('names every option and gives examples', async () => {
    const { code, stdout } = await edit('--help');
    expect(code).toBe(0);
    for (const option of ['--file', '--set', '--unset', '--as', '--exact', '--diff']) expect(stdout).toContain(option);
    expect(stdout).toMatch(/^Examples:\n {2}vfleet boot edit/m);
  });
});
