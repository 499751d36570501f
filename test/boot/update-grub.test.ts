import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { missingArguments } from '../../src/boot/arguments.ts';
import type { BootPlan } from '../../src/boot/driver.ts';
import type { OwnedArguments } from '../../src/boot/owned.ts';
import { updateGrub } from '../../src/boot/update-grub.ts';
import type { ArgumentWish } from '../../src/boot/wish.ts';
import type { FileState } from '../../src/resources/resource.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { factsOf } from './facts.ts';
import { stateOf } from './files.ts';

const main = '/etc/default/grub';
const dropIn = '/etc/default/grub.d/99-vfleet.cfg';
const facts = factsOf({});
type Files = Readonly<Record<string, string | FileState>>;

function plan(files: Files, wish: ArgumentWish, owned: OwnedArguments = {}): BootPlan {
  return updateGrub.plan(wish, { host: 'node01', facts, owned, state: stateOf(files) });
}

/** The arguments of a normal boot entry, by the shell: all files sourced as grub-mkconfig does, under `set -e`. */
function entry(files: Readonly<Record<string, string>>): string {
  const root = temporaryFolder('grub');
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  const script = `set -e; . ${root}${main}; for x in ${root}/etc/default/grub.d/*.cfg; do if [ -e "$x" ]; then . "$x"; fi; done
printf %s "$GRUB_CMDLINE_LINUX $GRUB_CMDLINE_LINUX_DEFAULT"`;
  const { stdout, status, stderr } = spawnSync('/bin/sh', ['-c', script], { encoding: 'utf8' });
  expect([status, stderr]).toEqual([0, '']);
  return stdout;
}

function after(files: Readonly<Record<string, string>>, { files: [file] }: BootPlan): Record<string, string> {
  const { [dropIn]: old, ...others } = files;
  const text = file === undefined ? old : (file.after ?? undefined);
  return { ...others, ...(text !== undefined && { [dropIn]: text }) };
}

const wish: ArgumentWish = { present: ['intel_iommu=on', 'iommu=pt'], absent: [] };

it('gives the kernel what is wished, and leaves alone what others configure', () => {
  const token = fc.constantFrom(
    'iommu=pt',
    'iommu=nopt',
    'intel_iommu=on',
    'intel_iommu=off',
    'quiet',
    'a=b=c',
    'console=ttyS0',
  );
  const line = fc.array(token, { maxLength: 4 }).map((tokens) => tokens.join(' '));
  const files = fc.tuple(line, line, line).map(
    ([one, two, three]): Record<string, string> => ({
      [main]: `GRUB_CMDLINE_LINUX="${one}"\nGRUB_CMDLINE_LINUX_DEFAULT="${two}"\n`,
      '/etc/default/grub.d/50-cloudimg-settings.cfg': `GRUB_CMDLINE_LINUX_DEFAULT="${three}"\n`,
    }),
  );
  let planned = 0;
  fc.assert(
    fc.property(files, (before) => {
      let result: BootPlan;
      try {
        result = plan(before, wish);
      } catch (error) {
        // Refused only when the default arguments, which come last, say otherwise.
        expect(error).toMatchObject({ code: 'boot.contradiction' });
        expect(
          missingArguments(wish.present, `${wish.present.join(' ')} ${entry(before).split(' ').slice(1).join(' ')}`),
        ).not.toEqual([]);
        return;
      }
      planned += 1;
      const files = after(before, result);
      expect(missingArguments(wish.present, entry(files))).toEqual([]);
      const foreign = entry(before).split(' ').filter(Boolean);
      const rest = entry(files)
        .split(' ')
        .filter((word) => !result.added.includes(word) || foreign.includes(word));
      for (const word of foreign) expect(rest).toContain(word);
      expect(plan(files, wish, result.ownedTokens).files).toEqual([]);
    }),
    { numRuns: 80 },
  );
  expect(planned).toBeGreaterThan(10);
});

describe('the drop-in', () => {
  const base = { [main]: 'GRUB_CMDLINE_LINUX=""\n' };

  it('repeats nothing that others configure', () => {
    const before = { [main]: 'GRUB_CMDLINE_LINUX_DEFAULT="quiet iommu=pt"\n' };
    expect(plan(before, wish)).toMatchObject({
      ownedTokens: { [dropIn]: ['intel_iommu=on'] },
      added: ['intel_iommu=on'],
    });
    expect(entry(after(before, plan(before, wish)))).toBe(' intel_iommu=on quiet iommu=pt');
  });

  it('is not made when there is nothing to add, and goes when nothing is left', () => {
    expect(plan({ [main]: 'GRUB_CMDLINE_LINUX="iommu=pt intel_iommu=on"\n' }, wish).files).toEqual([]);
    const owned = plan(base, wish);
    const gone = plan(after(base, owned), { present: [], absent: ['iommu'] }, owned.ownedTokens);
    expect(gone.files[0]).toMatchObject({ path: dropIn, after: null });
    expect(gone.removed).toEqual(['intel_iommu=on', 'iommu=pt']);
  });

  it('keeps the arguments of other playbooks, and playbooks that take turns change nothing', () => {
    const pages: ArgumentWish = { present: ['hugepagesz=1G', 'hugepages=4'], absent: [] };
    const first = plan(base, wish);
    const second = plan(after(base, first), pages);
    const files = after(after(base, first), second);
    expect(entry(files)).toBe(' intel_iommu=on iommu=pt hugepagesz=1G hugepages=4 ');
    expect(plan(files, wish, first.ownedTokens).files).toEqual([]);
    expect(plan(files, pages, second.ownedTokens).files).toEqual([]);
  });

  it('is written anew when somebody has edited it', () => {
    const text = plan(base, wish).files[0]?.after ?? '';
    for (const edited of [
      `${text}# mine\n`,
      'GRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX intel_iommu=on iommu=pt',
      '%%%',
    ]) {
      expect(plan({ ...base, [dropIn]: edited }, wish, { [dropIn]: wish.present }).files[0]?.after).toBe(text);
    }
  });

  it('brings repeated arguments into the wished order', () => {
    const consoles: ArgumentWish = { present: ['console=tty0', 'console=ttyS0'], absent: [] };
    const files = { ...base, [dropIn]: 'GRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX console=ttyS0 x=1 console=tty0"\n' };
    expect(entry(after(files, plan(files, consoles)))).toBe(' x=1 console=tty0 console=ttyS0 ');
  });

  it('extends what a drop-in before it sets, and is kept by one after it that extends', () => {
    const files = {
      ...base,
      '/etc/default/grub.d/10-site.cfg': 'GRUB_CMDLINE_LINUX="site=1"\n',
      '/etc/default/grub.d/99-zz.cfg': 'GRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX late=1"\n',
    };
    expect(entry(after(files, plan(files, wish)))).toBe('site=1 intel_iommu=on iommu=pt late=1 ');
  });
});

it('reads a drop-in through a symbolic link, which it does not touch', () => {
  const link: FileState = {
    kind: 'other',
    type: 'a symbolic link to /srv/x',
    bytes: Buffer.from('GRUB_CMDLINE_LINUX="iommu=pt"\n'),
  };
  const files = { [main]: 'A=1\n', '/etc/default/grub.d/50-x.cfg': link };
  expect(plan(files, wish).ownedTokens).toEqual({ [dropIn]: ['intel_iommu=on'] });
});

it('refuses a drop-in of its name that is no file', () => {
  const other: FileState = { kind: 'other', type: 'a directory' };
  expect(() => plan({ [main]: 'A=1\n', [dropIn]: other }, wish)).toThrow(
    /99-vfleet\.cfg: expected a regular file, found a directory/,
  );
});

it('notes what only update-grub can evaluate', () => {
  const files = { [main]: 'A=1\n', '/etc/default/grub.d/50-x.cfg': '[ -e /x ] && GRUB_CMDLINE_LINUX_DEFAULT="y"\n' };
  expect(plan(files, wish).notes).toEqual([
    '/etc/default/grub.d/50-x.cfg:1 sets kernel arguments by code, which only update-grub evaluates',
  ]);
});
