import { link as hardLink, mkdir, readFile, readlink, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openDisk } from '../../../src/lab/model/disk.ts';
import { below, file, folder, link, merge, relativeTarget } from '../../../src/lab/model/layout.ts';
import { bench, temporaryFolder } from './bench.ts';

/** A tree, and a folder beside it that stands for the machine that the lab runs on. */
async function trap() {
  const base = await temporaryFolder();
  const root = join(base, 'root');
  const outside = join(base, 'outside');
  await mkdir(root);
  await mkdir(outside);
  await writeFile(join(outside, 'secret'), 'mine');
  return { disk: openDisk(root), root, outside };
}

test('links lead nowhere but into the tree', async () => {
  const { disk, root, outside } = await trap();
  await symlink(outside, join(root, 'absolute'));
  await symlink('../outside', join(root, 'up'));
  expect([disk.read('/absolute/secret'), disk.read('/up/secret'), disk.read('/../outside/secret')]).toEqual([
    null,
    null,
    null,
  ]);
  disk.lay(below('/up', { secret: file('theirs') }));
  disk.lay(below('/absolute', { secret: file('theirs') }));
  disk.remove('/up/secret');
  expect(await readFile(join(outside, 'secret'), 'utf8')).toBe('mine');
});

test('a link in the last place is replaced, not written through', async () => {
  const { disk, root, outside } = await trap();
  await symlink(join(outside, 'secret'), join(root, 'file'));
  disk.lay(below('', { file: file('theirs') }));
  expect(await readFile(join(outside, 'secret'), 'utf8')).toBe('mine');
  expect(disk.read('/file')).toBe('theirs');
});

test('links inside the tree are followed as chroot does, circles end', async () => {
  const { disk } = await trap();
  disk.lay(
    new Map([
      ...below('/a', { b: file('text'), abs: link('/a/b'), rel: link('b') }),
      ...below('', { x: link('y'), y: link('x') }),
    ]),
  );
  expect([disk.read('/a/abs'), disk.read('/a/rel'), disk.read('/x')]).toEqual(['text', 'text', null]);
  expect(disk.overwrite('/a/abs', 'new')).toBe(true);
  expect(disk.read('/a/b')).toBe('new');
});

test('what is pruned and laid is exactly the layout, whatever was there before', async () => {
  const { disk, root, outside } = await trap();
  disk.lay(below('/t', { 'a/b': file('1'), 'a/c': file('2'), 'd/e/f': file('3'), g: link('a'), full: file('4') }));
  await symlink(outside, join(root, 't/link'));
  const layout = merge([
    below('/t', { 'a/c': file('2'), g: file('5'), link: folder(), full: folder(), 'new/x': file('6') }),
  ]);
  disk.prune('/t', layout);
  disk.lay(layout);
  expect([disk.list('/t'), disk.list('/t/a'), disk.list('/t/link'), disk.list('/t/full')]).toEqual([
    ['a', 'full', 'g', 'link', 'new'],
    ['c'],
    [],
    [],
  ]);
  expect([disk.read('/t/a/c'), disk.read('/t/g'), disk.read('/t/new/x')]).toEqual(['2', '5', '6']);
  expect(await readFile(join(outside, 'secret'), 'utf8')).toBe('mine');
  disk.prune('/t', new Map());
  expect(disk.isFolder('/t')).toBe(false);
});

test('a file that has other names is never taken for the right one: nodes may share it', async () => {
  const { disk, root, outside } = await trap();
  await hardLink(join(outside, 'secret'), join(root, 'file'));
  disk.lay(below('', { file: file('mine') }));
  await writeFile(join(root, 'file'), 'theirs');
  expect(await readFile(join(outside, 'secret'), 'utf8')).toBe('mine');
});

test('a machine whose folders were turned into links boots within its tree', async () => {
  const machine = await bench('debian-12-vtd-off');
  const outside = await temporaryFolder();
  await writeFile(join(outside, 'cmdline'), 'mine');
  for (const name of ['proc', 'sys', 'run']) {
    machine.remove(`/${name}`);
    await symlink(outside, join(machine.root, name));
  }
  expect(await machine.boot()).toMatchObject({ kind: 'up' });
  expect(await readFile(join(outside, 'cmdline'), 'utf8')).toBe('mine');
});

test('targets of links are relative, as in sysfs', async () => {
  expect(relativeTarget('/sys/bus/pci/devices/x', '/sys/devices/pci0000:00/x')).toBe('../../../devices/pci0000:00/x');
  const machine = await bench('debian-12-vtd-off');
  expect(await readlink(join(machine.root, 'sys/bus/pci/devices/0000:01:00.0'))).toBe(
    '../../../devices/pci0000:00/0000:00:01.0/0000:01:00.0',
  );
});
