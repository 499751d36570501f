import { isKernelAtLeast } from '../boot/release.ts';
import { sh } from '../shell/script.ts';
import type { Facts, ModuleFact } from './facts.ts';
import { type FileLine, fileLinesOf, linesOf, type Sections } from './sections.ts';

/** The modules whose state is always read: what passthrough needs, and what else may hold a device for it. */
const watched = [
  'vfio',
  'vfio_iommu_type1',
  'vfio_pci',
  'vfio_pci_core',
  'vfio_virqfd',
  'vfio_mdev',
  'iommufd',
  'mdev',
  'pci_stub',
  'kvm',
  'kvm_intel',
  'kvm_amd',
] as const;

const pattern = `^([^:]*/)?(${watched.join('|').replaceAll('_', '[-_]')})\\.ko`;

/**
 * What each kernel has is read from `modules.dep` (a file of its own) and `modules.builtin`, as modprobe does (modprobe(8)).
 * A loaded module has `initstate` in `/sys/module`, a built-in one has none (kernel/module/sysfs.c).
 */
export const modulesProbe = sh`
section modules-loaded
sed 's/ .*//' /proc/modules 2>/dev/null
section modules-indexes
for index in /lib/modules/*/modules.dep /lib/modules/*/modules.builtin; do [ -r "$index" ] && echo "$index"; done
section modules-files
grep -aHsE ${pattern} /lib/modules/*/modules.dep /lib/modules/*/modules.builtin
section modules-sys
for module in ${watched}; do
  if [ -e "/sys/module/$module/initstate" ]; then echo "loaded $module"
  elif [ -d "/sys/module/$module" ]; then echo "builtin $module"; fi
done
`;

/** Modules of the running kernel, and of the one that will boot. */
export function parseModules(sections: Sections, running: string, next: string | null): Facts['modules'] {
  const loaded = linesOf(sections, 'modules-loaded').filter((line) => /^[\w-]+$/.test(line));
  const index: Index = {
    known: new Set(linesOf(sections, 'modules-indexes')),
    lines: fileLinesOf(sections, 'modules-files'),
  };
  const sys = new Set(linesOf(sections, 'modules-sys'));
  const vfio = watched.map((name): ModuleFact => {
    const inRunning = inKernel(name, running, index);
    const isLoaded = loaded.includes(name) || sys.has(`loaded ${name}`);
    return {
      name,
      running: isLoaded ? 'loaded' : sys.has(`builtin ${name}`) ? 'builtin' : inRunning,
      next: next === null ? null : inKernel(name, next, index),
    };
  });
  return { loaded, vfio };
}

interface Index {
  readonly known: ReadonlySet<string>;
  readonly lines: readonly FileLine[];
}

function inKernel(name: string, release: string, index: Index): ModuleFact['next'] {
  const has = (file: string) =>
    index.lines.some(({ path, text }) => path === `/lib/modules/${release}/${file}` && nameOf(text) === name);
  if (has('modules.builtin')) return 'builtin';
  if (has('modules.dep')) return 'available';
  const read = ['modules.dep', 'modules.builtin'].every((file) => index.known.has(`/lib/modules/${release}/${file}`));
  return read ? 'absent' : null;
}

/** `kernel/drivers/vfio/pci/vfio-pci.ko.xz: kernel/…` is `vfio_pci`. */
function nameOf(line: string): string | undefined {
  return /^(?:[^:]*\/)?([^/:]+)\.ko/.exec(line)?.[1]?.replaceAll('-', '_');
}

/** State of a module; one that is not watched is known to be loaded or not known at all. */
export function moduleState(facts: Facts, name: string): ModuleFact {
  const wanted = name.replaceAll('-', '_');
  const known = facts.modules.vfio.find((module) => module.name === wanted);
  if (known !== undefined) return known;
  return { name: wanted, running: facts.modules.loaded.includes(wanted) ? 'loaded' : null, next: null };
}

/**
 * The modules that passthrough needs on a host: `vfio`, `vfio_iommu_type1`, `vfio_pci`, and `vfio_virqfd` where the kernel that
 * will boot has that module as a file. Linux 6.2 folded it into `vfio` (commit e2d55709398e), and some distributions
 * ported that back, so the kernel's own index decides; only where it cannot be read does the version.
 *
 * @example
 * modulesToLoad('vfio.conf', vfioModules(host.facts))
 */
export function vfioModules(facts: Facts): readonly string[] {
  const always = ['vfio', 'vfio_iommu_type1', 'vfio_pci'];
  return hasVirqfd(facts) ? [...always, 'vfio_virqfd'] : always;
}

function hasVirqfd(facts: Facts): boolean {
  const { next, running } = moduleState(facts, 'vfio_virqfd');
  if (next !== null) return next === 'available';
  const release = facts.kernel.next ?? facts.kernel.running;
  // With no way to tell which kernel boots, the running one is the best witness that there is.
  if (facts.kernel.next === null && running !== null) return running === 'available' || running === 'loaded';
  return isKernelAtLeast(release, 6, 2) === false;
}
