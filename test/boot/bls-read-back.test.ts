import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { bls } from '../../src/boot/bls.ts';
import { judgeBlsReadBack } from '../../src/boot/bls-read-back.ts';
import type { ArgumentWish } from '../../src/boot/wish.ts';
import { raw, type Script } from '../../src/shell/script.ts';
import { run, shells } from '../resources/shells.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { factsOf } from './facts.ts';

const wish: ArgumentWish = { present: ['intel_iommu=on', 'iommu=pt'], absent: ['nosmt'] };
const facts = factsOf({ boot: { loader: 'bls', configPath: '/boot/grub2/grub.cfg' } });
const effect = { kind: 'boot-configuration', reason: '', ...wish } as const;
const config = 'load_env\nset default="${saved_entry}"\nset tuned_params="isolcpus=1"\nblscfg\n';
const both = 'root=/dev/sda1 ro intel_iommu=on iommu=pt';

function entry(version: string, options: string, title = `Linux (${version})`): Record<string, string> {
  const text = `title ${title}\nversion ${version}\nlinux /vmlinuz-${version}\noptions ${options}\n`;
  return { [`/boot/loader/entries/0123-${version}.conf`]: text };
}

function block(...lines: readonly string[]): string {
  return `# GRUB Environment Block\n${lines.map((line) => `${line}\n`).join('')}`.padEnd(1024, '#');
}

/** A block of `grubby --info=ALL`, as grubby of EL9 prints it. */
function info(version: string, args: string, id = `0123-${version}`): string {
  return `index=0\nkernel="/boot/vmlinuz-${version}"\nargs="${args}"\nroot="/dev/sda1"\ntitle="Linux (${version})"\nid="${id}"\n`;
}

/** A folder in the place of the root, with a grubby of its own. */
function hostOf(files: Record<string, string>, grubby: string | null): string {
  const root = temporaryFolder('read-back');
  for (const [path, text] of Object.entries({ '/boot/grub2/grub.cfg': config, ...files })) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  mkdirSync(join(root, 'bin'));
  if (grubby !== null) {
    writeFileSync(join(root, 'bin/grubby'), `#!/bin/sh\n[ "$*" = --info=ALL ] || exit 1\n${grubby}\n`);
    chmodSync(join(root, 'bin/grubby'), 0o755);
  }
  return root;
}

/** What is wrong with a host, by the scripts and the judgement that a run uses. */
async function problemsOf(
  files: Record<string, string>,
  grubby: string | null = null,
  shell = ['/bin/sh', '-s'],
): Promise<readonly string[]> {
  const root = hostOf(files, grubby);
  const env = { PATH: `${join(root, 'bin')}:${process.env['PATH']}` };
  const { code, sections } = await run(inside(root, bls.readBack(facts)), shell, { env });
  expect(code).toBe(0);
  const text = sections.get('boot-entries')?.toString('utf8') ?? '';
  return bls.judgeReadBack(text, effect).map((problem) => problem.replaceAll(root, ''));
}

function inside(root: string, script: Script): Script {
  return raw(script.text.replaceAll('/boot/', `${root}/boot/`));
}

function says(...blocks: readonly string[]): string {
  return `cat <<'EOF'\n${blocks.join('')}EOF`;
}

describe.each(shells)('read back by %s', (...shell) => {
  it('entries that have all are right, with their arguments in kernelopts or in their own', async () => {
    const files = {
      ...entry('5.14.0-1', `${both} $tuned_params`),
      ...entry('5.14.0-2', '$kernelopts'),
      '/boot/grub2/grubenv': block('saved_entry=0123-5.14.0-2', `kernelopts=${both}`),
    };
    expect(await problemsOf(files, null, shell)).toEqual([]);
    expect(await problemsOf(files, says(info('5.14.0-1', both), info('5.14.0-2', both)), shell)).toEqual([]);
  });
});

describe('what is wrong', () => {
  it('is said of each entry, the default one or not, with its file', async () => {
    const files = {
      ...entry('5.14.0-1', 'ro iommu=nopt nosmt'),
      ...entry('5.14.0-2', both),
      ...entry('0-rescue-1', 'ro'),
    };
    expect(await problemsOf(files)).toEqual([
      'boot entry "Linux (0-rescue-1)" lacks intel_iommu=on, lacks iommu=pt (/boot/loader/entries/0123-0-rescue-1.conf)',
      'boot entry "Linux (5.14.0-1)" lacks intel_iommu=on, has iommu=nopt where iommu=pt is wished, still has nosmt (/boot/loader/entries/0123-5.14.0-1.conf)',
    ]);
  });

  it('is seen in variables: kernelopts of grubenv, what tuned sets', async () => {
    const grubenv = { '/boot/grub2/grubenv': block('kernelopts=ro iommu=pt') };
    expect(await problemsOf({ ...entry('5.14.0-2', '$kernelopts'), ...grubenv })).toEqual([
      expect.stringContaining('lacks intel_iommu=on'),
    ]);
    const tuned = { '/boot/grub2/grub.cfg': config.replace('isolcpus=1', 'nosmt') };
    expect(await problemsOf({ ...entry('5.14.0-2', `${both} $tuned_params`), ...tuned })).toEqual([
      expect.stringContaining('still has nosmt'),
    ]);
  });

  it('is named on both sides where grubby says otherwise than the file', async () => {
    const files = { ...entry('5.14.0-1', both), ...entry('5.14.0-2', both) };
    const grubby = says(info('5.14.0-2', 'ro intel_iommu=on'), info('5.14.0-1', both));
    expect(await problemsOf(files, grubby)).toEqual([
      'boot entry "Linux (5.14.0-2)" has what is wished in /boot/loader/entries/0123-5.14.0-2.conf, but grubby --info=ALL says that it lacks iommu=pt',
    ]);
  });

  it('is a block that GRUB cannot read, and a folder without entries', async () => {
    const files = { ...entry('5.14.0-2', both), '/boot/grub2/grubenv': 'x' };
    expect(await problemsOf(files)).toEqual([expect.stringContaining('expected an environment block of 1024 bytes')]);
    expect(await problemsOf({})).toEqual(['there is no boot entry with a Linux kernel in /boot/loader/entries']);
  });
});

describe('what is not', () => {
  it('a grubby that fails or says nothing', async () => {
    for (const grubby of ['exit 1', 'echo oops >&2; exit 2', ':']) {
      expect(await problemsOf(entry('5.14.0-2', both), grubby)).toEqual([]);
    }
  });

  it('an older grubby that shows no id, other blanks, and names beyond ASCII', async () => {
    const old = info('5.14.0-2', both)
      .replace(/^id=.*\n/m, '')
      .replaceAll('"', '')
      .replace('args=', 'args="')
      .replace('pt\n', 'pt"\n');
    expect(await problemsOf(entry('5.14.0-2', both), says(old))).toEqual([]);
    const files = {
      ...entry('5.14.0-2', both, 'Linux für alle'),
      '/boot/grub2/grubenv': block('saved_entry=Linux für alle'),
    };
    // 1024 bytes, of which two are one character.
    const grubenv = files['/boot/grub2/grubenv'].replace(/##$/, '#');
    expect(await problemsOf({ ...files, '/boot/grub2/grubenv': grubenv })).toEqual([]);
    const spaced = { ...wish, present: ['dyndbg="file x  +p"'] };
    const text = `### /boot/loader/entries/a.conf, read by vfleet ###\ntitle a\nlinux /vmlinuz-1\noptions ro dyndbg="file x  +p"\n### grubby --info=ALL, read by vfleet ###\n${info('1', 'ro dyndbg="file x +p"', 'a')}`;
    expect(judgeBlsReadBack(text, spaced)).toEqual([]);
  });
});

describe('flushing to disk', () => {
  it("fails where GRUB's own tool cannot read the block", async () => {
    const root = hostOf({ '/boot/grub2/grubenv': 'x' }, null);
    const tool = join(root, 'bin/grub2-editenv');
    const env = { PATH: `${join(root, 'bin')}:${process.env['PATH']}` };
    const flush = inside(root, bls.regenerate(facts, effect));
    expect(await run(flush, ['/bin/sh', '-s'], { env })).toMatchObject({ code: 0 });
    writeFileSync(tool, '#!/bin/sh\necho "invalid environment block: $1 $2" >&2; exit 1\n', { mode: 0o755 });
    const { code, stderr } = await run(flush, ['/bin/sh', '-s'], { env });
    expect([code, stderr]).toEqual([65, `invalid environment block: ${root}/boot/grub2/grubenv list\n`]);
  });
});

it('an entry of which GRUB does not see the arguments is named, however it reads to people', async () => {
  const [path = '', text = ''] = Object.entries(entry('5.14.0-1', both))[0] ?? [];
  const found = await problemsOf({ [path]: text.replace('options', '\noptions') });
  expect(found).toEqual([
    `boot entry ${path}:4 is not read whole: an empty line, where GRUB stops reading, before options`,
    expect.stringMatching(/^boot entry "Linux \(5\.14\.0-1\)" lacks intel_iommu=on, lacks iommu=pt/),
  ]);
});
