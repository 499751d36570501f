import type { Disk } from './disk.ts';
import { below, file, type Layout } from './layout.ts';

/** Variables of the Boot Loader Interface by name, without their vendor: `LoaderInfo`. */
export type EfiVariables = ReadonlyMap<string, string>;

const folder = '/sys/firmware/efi/efivars';
/** Vendor of the Boot Loader Interface (systemd.io/BOOT_LOADER_INTERFACE). */
const vendor = '4a67b082-0a4c-41cf-b6c7-440b29bb8c4f';

/** Variables that outlive a boot: all others are the boot loader's, told anew by each. */
const kept = ['LoaderEntryDefault', 'LoaderEntryOneShot'];

/** What the system has stored for the boot loader. Text in UTF-16 behind four bytes of attributes (efivarfs.rst). */
export function storedVariables(disk: Disk): EfiVariables {
  const pairs = kept.flatMap((name): [string, string][] => {
    const text = disk.read(`${folder}/${name}-${vendor}`);
    return text === null ? [] : [[name, text.slice(4).replaceAll('\0', '')]];
  });
  return new Map(pairs);
}

/** A variable that the boot loader has used up. */
export function removeVariable(disk: Disk, name: string): void {
  disk.remove(`${folder}/${name}-${vendor}`);
}

/** The variables as efivarfs shows them; those that outlive a boot are marked non-volatile. */
export function variablesLayout(variables: EfiVariables): Layout {
  const files = [...variables].map(([name, text]) => {
    const bytes = Buffer.concat([
      Buffer.from([kept.includes(name) ? 7 : 6, 0, 0, 0]),
      Buffer.from(`${text}\0`, 'utf16le'),
    ]);
    return [`${name}-${vendor}`, file(bytes)];
  });
  return below(folder, Object.fromEntries(files));
}
