/** The leading numbers of a kernel release: `5.4.130-1.yn20221208.el7.x86_64` gives `[5, 4, 130]`. `null`: it has none. */
export function kernelVersion(release: string): readonly [number, number, number] | null {
  const found = /^(\d{1,6})\.(\d{1,6})(?:\.(\d{1,6}))?/.exec(release);
  return found === null ? null : [Number(found[1]), Number(found[2]), Number(found[3] ?? 0)];
}

/**
 * Whether a release is of at least the given mainline version; `null` where it carries no version. Distributions port
 * features back, so ask the kernel's own files first.
 */
export function isKernelAtLeast(release: string, major: number, minor: number): boolean | null {
  const version = kernelVersion(release);
  return version === null ? null : version[0] !== major ? version[0] > major : version[1] >= minor;
}

/**
 * Orders names that hold versions, older first: runs of digits as numbers, runs of letters as text, numbers above letters,
 * and `~` before everything (`rpmvercmp` in rpm, which GRUB's `blscfg` uses to sort boot entries).
 */
export function compareReleases(a: string, b: string): number {
  const left = segments(a);
  const right = segments(b);
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const order = compareSegments(left[i], right[i]);
    if (order !== 0) return order;
  }
  return 0;
}

function segments(text: string): readonly string[] {
  return text.match(/\d+|[A-Za-z]+|~/g) ?? [];
}

function compareSegments(a: string | undefined, b: string | undefined): number {
  if (a === b) return 0;
  if (a === '~' || b === '~') return a === '~' ? -1 : 1;
  if (a === undefined || b === undefined) return a === undefined ? -1 : 1;
  const numbers = [/^\d/.test(a), /^\d/.test(b)];
  if (numbers[0] !== numbers[1]) return numbers[0] ? 1 : -1;
  if (!numbers[0]) return a < b ? -1 : 1;
  const [x, y] = [BigInt(a), BigInt(b)];
  return x < y ? -1 : x > y ? 1 : 0;
}

/**
 * The kernel release in the path of an image: `/boot/vmlinuz-6.1.0-18-amd64`, or `/MACHINE-ID/RELEASE/linux` as
 * `kernel-install` lays it out. `null`: the name has none.
 */
export function releaseOfImage(path: string): string | null {
  const [name = '', folder = ''] = path.split('/').reverse();
  const named = /^(?:vmlinuz|vmlinux|bzImage|zImage|Image|kernel)-(.+?)(?:\.efi)?(?:\.signed)?$/.exec(name)?.[1];
  if (named !== undefined) return named;
  return name === 'linux' && kernelVersion(folder) !== null ? folder : null;
}
