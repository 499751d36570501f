import { fileLinesOf, linesOf, type Sections } from './sections.ts';

/** What stands in the attributes of each device, by its name: lines of `grep -H` over `DEVICE/ATTRIBUTE`. */
export type Attributes = ReadonlyMap<string, ReadonlyMap<string, string>>;

/** What a full PCI address looks like; the domain of a VMD controller has five digits. */
export const pciName = /[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]/;

/** A full PCI address and nothing else. */
export const pciAddress = new RegExp(`^${pciName.source}$`);

/** Attributes by device. `device`: what names of devices look like, as a path of sysfs may hold colons. */
export function attributesOf(sections: Sections, key: string, device: RegExp): Attributes {
  const isPath = new RegExp(`^(${device.source})/([A-Za-z_][A-Za-z_0-9/]*)$`);
  const found = new Map<string, Map<string, string>>();
  for (const { path, text } of fileLinesOf(sections, key, isPath)) {
    const slash = path.indexOf('/');
    const name = path.slice(0, slash);
    const values = found.get(name) ?? new Map<string, string>();
    const attribute = path.slice(slash + 1);
    if (!values.has(attribute)) values.set(attribute, text.trim());
    found.set(name, values);
  }
  return found;
}

/** Lines of two words, as `sed` makes them of `ls -l`: the name of a link, and where it leads. */
export function pairsOf(sections: Sections, key: string): ReadonlyMap<string, string> {
  const pairs = linesOf(sections, key).flatMap((line): (readonly [string, string])[] => {
    const [, name, target] = /^(\S+) (\S+)$/.exec(line) ?? [];
    return name === undefined || target === undefined ? [] : [[name, target]];
  });
  return new Map(pairs);
}

/** The device nearest above something in `/sys/devices`: the last PCI address of its path. */
export function pciAbove(path: string | undefined): string | null {
  return path?.split('/').findLast((part) => pciAddress.test(part)) ?? null;
}

/** The USB port that something in `/sys/devices` is plugged into: `1-2.3`, of the interface `1-2.3:1.0`. */
export function usbAbove(path: string | undefined): string | null {
  return path?.split('/').findLast((part) => /^\d{1,4}-[\d.]+$/.test(part)) ?? null;
}

/** Text that is not empty. */
export function said(text: string | undefined): string | null {
  const trimmed = text?.trim() ?? '';
  return trimmed === '' ? null : trimmed;
}

/** Digits of a hexadecimal number, with or without `0x`; `null` where there is another number of them. */
export function hexDigits(text: string | undefined, digits: number): string | null {
  const found = /^(?:0x)?([0-9a-f]+)$/i.exec(text?.trim() ?? '')?.[1]?.toLowerCase();
  return found?.length === digits ? found : null;
}

/** `printf` prints a pattern that nothing matched as it is: lines with a star in them are none. */
export function namesOf(sections: Sections, key: string): readonly string[] {
  return linesOf(sections, key).filter((line) => !line.includes('*'));
}
