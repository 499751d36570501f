import { access, constants } from 'node:fs/promises';
import { join } from 'node:path';
import { VfleetError } from '../../errors.ts';
import { systemPath } from '../execute.ts';
import type { Firmware } from './recipe.ts';

/** A program or file of the machine that the nodes run on, and the Debian package that brings it. */
interface Need {
  readonly what: string;
  readonly package: string;
}

/** To run nodes. */
const running: readonly Need[] = [
  { what: 'qemu-system-x86_64', package: 'qemu-system-x86' },
  { what: 'qemu-img', package: 'qemu-utils' },
  { what: 'ssh', package: 'openssh-client' },
];

/** To build images. */
const building: readonly Need[] = [
  { what: 'mmdebstrap', package: 'mmdebstrap' },
  { what: 'mke2fs', package: 'e2fsprogs' },
  { what: 'sfdisk', package: 'fdisk' },
  { what: 'unshare', package: 'util-linux' },
  // Without it, mmdebstrap cannot tell Debian's packages from anybody's; Debian has it, Ubuntu need not.
  { what: '/usr/share/keyrings/debian-archive-keyring.gpg', package: 'debian-archive-keyring' },
];

/** Without root: mmdebstrap then works in a user namespace. Source: mmdebstrap(1), "unshare". */
const buildingUnprivileged: readonly Need[] = [
  { what: 'newuidmap', package: 'uidmap' },
  { what: 'newgidmap', package: 'uidmap' },
];

/** OVMF, as Debian and Ubuntu install it. Source: `dpkg -L ovmf`. */
export const ovmf = { code: '/usr/share/OVMF/OVMF_CODE_4M.fd', variables: '/usr/share/OVMF/OVMF_VARS_4M.fd' } as const;

const uefi: readonly Need[] = [
  { what: ovmf.code, package: 'ovmf' },
  { what: ovmf.variables, package: 'ovmf' },
];

/** What has to be done on this machine. */
export interface Work {
  /** Of the nodes that shall run. */
  readonly firmwares: readonly Firmware[];
  /** Of the images that must be built first. */
  readonly builds: readonly Firmware[];
}

/** Where programs and files are looked for, and by whom. */
export interface Places {
  /** Folders of programs, as in `PATH`. */
  readonly path: string;
  /** What absolute names are below. */
  readonly root: string;
  readonly privileged: boolean;
}

const here: Places = { path: systemPath, root: '/', privileged: process.getuid?.() === 0 };

/** Errors: `lab.vm-programs`, which names all that is missing and the command that installs it. */
export async function checkPrograms({ firmwares, builds }: Work, places: Places = here): Promise<void> {
  const needs = [
    ...running,
    ...(firmwares.includes('uefi') ? uefi : []),
    ...(builds.length > 0 ? building : []),
    ...(builds.length > 0 && !places.privileged ? buildingUnprivileged : []),
    ...(builds.includes('uefi') ? [{ what: 'mkfs.vfat', package: 'dosfstools' }] : []),
  ];
  const there = await Promise.all(needs.map((need) => isThere(need.what, places)));
  const missing = needs.filter((_, index) => !there[index]);
  if (missing.length === 0) return;
  const packages = [...new Set(missing.map((need) => need.package))];
  throw new VfleetError({
    code: 'lab.vm-programs',
    thing: 'this machine',
    expected: 'what virtual test nodes need',
    found: `no ${missing.map((need) => need.what).join(', no ')}`,
    next: `apt-get install --no-install-recommends ${packages.join(' ')}   # Debian, Ubuntu`,
  });
}

async function isThere(what: string, { path, root }: Places): Promise<boolean> {
  const places = what.startsWith('/') ? [join(root, what)] : path.split(':').map((folder) => join(folder, what));
  const mode = what.startsWith('/') ? constants.R_OK : constants.X_OK;
  const found = await Promise.allSettled(places.map((place) => access(place, mode)));
  return found.some((one) => one.status === 'fulfilled');
}
