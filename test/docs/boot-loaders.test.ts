import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { bootDriver } from '../../src/boot/choose-driver.ts';
import type { BootLoader } from '../../src/facts/facts.ts';
import { builtinMachineKinds } from '../../src/lab/machine-kind.ts';
import { factsOf } from '../boot/facts.ts';

const page = readFileSync(join(import.meta.dirname, '../../docs/boot-loaders.md'), 'utf8');
const fixtures = join(import.meta.dirname, '../resources/fixtures/kernel-arguments');
const rows = page
  .split('\n')
  .filter((line) => line.startsWith('|'))
  .map((line) => line.split('|').map((cell) => cell.trim()));
const named = (cell: string): readonly string[] => [...cell.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name);
const byDistribution = rows.filter(
  (cells) =>
    cells.length === 7 &&
    !/^(distribution|boot loader|---)/.test(cells[1] ?? '') &&
    /^(no$|BIOS|UEFI)/.test(cells[3] ?? ''),
);

it('docs/boot-loaders.md has a row for every boot loader that is written to', () => {
  const loaders: readonly BootLoader[] = [
    'update-grub',
    'grub2-mkconfig',
    'bls',
    'systemd-boot',
    'proxmox-boot-tool',
    'ostree',
  ];
  for (const loader of loaders) {
    expect(bootDriver(factsOf({ boot: { loader, configPath: '/boot/grub2/grub.cfg' } })).loader).toBe(loader);
    expect(
      rows.some(([, first = '']) => first.startsWith(`\`${loader}\``)),
      loader,
    ).toBe(true);
  }
});

it('docs/boot-loaders.md names machine kinds that there are, with the boot loader that they have', async () => {
  const kinds = new Map((await builtinMachineKinds()).map((kind) => [kind.name, kind.settings.boot.loader]));
  expect(byDistribution.length).toBeGreaterThan(15);
  for (const [, distribution = '', loader = '', , lab = ''] of byDistribution) {
    for (const kind of named(lab))
      expect([distribution, kind, kinds.get(kind)]).toEqual([distribution, kind, named(loader)[0]]);
  }
  const shown = byDistribution.flatMap((cells) => named(cells[4] ?? ''));
  const special = ['debian-12-vtd-off', 'installer-prepared'];
  expect([...kinds.keys()].filter((kind) => !shown.includes(kind) && !special.includes(kind))).toEqual([]);
});

it('docs/boot-loaders.md calls a fixture public when its files are', () => {
  for (const cells of byDistribution) {
    for (const [, name = '', mark] of (cells[5] ?? '').matchAll(/`([^`]+)`( \(public\))?/g)) {
      const file = join(fixtures, name, 'case.json');
      expect(existsSync(file), name).toBe(true);
      const { source } = JSON.parse(readFileSync(file, 'utf8')) as { source: string };
      expect([name, source]).toEqual([name, mark === undefined ? 'constructed' : 'public']);
    }
  }
});
