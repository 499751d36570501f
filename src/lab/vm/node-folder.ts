import { copyFile, mkdir, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
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
}
