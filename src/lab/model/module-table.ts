import type { MachineKernel } from '../machine.ts';
import { atLeast } from './release.ts';

/** What a module is, and what it does to the running system when it is loaded. */
export interface ModuleFacts {
  /** With underscores. */
  readonly name: string;
  /** Path below `/lib/modules/RELEASE` without the suffix: `kernel/drivers/vfio/pci/vfio-pci`. */
  readonly path: string;
  /** Modules that must be there before, nearest first. */
  readonly depends: readonly string[];
  /** Those of them whose symbols it uses itself: `/proc/modules` counts these only. */
  readonly uses: readonly string[];
  readonly description: string;
  readonly version: string | null;
  /** Parameters that sysfs shows, with the value they start with. */
  readonly parameters: Readonly<Record<string, string>>;
  /** Parameters as modinfo tells them, hidden ones among them. */
  readonly help: readonly string[];
  /** Drivers that it registers on the PCI bus. */
  readonly drivers: readonly string[];
  readonly size: number;
  /** What it says in the kernel log. */
  readonly log: string | null;
}

type Known = Partial<Omit<ModuleFacts, 'name' | 'path'>> & { readonly path: string };

/**
 * The modules that passthrough is about, as Debian's 6.1.192 tells them (modinfo and modules.dep of the package
 * linux-image-6.1.0-56-amd64), with what other versions lack taken out by `moduleFacts`; the other modules are constructed,
 * and so are sizes but for those of vfio, which are as its `/proc/modules` has them.
 */
const known: Readonly<Record<string, Known>> = {
  vfio: {
    path: 'kernel/drivers/vfio/vfio',
    description: 'VFIO - User Level meta-driver',
    version: '0.3',
    parameters: { enable_unsafe_noiommu_mode: 'N' },
    size: 49152,
    log: 'VFIO - User Level meta-driver version: 0.3',
  },
  vfio_iommu_type1: {
    path: 'kernel/drivers/vfio/vfio_iommu_type1',
    depends: ['vfio'],
    description: 'Type1 IOMMU driver for VFIO',
    version: '0.2',
    parameters: { allow_unsafe_interrupts: 'N', disable_hugepages: 'N', dma_entry_limit: '65535' },
    help: [
      'allow_unsafe_interrupts:Enable VFIO IOMMU support for on platforms without interrupt remapping support. (bool)',
      'disable_hugepages:Disable VFIO IOMMU support for IOMMU hugepages. (bool)',
      'dma_entry_limit:Maximum number of user DMA mappings per container (65535). (uint)',
    ],
    size: 45056,
  },
  vfio_pci: {
    path: 'kernel/drivers/vfio/pci/vfio-pci',
    depends: ['vfio_pci_core', 'vfio_virqfd', 'vfio', 'irqbypass'],
    uses: ['vfio_pci_core', 'vfio'],
    description: 'VFIO PCI - User Level meta-driver',
    parameters: {
      disable_denylist: 'N',
      disable_idle_d3: 'N',
      disable_vga: 'N',
      enable_sriov: 'N',
      nointxmask: 'N',
    },
    help: [
      'ids:Initial PCI IDs to add to the vfio driver, format is "vendor:device[:subvendor[:subdevice[:class[:class_mask]]]]" and multiple comma separated entries can be specified (string)',
      'disable_vga:Disable VGA resource access through vfio-pci (bool)',
      'disable_idle_d3:Disable using the PCI D3 low power state for idle, unused devices (bool)',
    ],
    drivers: ['vfio-pci'],
    size: 16384,
  },
  vfio_pci_core: {
    path: 'kernel/drivers/vfio/pci/vfio-pci-core',
    depends: ['vfio_virqfd', 'vfio', 'irqbypass'],
    description: 'core driver for VFIO based PCI devices',
    size: 73728,
  },
  vfio_virqfd: {
    path: 'kernel/drivers/vfio/vfio_virqfd',
    description: 'IRQFD support for VFIO bus drivers',
    version: '0.1',
    size: 16384,
  },
  irqbypass: { path: 'kernel/virt/lib/irqbypass', description: 'IRQ bypass manager utility module', size: 16384 },
  kvm: {
    path: 'kernel/arch/x86/kvm/kvm',
    depends: ['irqbypass'],
    parameters: { ignore_msrs: 'N' },
    size: 1142784,
  },
  kvm_intel: {
    path: 'kernel/arch/x86/kvm/kvm-intel',
    depends: ['kvm', 'irqbypass'],
    uses: ['kvm'],
    parameters: { nested: 'Y' },
    size: 380928,
  },
  kvm_amd: {
    path: 'kernel/arch/x86/kvm/kvm-amd',
    depends: ['ccp', 'kvm', 'irqbypass'],
    uses: ['ccp', 'kvm'],
    parameters: { nested: '1' },
    size: 155648,
  },
  nouveau: {
    path: 'kernel/drivers/gpu/drm/nouveau/nouveau',
    depends: ['ttm', 'drm_kms_helper', 'drm'],
    parameters: { modeset: '-1' },
    size: 2433024,
  },
  amdgpu: {
    path: 'kernel/drivers/gpu/drm/amd/amdgpu/amdgpu',
    depends: ['ttm', 'drm_kms_helper', 'drm'],
    size: 9728000,
  },
  mgag200: { path: 'kernel/drivers/gpu/drm/mgag200/mgag200', depends: ['drm_kms_helper', 'drm'], size: 65536 },
  ast: { path: 'kernel/drivers/gpu/drm/ast/ast', depends: ['drm_kms_helper', 'drm'], size: 69632 },
  ttm: { path: 'kernel/drivers/gpu/drm/ttm/ttm', depends: ['drm'], size: 94208 },
  drm_kms_helper: { path: 'kernel/drivers/gpu/drm/drm_kms_helper', depends: ['drm'], size: 212992 },
  drm: { path: 'kernel/drivers/gpu/drm/drm', size: 614400 },
  snd_hda_intel: { path: 'kernel/sound/pci/hda/snd-hda-intel', size: 57344 },
  nvme: { path: 'kernel/drivers/nvme/host/nvme', depends: ['nvme_core'], size: 57344 },
  nvme_core: { path: 'kernel/drivers/nvme/host/nvme-core', size: 163840 },
  ahci: { path: 'kernel/drivers/ata/ahci', depends: ['libahci', 'libata'], size: 49152 },
  libahci: { path: 'kernel/drivers/ata/libahci', depends: ['libata'], size: 49152 },
  libata: { path: 'kernel/drivers/ata/libata', size: 401408 },
  megaraid_sas: { path: 'kernel/drivers/scsi/megaraid/megaraid_sas', size: 184320 },
  xhci_pci: { path: 'kernel/drivers/usb/host/xhci-pci', depends: ['xhci_hcd'], drivers: ['xhci_hcd'], size: 24576 },
  xhci_hcd: { path: 'kernel/drivers/usb/host/xhci-hcd', drivers: [], size: 319488 },
  ehci_pci: { path: 'kernel/drivers/usb/host/ehci-pci', drivers: ['ehci-pci'], size: 16384 },
  igb: { path: 'kernel/drivers/net/ethernet/intel/igb/igb', size: 315392 },
  ixgbe: { path: 'kernel/drivers/net/ethernet/intel/ixgbe/ixgbe', size: 409600 },
  i40e: { path: 'kernel/drivers/net/ethernet/intel/i40e/i40e', size: 552960 },
  ice: { path: 'kernel/drivers/net/ethernet/intel/ice/ice', size: 1036288 },
  tg3: { path: 'kernel/drivers/net/ethernet/broadcom/tg3', size: 192512 },
  bnxt_en: { path: 'kernel/drivers/net/ethernet/broadcom/bnxt/bnxt_en', size: 335872 },
  mlx5_core: { path: 'kernel/drivers/net/ethernet/mellanox/mlx5/core/mlx5_core', size: 1757184 },
  virtio_pci: { path: 'kernel/drivers/virtio/virtio_pci', drivers: ['virtio-pci'], size: 28672 },
  bochs: { path: 'kernel/drivers/gpu/drm/tiny/bochs', drivers: ['bochs-drm'], size: 20480 },
  '8250_pci': { path: 'kernel/drivers/tty/serial/8250/8250_pci', drivers: ['serial'], size: 0 },
  pcieport: { path: 'kernel/drivers/pci/pcie/pcieport', size: 0 },
  i2c_i801: { path: 'kernel/drivers/i2c/busses/i2c-i801', drivers: ['i801_smbus'], size: 36864 },
  lpc_ich: { path: 'kernel/drivers/mfd/lpc_ich', size: 28672 },
  ccp: { path: 'kernel/drivers/crypto/ccp/ccp', size: 118784 },
  ext4: { path: 'kernel/fs/ext4/ext4', drivers: [], size: 983040 },
  xfs: { path: 'kernel/fs/xfs/xfs', drivers: [], size: 1990656 },
  dm_mod: { path: 'kernel/drivers/md/dm-mod', drivers: [], size: 184320 },
};

/** Hardware drivers whose module registers nothing on the PCI bus. */
const noPciDriver = /^(vfio|vfio_iommu_type1|vfio_pci_core|vfio_virqfd|irqbypass|kvm.*|ttm|drm.*|nvme_core|lib.*)$/;

/** A module of this kernel, built in or not. */
export function moduleFacts(kernel: MachineKernel, name: string): ModuleFacts {
  const found: Known = known[name] ?? { path: `kernel/drivers/misc/${name}` };
  const loadable = new Set(kernel.modules);
  const lacking = absentParameters(kernel);
  const parameters = Object.entries(found.parameters ?? {}).filter(([parameter]) => !lacking.has(parameter));
  return {
    name,
    path: found.path,
    depends: (found.depends ?? []).filter((other) => loadable.has(other)),
    // Where one of them is not there yet, as vfio_pci_core before 5.15, its part is in the module itself.
    uses: (found.uses?.every((other) => loadable.has(other)) ? found.uses : (found.depends ?? [])).filter((other) =>
      loadable.has(other),
    ),
    description: found.description ?? name,
    version: found.version ?? null,
    parameters: Object.fromEntries(parameters),
    help: found.help ?? [],
    drivers: found.drivers ?? (noPciDriver.test(name) ? [] : [name]),
    size: found.size ?? 28672,
    log: found.log ?? null,
  };
}

/** All modules of a kernel, in its own order. */
export function loadableModules(kernel: MachineKernel): readonly ModuleFacts[] {
  return kernel.modules.map((name) => moduleFacts(kernel, name));
}

/** Modules whose driver has another name than they. */
const otherNames = new Map(
  Object.entries(known).flatMap(([name, { drivers = [] }]) =>
    drivers.map((driver): [string, string] => [driver, name]),
  ),
);

/** The module that brings a driver: most have its name. */
export function moduleOfDriver(driver: string): string {
  return otherNames.get(driver) ?? driver.replaceAll('-', '_');
}

/**
 * `enable_sriov` came with 5.7, `disable_denylist` with 5.9 (drivers/vfio/pci/vfio_pci.c); the vfio of Debian and of
 * Enterprise Linux is built without VGA or no-IOMMU mode as section "vfio in distribution kernels" of SOURCES.md says.
 */
function absentParameters(kernel: MachineKernel): ReadonlySet<string> {
  const absent: string[] = [];
  if (!atLeast(kernel.release, 5, 7)) absent.push('enable_sriov');
  if (!atLeast(kernel.release, 5, 9)) absent.push('disable_denylist');
  if (/-amd64$/.test(kernel.release)) absent.push('enable_unsafe_noiommu_mode');
  if (/\.el[79]/.test(kernel.release)) absent.push('disable_vga');
  return new Set(absent);
}
