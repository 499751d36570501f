import { sh } from '../shell/script.ts';
import type { Facts } from './facts.ts';
import { linesOf, type Sections } from './sections.ts';

/** An EFI variable has four bytes of attributes before its value (Documentation/filesystems/efivarfs.rst). */
export const firmwareProbe = sh`
section firmware
[ -d /sys/firmware/efi ] && echo uefi
for variable in /sys/firmware/efi/efivars/SecureBoot-*; do
  [ -r "$variable" ] && echo "secure-boot $(od -An -tu1 "$variable" 2>/dev/null | tr -s ' \\n' ' ')"
done
if [ -r /sys/kernel/security/lockdown ]; then echo "lockdown $(cat /sys/kernel/security/lockdown 2>/dev/null)"; fi
`;

/** Firmware kind, Secure Boot (the variable's fifth byte), lockdown (the value in brackets is active). */
export function parseFirmware(sections: Sections): Facts['firmware'] {
  const lines = linesOf(sections, 'firmware');
  const kind = lines.includes('uefi') ? 'uefi' : 'bios';
  const bytes = after(lines, 'secure-boot ')?.trim().split(/\s+/) ?? [];
  const value = bytes.length === 5 ? bytes[4] : undefined;
  return {
    kind,
    // A BIOS has no Secure Boot.
    secureBoot: kind === 'bios' ? false : value === '1' ? true : value === '0' ? false : null,
    lockdown: lockdownOf(after(lines, 'lockdown ') ?? ''),
  };
}

function lockdownOf(text: string): Facts['firmware']['lockdown'] {
  const active = /\[(\w+)\]/.exec(text)?.[1];
  return active === 'none' || active === 'integrity' || active === 'confidentiality' ? active : null;
}

function after(lines: readonly string[], word: string): string | undefined {
  return lines.find((line) => line.startsWith(word))?.slice(word.length);
}
