/** Size of GRUB's environment block in bytes (include/grub/lib/envblk.h). */
const environmentSize = 1024;

const signature = '# GRUB Environment Block\n';

/** Variables of a `grubenv` file; `null`: GRUB would call it an invalid environment block (grub-core/lib/envblk.c). */
export function readEnvironment(text: string): ReadonlyMap<string, string> | null {
  if (!text.startsWith(signature)) return null;
  const variables = new Map<string, string>();
  for (const line of text.slice(signature.length).split('\n')) {
    const equals = line.indexOf('=');
    if (line.startsWith('#') || equals <= 0) continue;
    variables.set(line.slice(0, equals), line.slice(equals + 1).replace(/\\(.)/g, '$1'));
  }
  return variables;
}

/**
 * The file with one variable set, or removed with `null`; comments and other variables stay as they are. `null` where it
 * does not fit (`grub_envblk_set()`, `grub_envblk_delete()`).
 */
export function editEnvironment(text: string, name: string, value: string | null): string | null {
  const lines = text
    .replace(/#*$/, '')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith(`${name}=`));
  if (value !== null) lines.push(`${name}=${value.replaceAll('\\', '\\\\')}`);
  const edited = lines.map((line) => `${line}\n`).join('');
  return Buffer.byteLength(edited) > environmentSize ? null : edited.padEnd(environmentSize, '#');
}
