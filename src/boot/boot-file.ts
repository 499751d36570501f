import { VfleetError } from '../errors.ts';

/** The kinds of files that hold kernel arguments. */
export const bootFileKinds = ['grub-default', 'bls', 'cmdline', 'systemd-boot'] as const;

export type BootFileKind = (typeof bootFileKinds)[number];

/**
 * Tells the kind of a file by its path and by what stands in it; `null` path: there is only the text.
 * Errors: `boot.kind`, where several are possible, or none is.
 */
export function guessKind(path: string | null, text: string): BootFileKind {
  const byPath = path === null ? [] : kindsByPath(path);
  const byText = kindsByText(text);
  const both = byPath.filter((kind) => byText.includes(kind));
  const kinds = byPath.length > 0 && byText.length > 0 ? both : [...byPath, ...byText];
  const [kind] = kinds;
  if (kind !== undefined && kinds.length === 1) return kind;
  const possible = kinds.length > 0 ? kinds : [...new Set([...byPath, ...byText])];
  throw new VfleetError({
    code: 'boot.kind',
    thing: path ?? 'standard input',
    expected: 'a file that is one kind alone by its path and its text',
    found: foundOf(byPath, byText, possible),
    next: `say which it is: ${(possible.length > 0 ? possible : bootFileKinds).map((each) => `--as ${each}`).join(' or ')}`,
  });
}

function foundOf(
  byPath: readonly BootFileKind[],
  byText: readonly BootFileKind[],
  possible: readonly string[],
): string {
  if (possible.length === 0) return 'neither a known path nor a known text';
  if (byPath.length > 0 && byText.length > 0 && !byPath.some((kind) => byText.includes(kind))) {
    return `the path of ${byPath.join(' or ')} and the text of ${byText.join(' or ')}`;
  }
  return `one that may be ${possible.join(' or ')}`;
}

function kindsByPath(path: string): readonly BootFileKind[] {
  if (/(?:^|\/)default\/grub$|(?:^|\/)default\/grub\.d\/[^/]+\.cfg$/.test(path)) return ['grub-default'];
  if (/(?:^|\/)(?:kernel|proc)\/cmdline$|^cmdline$/.test(path)) return ['cmdline'];
  // GRUB looks for its entries in /boot alone (`GRUB_BLS_CONFIG_PATH`); an ESP at /efi or /boot/efi is systemd-boot's.
  if (/(?:^|\/)efi\/loader\/entries\/[^/]+\.conf$/.test(path)) return ['systemd-boot'];
  return /(?:^|\/)loader\/entries\/[^/]+\.conf$/.test(path) ? ['bls', 'systemd-boot'] : [];
}

function kindsByText(text: string): readonly BootFileKind[] {
  if (/^[ \t]*(?:export[ \t]+)?GRUB_\w+\+?=/m.test(text)) return ['grub-default'];
  const isEntry =
    /^[ \t]*(?:linux|uki|efi)[ \t]+\S/m.test(text) && /^[ \t]*(?:title|version|options)[ \t]+\S/m.test(text);
  if (isEntry) return kindsOfEntry(text);
  const isLine = !text.trim().includes('\n') && /(?:^|\s)(?:root|BOOT_IMAGE|initrd)=/.test(text);
  return isLine ? ['cmdline'] : [];
}

/**
 * Fedora's and Red Hat's kernel-install (20-grub.install) writes keys for GRUB; systemd's (90-loaderentry.install) and Proxmox's
 * hook write neither these nor variables.
 */
function kindsOfEntry(text: string): readonly BootFileKind[] {
  if (
    /^[ \t]*grub_(?:users|arg|class|hotkey)[ \t]|^[ \t]*(?:options|initrd)[ \t].*\$(?:kernelopts|tuned_)/m.test(text)
  ) {
    return ['bls'];
  }
  if (/^# File created by .*90-loaderentry|^[ \t]*linux[ \t]+\/EFI\/|^[ \t]*(?:uki|efi)[ \t]/im.test(text)) {
    return ['systemd-boot'];
  }
  return ['bls', 'systemd-boot'];
}
