import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { VfleetError } from '../../../src/errors.ts';
import { checkPrograms, type Places, type Work } from '../../../src/lab/vm/programs.ts';
import { temporaryFolder } from '../../temporary-folder.ts';

const bios: Work = { firmwares: ['bios'], builds: [] };
const everything: Work = { firmwares: ['bios', 'uefi'], builds: ['bios', 'uefi'] };

/** A machine with these programs and files, and nothing else. */
async function machine(things: readonly string[], privileged = true): Promise<Places> {
  const root = temporaryFolder('programs');
  for (const thing of things) {
    const file = thing.startsWith('/') ? join(root, thing) : join(root, 'bin', thing);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, '');
    if (!thing.startsWith('/')) await chmod(file, 0o755);
  }
  return { path: `${root}/sbin:${root}/bin`, root, privileged };
}

async function missing(work: Work, places: Places) {
  const thrown: unknown = await checkPrograms(work, places).catch((error: unknown) => error);
  if (!(thrown instanceof VfleetError)) throw new Error('nothing is missing');
  const { found = '', next = '' } = thrown.parts;
  return { code: thrown.code, things: found.split(', ').map((text) => text.replace(/^no /, '')), next };
}

describe('on a machine that has nothing', () => {
  it('all that is missing is named at once, with one command', async () => {
    const { code, things, next } = await missing(everything, await machine([]));
    expect(code).toBe('lab.vm-programs');
    expect(things).toEqual(
      expect.arrayContaining(['qemu-system-x86_64', 'qemu-img', 'ssh', 'mmdebstrap', 'mke2fs', 'sfdisk', 'mkfs.vfat']),
    );
    expect(things).toContain('/usr/share/OVMF/OVMF_CODE_4M.fd');
    expect(things).toContain('/usr/share/keyrings/debian-archive-keyring.gpg');
    const [, packages = ''] = /^apt-get install --no-install-recommends (.+?)\s+# Debian, Ubuntu$/.exec(next) ?? [];
    const names = packages.split(' ');
    expect(names).toEqual(
      expect.arrayContaining(['qemu-system-x86', 'qemu-utils', 'mmdebstrap', 'ovmf', 'dosfstools']),
    );
    expect(names).toContain('debian-archive-keyring');
    expect(new Set(names).size).toBe(names.length);
  });

  it('only what the work needs is asked for', async () => {
    const { things } = await missing(bios, await machine([]));
    expect(things).toEqual(['qemu-system-x86_64', 'qemu-img', 'ssh']);
    const built = await missing({ firmwares: ['bios'], builds: ['bios'] }, await machine([]));
    expect(built.things).toContain('mmdebstrap');
    expect(built.things).not.toContain('mkfs.vfat');
    const uefi = await missing({ firmwares: ['uefi'], builds: [] }, await machine([]));
    expect(uefi.things).toContain('/usr/share/OVMF/OVMF_VARS_4M.fd');
    expect(uefi.things).not.toContain('mmdebstrap');
  });

  it('who builds without root needs the programs of a user namespace too', async () => {
    const { things, next } = await missing(everything, await machine([], false));
    expect(things).toEqual(expect.arrayContaining(['newuidmap', 'newgidmap']));
    expect(next).toMatch(/ uidmap\b/);
    expect((await missing(everything, await machine([]))).things).not.toContain('newuidmap');
    expect((await missing(bios, await machine([], false))).things).not.toContain('newuidmap');
  });
});

describe('on a machine that has it', () => {
  it('nothing is said', async () => {
    const all = (await missing(everything, await machine([], false))).things;
    await expect(checkPrograms(everything, await machine(all, false))).resolves.toBeUndefined();
  });

  it('but one thing, that one is named with its package', async () => {
    const all = (await missing(everything, await machine([]))).things;
    const { things, next } = await missing(everything, await machine(all.filter((thing) => thing !== 'qemu-img')));
    expect(things).toEqual(['qemu-img']);
    expect(next).toBe('apt-get install --no-install-recommends qemu-utils   # Debian, Ubuntu');
  });

  it('a file that cannot be run is no program', async () => {
    const places = await machine(['qemu-system-x86_64', 'qemu-img', 'ssh']);
    await expect(checkPrograms(bios, places)).resolves.toBeUndefined();
    await chmod(join(places.root, 'bin/ssh'), 0o644);
    expect((await missing(bios, places)).things).toEqual(['ssh']);
  });
});
