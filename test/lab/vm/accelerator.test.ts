import { accessSync, constants } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { chooseAccelerator } from '../../../src/lab/vm/accelerator.ts';
import { canRun } from '../../ssh/requirements.ts';

let cache: string;
beforeEach(async () => {
  cache = await mkdtemp(join(tmpdir(), 'vfleet-kvm-'));
});
afterEach(() => rm(cache, { recursive: true, force: true }));

/** No kernel is there, so that none boots. */
const trial = { kernel: '/nonexistent/vmlinuz', initrd: '/nonexistent/initrd.img' };
const qemu = canRun('a trial of KVM', ['qemu-system-x86_64']);

it('takes software emulation when it is asked for, and tries nothing', async () => {
  expect(await chooseAccelerator('tcg', trial, cache)).toMatchObject({ name: 'tcg', why: 'as asked for' });
});

it.runIf(qemu)('goes without a KVM with which no kernel boots, and says why', async () => {
  const { name, why } = await chooseAccelerator('auto', trial, cache);
  expect(name).toBe('tcg');
  expect(why).toMatch(/no permission for \/dev\/kvm|there is no \/dev\/kvm|no kernel boots with it/);
  await expect(chooseAccelerator('kvm', trial, cache)).rejects.toThrow(/expected a KVM that works.*--accelerator/);
});

it.runIf(qemu && mayUseKvm())(
  'keeps what the trial found for one boot of the machine, and tries again when asked',
  async () => {
    await chooseAccelerator('auto', trial, cache);
    const file = join(cache, 'kvm.json');
    const kept = JSON.parse(await readFile(file, 'utf8')) as object;
    expect(kept).toMatchObject({ works: false });
    await writeFile(file, JSON.stringify({ ...kept, works: true }));
    expect((await chooseAccelerator('auto', trial, cache)).name).toBe('kvm');
    // Of another boot, or another QEMU.
    await writeFile(file, JSON.stringify({ ...kept, works: true, machine: 'another' }));
    expect((await chooseAccelerator('auto', trial, cache)).name).toBe('tcg');
    await writeFile(file, JSON.stringify({ ...kept, note: 'one that failed' }));
    await expect(chooseAccelerator('kvm', trial, cache)).rejects.toThrow(/no kernel boots/);
    expect(await readFile(file, 'utf8')).not.toContain('one that failed');
  },
);

function mayUseKvm(): boolean {
  try {
    accessSync('/dev/kvm', constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
