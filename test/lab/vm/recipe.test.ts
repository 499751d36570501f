import { appendFile, cp, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { layout, partitionTable } from '../../../src/lab/vm/partition-table.ts';
import { bootstrapArguments, imageFolder, type Recipe, recipeDigest } from '../../../src/lab/vm/recipe.ts';
import { temporaryFolder } from '../../temporary-folder.ts';

const bios: Recipe = { suite: 'bookworm', firmware: 'bios' };
const uefi: Recipe = { suite: 'bookworm', firmware: 'uefi' };

describe("a recipe's digest", () => {
  it('is the same for the same recipe, and fit for the name of a folder', async () => {
    expect(await recipeDigest(bios)).toBe(await recipeDigest({ ...bios }));
    expect(await recipeDigest(bios)).toMatch(/^[0-9a-f]{16}$/);
  });

  it('is another for another suite, and for another firmware', async () => {
    const recipes: readonly Recipe[] = [bios, uefi, { ...bios, suite: 'bullseye' }, { ...bios, suite: 'trixie' }];
    expect(new Set(await Promise.all(recipes.map((recipe) => recipeDigest(recipe)))).size).toBe(4);
  });

  it('is another when a file of the image is another, or has another name', async () => {
    const folder = join(temporaryFolder('recipe'), 'image');
    await cp(imageFolder, folder, { recursive: true });
    const before = await recipeDigest(bios, folder);
    expect(before).toBe(await recipeDigest(bios));
    await rename(join(folder, 'bake'), join(folder, 'cook'));
    const renamed = await recipeDigest(bios, folder);
    await appendFile(join(folder, 'cook'), '# more\n');
    expect(new Set([before, renamed, await recipeDigest(bios, folder)]).size).toBe(3);
  });
});

describe('packages', () => {
  it('have the boot loader that the firmware starts, as the installer chooses it', () => {
    const included = (recipe: Recipe) => /--include=(\S+)/.exec(bootstrapArguments(recipe).join(' '))?.[1]?.split(',');
    expect(included(bios)).toContain('grub-pc');
    expect(included(bios)).not.toContain('shim-signed');
    expect(included(uefi)).toEqual(expect.arrayContaining(['grub-efi-amd64', 'shim-signed']));
    expect(included(uefi)).not.toContain('grub-pc');
    expect(included(bios)).toEqual(expect.arrayContaining(['linux-image-amd64', 'openssh-server', 'sudo']));
  });
});

describe('a partition table', () => {
  /** Start and end in MiB, and the type, of each partition. */
  function partitions(firmware: Recipe['firmware']) {
    const [label, ...lines] = partitionTable(firmware).trimEnd().split('\n');
    expect(label).toBe('label: gpt');
    return lines.map((line) => {
      const [, start, size, type] = /^start=(\d+)MiB,size=(\d+)MiB,type=([0-9A-F-]{36})$/.exec(line) ?? [];
      return { start: Number(start), end: Number(start) + Number(size), type };
    });
  }

  it.each(['bios', 'uefi'] as const)('for %s has no overlap, and room for both copies of the GPT', (firmware) => {
    const [first, root] = partitions(firmware);
    expect(first?.start).toBeGreaterThanOrEqual(1);
    expect(root?.start).toBeGreaterThanOrEqual(first?.end ?? Number.POSITIVE_INFINITY);
    expect(layout.disk - (root?.end ?? 0)).toBeGreaterThanOrEqual(1);
  });

  it('starts with what the firmware looks for', () => {
    // The two types as gdisk(8) knows them: EF02, "BIOS boot", and EF00, "EFI system".
    expect(partitions('bios')[0]?.type).toMatch(/^21686148-/);
    expect(partitions('uefi')[0]?.type).toMatch(/^C12A7328-/);
    expect(partitions('bios')[1]).toEqual(partitions('uefi')[1]);
  });
});
