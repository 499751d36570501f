import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { goneKernels, lostByRestore, withOldArguments } from '../../src/host/restore-boot.ts';
import { run, shells } from '../resources/shells.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { fileOf } from './model.ts';

const environment = (...lines: readonly string[]) =>
  fileOf(`# GRUB Environment Block\n${lines.map((line) => `${line}\n`).join('')}`.padEnd(1024, '#'));
const kept = environment('saved_entry=old', 'kernelopts=root=/dev/sda1 quiet');

it('of grubenv only kernelopts are put back', () => {
  if (kept.kind !== 'file') throw new Error('no file');
  const now = environment('saved_entry=new', 'kernelopts=root=/dev/sda1 quiet iommu=pt', 'boot_success=1');
  const after = environment('saved_entry=new', 'kernelopts=root=/dev/sda1 quiet', 'boot_success=1');
  expect(withOldArguments('/boot/grub2/grubenv', now, kept)).toEqual(after);
  const without = environment('saved_entry=new');
  expect(withOldArguments('/boot/grub2/grubenv', without, kept)).toEqual(without);
  expect(withOldArguments('/boot/grub2/grubenv', fileOf('broken'), kept)).toBeNull();
  expect(withOldArguments('/boot/grub2/grubenv', { kind: 'absent' }, kept)).toBeNull();
});

it('of what runs, what files lose that are restored is known, and nothing else', () => {
  const now = fileOf('GRUB_CMDLINE_LINUX="quiet iommu=pt intel_iommu=on"\n');
  const files = [
    { now, backup: fileOf('GRUB_CMDLINE_LINUX="quiet"\n') },
    { now: fileOf('root=/dev/sda1 intel_iommu=on\n'), backup: fileOf('root=/dev/sda1 intel_iommu=on\n') },
  ];
  expect(lostByRestore('root=/dev/sda1 quiet iommu=pt intel_iommu=on single', files)).toEqual(['iommu=pt']);
  expect(lostByRestore('quiet', files)).toEqual([]);
});

it.each(shells.map((shell) => [shell.join(' '), shell] as const))(
  'entries of which the kernel is gone are named, under %s',
  async (_, shell) => {
    const folder = temporaryFolder('restore-boot');
    const entries = join(folder, 'loader/entries');
    mkdirSync(entries, { recursive: true });
    writeFileSync(join(folder, 'vmlinuz-1'), '');
    const pairs = ['1', '2'].map((release) => {
      const backup = join(folder, `backup-${release}`);
      writeFileSync(backup, `title x\nlinux /vmlinuz-${release}\noptions quiet\n`);
      return [join(entries, `${release}.conf`), backup] as const;
    });
    const other = [join(folder, 'other'), join(folder, 'backup-2')] as const;
    const { stdout } = await run(goneKernels([...pairs, other]), shell);
    expect(stdout.toString().trim()).toBe(join(entries, '2.conf'));
  },
);
