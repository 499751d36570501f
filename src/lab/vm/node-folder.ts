import { copyFile, mkdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { VfleetError } from '../../errors.ts';
import { spareDisks, spareSize } from './devices.ts';
import type { Image } from './image.ts';
import type { VmKind } from './kind.ts';
import { runProgram } from './program.ts';
import { ovmf } from './programs.ts';
import { nodeFiles } from './qemu-arguments.ts';

/** What a node gets on its first boot. */
export interface Identity {
  readonly hostname: string;
  /** A private key file, of OpenSSH's form. */
  readonly hostKey: string;
  /** A line of authorized_keys. */
  readonly authorizedKey: string;
}

const limit = 60_000;

/** Makes a node's folder: an overlay of the image, so that nodes share its disk, and everything else that is its own. */
export async function furnishNode(folder: string, kind: VmKind, image: Image, identity: Identity): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const overlay = ['create', '-q', '-f', 'qcow2', '-F', 'raw', '-b', image.disk, join(folder, nodeFiles.disk)];
  await runProgram('qemu-img', overlay, { limit });
  for (const name of spareDisks) {
    await writeFile(join(folder, name), '');
    await truncate(join(folder, name), spareSize * 1024 * 1024);
  }
  if (kind.recipe.firmware === 'uefi') await copyFile(ovmf.variables, join(folder, nodeFiles.variables));
  await writeFile(join(folder, nodeFiles.hostname), `${identity.hostname}\n`);
  await writeFile(join(folder, nodeFiles.hostKey), identity.hostKey, { mode: 0o600 });
  await writeFile(join(folder, nodeFiles.authorizedKey), `${identity.authorizedKey}\n`);
  // Last: a folder without it is not complete.
  await rememberImage(folder, image);
}

/** Name of the file that says which image a node's disk lies over. */
const imageFile = 'image';

/** Writes down which image a node's disk lies over. */
export async function rememberImage(folder: string, { disk }: Pick<Image, 'disk'>): Promise<void> {
  await writeFile(join(folder, imageFile), `${disk}\n${await madeAt(disk)}\n`);
}

/**
 * Refuses a node whose image is gone, or was built anew in its place: what the node wrote would lie over other files. And
 * one whose making was cut off.
 * Errors: `lab.vm-image`.
 */
export async function checkImage(folder: string, name: string): Promise<void> {
  const text = await readFile(join(folder, imageFile), 'utf8').catch(() => null);
  if (text === null) throw incomplete(name);
  const [disk = '', made = ''] = text.split('\n');
  const now = await madeAt(disk);
  if (now === made) return;
  throw new VfleetError({
    code: 'lab.vm-image',
    thing: `node ${name}`,
    expected: `its image ${disk} of ${made}`,
    found: now === 'never' ? 'none' : `one of ${now}`,
    next: `vfleet lab vm reset ${name}`,
  });
}

function incomplete(name: string): VfleetError {
  const found = 'a part: its making was cut off';
  const next = `vfleet lab vm reset ${name}`;
  return new VfleetError({ code: 'lab.vm-image', thing: `node ${name}`, expected: 'all its files', found, next });
}

/** In whole seconds: an archive may keep no more. */
async function madeAt(file: string): Promise<string> {
  const made = await stat(file).catch(() => null);
  return made === null ? 'never' : `${made.mtime.toISOString().slice(0, 19)}Z`;
}
