import { compareReleases, kernelVersion, releaseOfImage } from '../boot/release.ts';
import { sh } from '../shell/script.ts';
import type { BootEntry, Facts } from './facts.ts';
import { fileLinesOf, linesOf, type Sections } from './sections.ts';

/** Images lie in `/boot`, beside the modules, or where `kernel-install` puts them. */
export const kernelProbe = sh`
section kernel
[ -d /boot ] && [ -r /boot ] && [ -x /boot ] && echo listed
for path in /lib/modules/*; do [ -d "$path" ] && echo "modules $path"; done
for path in /boot/vmlinu[xz]-* /boot/[IKk]*-* /lib/modules/*/vmlinuz /lib/modules/*/Image /boot/*/*/linux /boot/efi/*/*/linux \\
  /efi/*/*/linux /boot/EFI/Linux/*.efi /boot/efi/EFI/Linux/*.efi /efi/EFI/Linux/*.efi; do
  [ -f "$path" ] && echo "image $path"
done
section kernel-packages
grep -Hs '' /lib/modules/*/pkgbase
`;

/** What was found of kernels in files, before the boot loader is known. */
export interface KernelFiles {
  readonly installed: readonly string[];
  /** The name that a package gives its image, and the release behind it: Arch has `/boot/vmlinuz-linux`. */
  readonly named: ReadonlyMap<string, string>;
}

/** Releases that have modules and an image; where `/boot` may not be read, those that have modules. */
export function parseKernelFiles(sections: Sections): KernelFiles {
  const lines = linesOf(sections, 'kernel');
  const releases = lines.flatMap((line) => /^modules \/lib\/modules\/([^/]+)$/.exec(line)?.[1] ?? []);
  const images = lines.flatMap((line) => /^image (\/.+)$/.exec(line)?.[1] ?? []);
  const bases = fileLinesOf(sections, 'kernel-packages').map(
    ({ path, text }) => [text, path.split('/')[3] ?? ''] as const,
  );
  const named = new Map(bases);
  const booted = new Set(images.flatMap((path) => [releaseOf(path), named.get(releaseOfImage(path) ?? '')]));
  const installed = lines.includes('listed') ? releases.filter((release) => booted.has(release)) : releases;
  return { installed, named };
}

/** Boot entries with the release behind each image's name, where a package tells it. */
export function withReleases(entries: readonly BootEntry[] | null, files: KernelFiles): readonly BootEntry[] | null {
  if (entries === null) return null;
  return entries.map((entry) => ({ ...entry, kernel: files.named.get(entry.kernel ?? '') ?? entry.kernel }));
}

/** Installed kernels in the boot loader's order, and the one that it starts by default. */
export function parseKernel(
  files: KernelFiles,
  running: string,
  entries: readonly BootEntry[] | null,
): Facts['kernel'] {
  const order = (entries ?? []).map((entry) => entry.kernel);
  const rank = (release: string) => (order.includes(release) ? order.indexOf(release) : order.length);
  const installed = [...files.installed].sort((a, b) => rank(a) - rank(b) || compareReleases(b, a));
  const chosen = entries?.find((entry) => entry.default)?.kernel ?? null;
  const next = chosen !== null && kernelVersion(chosen) !== null ? chosen : null;
  return { running, installed, next: next ?? (isOnlyKernel(files, running, entries) ? running : null) };
}

/** With one kernel on the machine, the running one, there is nothing to choose: so it is also where no entry can be read. */
export function isOnlyKernel(files: KernelFiles, running: string, entries: readonly BootEntry[] | null): boolean {
  return entries === null && files.installed.length === 1 && files.installed[0] === running;
}

function releaseOf(path: string): string | null {
  const besideModules = /^\/lib\/modules\/([^/]+)\/(?:vmlinuz|Image)$/.exec(path)?.[1];
  const unified = /\/EFI\/Linux\/(?:[0-9a-f]{32}-)?(.+?)(?:\+\d+(?:-\d+)?)?\.efi$/i.exec(path)?.[1];
  return besideModules ?? unified ?? releaseOfImage(path);
}
