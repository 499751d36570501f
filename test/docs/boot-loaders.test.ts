import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { bootDriver } from '../../src/boot/choose-driver.ts';
import type { BootLoader } from '../../src/facts/facts.ts';
import { builtinMachineKinds } from '../../src/lab/machine-kind.ts';
import { vmKinds } from '../../src/lab/vm/kind.ts';
import { factsOf } from '../boot/facts.ts';

const root = join(import.meta.dirname, '../..');
const page = readFileSync(join(root, 'docs/boot-loaders.md'), 'utf8');
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
  const special = ['debian-12-vtd-off', 'debian-12-devices', 'installer-prepared'];
  expect([...kinds.keys()].filter((kind) => !shown.includes(kind) && !special.includes(kind))).toEqual([]);
});

/** What is recorded of virtual nodes: file, test, result. */
const recorded = readFileSync(join(root, 'docs/vm-tests.md'), 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('| test/vm/'))
  .map((line) => line.split('|').map((cell) => cell.trim()));

/** Whether all that is recorded of a suite has passed, a host that was prepared among it. */
function hasPassed(file: string, suite: string): boolean {
  const rows = recorded.filter(([, where, test = '']) => where === file && test.startsWith(`${suite} `));
  const prepared = rows.some(([, , test]) => test?.startsWith(`${suite} is prepared with one reboot`));
  return prepared && rows.every(([, , , result]) => result === 'passed');
}

/** Firmware of the virtual nodes of a release that are known to have been prepared, with one of the boot loaders. */
function bootedAs(release: string, loader: string): string {
  const own = 'test/vm/systemd-boot.test.ts';
  const isOwn = readFileSync(join(root, own), 'utf8').includes(`const kind = '${release}-systemd-boot'`);
  const passed =
    loader === 'systemd-boot'
      ? isOwn && hasPassed(own, 'a node that systemd-boot starts')
      : hasPassed('test/vm/all/kinds.test.ts', `every kind of ${release}`);
  const kinds = vmKinds.filter(
    ({ name, recipe }) => name.startsWith(`${release}-`) && (recipe.loader ?? 'update-grub') === loader,
  );
  const firmwares = [...new Set(kinds.map(({ recipe }) => recipe.firmware.toUpperCase()))].sort();
  return passed && firmwares.length > 0 ? firmwares.join(', ') : 'no';
}

it('docs/boot-loaders.md names the virtual machines that passed when they last ran, and no others', () => {
  for (const [, distribution = '', loader = '', vm] of byDistribution) {
    const release = distribution
      .replace(/ with systemd-boot$/, '')
      .toLowerCase()
      .replace(' ', '-');
    expect([distribution, vm]).toEqual([distribution, bootedAs(release, named(loader)[0] ?? '')]);
  }
  expect(byDistribution.filter(([, , , vm]) => vm !== 'no').length).toBeGreaterThan(2);
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
