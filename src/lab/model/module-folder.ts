import { basename } from 'node:path';
import type { MachineKernel, MachineSettings } from '../machine.ts';
import { printKernelImage } from './boot-images.ts';
import { below, file, folder, type Layout, merge } from './layout.ts';
import { loadableModules, moduleFacts, moduleOfDriver } from './module-table.ts';

/** An installed kernel: its image, its configuration, and `/lib/modules/RELEASE` as depmod(8) leaves it. */
export function kernelLayout(settings: MachineSettings, kernel: MachineKernel): Layout {
  const { release, suffix } = kernel;
  const base = `/usr/lib/modules/${release}`;
  const modules = loadableModules(kernel);
  const path = (name: string) => `${moduleFacts(kernel, name).path}.${suffix}`;
  const dependencies = modules.map(
    ({ name, depends }) => `${path(name)}:${depends.map((other) => ` ${path(other)}`).join('')}\n`,
  );
  // The others are in the indexes only: their files would be many, and nobody looks at them.
  const described = modules.filter(({ name }) => /^(vfio|irqbypass|kvm)/.test(name));
  const builtin = kernel.builtin.map((name) => `${moduleFacts(kernel, name).path}.ko\n`);
  return merge([
    imageLayout(settings, kernel, base),
    below(base, {
      'modules.dep': file(dependencies.join('')),
      'modules.builtin': file(builtin.join('')),
      'modules.order': file(modules.map(({ name }) => `${path(name)}\n`).join('')),
      'modules.alias': file(aliases(settings, kernel)),
      'modules.softdep': file(kernel.softdeps.map((line) => `softdep ${line}\n`).join('')),
      kernel: folder(),
    }),
    below(base, Object.fromEntries(described.map(({ name }) => [path(name), file(moduleText(kernel, name))]))),
  ]);
}

/** Systems of ostree keep images beside the modules; what boots is another copy, which the kind has. */
function imageLayout({ boot }: MachineSettings, kernel: MachineKernel, base: string): Layout {
  const { release } = kernel;
  const [folder, suffix] = boot.loader === 'ostree' ? [base, ''] : ['/boot', `-${release}`];
  return below(folder, {
    [`vmlinuz${suffix}`]: file(printKernelImage(release), 0o600),
    [`config${suffix}`]: file(configuration(kernel)),
    [`System.map${suffix}`]: file('ffffffffffffffff B The real System.map\n', 0o600),
  });
}

/** What modinfo(8) tells of a module: its file is this text. */
function moduleText(kernel: MachineKernel, name: string): string {
  const { description, version, depends, help } = moduleFacts(kernel, name);
  const lines = [
    `description:    ${description}`,
    'license:        GPL v2',
    ...(version === null ? [] : [`version:        ${version}`]),
    // By file name; those of its dependencies among them, which the real field leaves out.
    `depends:        ${depends.map((other) => basename(moduleFacts(kernel, other).path)).join(',')}`,
    'retpoline:      Y',
    'intree:         Y',
    `name:           ${name}`,
    `vermagic:       ${kernel.release} SMP mod_unload modversions `,
    ...help.map((text) => `parm:           ${text}`),
  ];
  return `${lines.join('\n')}\n`;
}

function aliases(settings: MachineSettings, kernel: MachineKernel): string {
  const functions = settings.pci.flatMap(({ vendor, sriov }) => (sriov === undefined ? [] : [{ ...sriov, vendor }]));
  const lines = [...settings.pci, ...functions].flatMap(({ vendor, device, driver }) => {
    const module = driver === null ? null : moduleOfDriver(driver);
    if (module === null || !kernel.modules.includes(module)) return [];
    return [`alias pci:v0000${vendor.toUpperCase()}d0000${device.toUpperCase()}sv*sd*bc*sc*i* ${module}\n`];
  });
  return [...new Set(lines)].join('');
}

function configuration(kernel: MachineKernel): string {
  const state = (name: string) => (kernel.builtin.includes(name) ? 'y' : kernel.modules.includes(name) ? 'm' : null);
  const options = {
    VFIO: 'vfio',
    VFIO_IOMMU_TYPE1: 'vfio_iommu_type1',
    VFIO_PCI: 'vfio_pci',
    VFIO_VIRQFD: 'vfio_virqfd',
  };
  const lines = Object.entries(options).map(([option, module]) => {
    const value = state(module);
    return value === null ? `# CONFIG_${option} is not set` : `CONFIG_${option}=${value}`;
  });
  const intel = kernel.intelIommuDefaultOn
    ? 'CONFIG_INTEL_IOMMU_DEFAULT_ON=y'
    : '# CONFIG_INTEL_IOMMU_DEFAULT_ON is not set';
  return `${[...lines, 'CONFIG_INTEL_IOMMU=y', 'CONFIG_AMD_IOMMU=y', intel].join('\n')}\n`;
}
