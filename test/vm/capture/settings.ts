import { moduleOfDriver } from '../../../src/lab/model/module-table.ts';
import { type CapturedDevice, devicesOf } from './pci.ts';
import { linesOf, type Reading } from './reading.ts';

/** `machine.json` of a machine as it was read. */
export function settingsOf(reading: Reading, title: string): Record<string, unknown> {
  const devices = devicesOf(reading);
  const os = valuesOf(linesOf(reading, 'os-release'), '=');
  const firmware = linesOf(reading, 'firmware');
  const uefi = firmware.includes('uefi');
  const cpu = valuesOf(linesOf(reading, 'cpu'), ':');
  const memory = linesOf(reading, 'memory');
  const tables = linesOf(reading, 'tables');
  return {
    version: 1,
    title,
    distribution: {
      id: os.get('ID'),
      idLike: (os.get('ID_LIKE') ?? '').split(' ').filter(Boolean),
      versionId: os.get('VERSION_ID'),
      prettyName: os.get('PRETTY_NAME'),
    },
    architecture: 'x86_64',
    firmware: {
      kind: uefi ? 'uefi' : 'bios',
      iommuTable: ['DMAR', 'IVRS'].find((name) => tables.includes(name)) ?? 'none',
      interruptRemapping: linesOf(reading, 'interrupts').length > 0,
      virtualIommu: isLazy(reading) && domainsOf(reading).length > 0 && !domainsOf(reading).includes('DMA-FQ'),
      // The fifth byte is the variable's value.
      secureBoot: firmware.some((line) => /^( +\d+){4} +1$/.test(line)),
      vendor: firmware.at(-2),
      product: firmware.at(-1),
    },
    cpu: {
      vendorId: cpu.get('vendor_id'),
      model: cpu.get('model name'),
      flags: cpu.get('flags')?.split(' '),
      count: Number(cpu.get('processors')),
    },
    memoryKiB: Number(/\d+/.exec(memory[0] ?? '')?.[0]),
    numaNodes: memory.filter((line) => /\/node\d+$/.test(line)).length,
    tools: toolsOf(reading),
    initramfs: 'initramfs-tools',
    filesystems: filesystemsOf(reading),
    kernels: [kernelOf(reading, devices)],
    boot: {
      loader: 'update-grub',
      config: '/boot/grub/grub.cfg',
      ...(uefi && { first: `/boot/efi/EFI/${os.get('ID')}/grub.cfg` }),
    },
    log: { restricted: linesOf(reading, 'restricted')[0] === '1', wrapped: false },
    pci: devices.map(({ module: _, ...device }) => device),
    links: Object.fromEntries(reading.links),
  };
}

function valuesOf(lines: readonly string[], separator: string): ReadonlyMap<string, string> {
  const pairs = lines.map((line) => {
    const at = line.indexOf(separator);
    return [
      line.slice(0, at).trim(),
      line
        .slice(at + 1)
        .trim()
        .replace(/^"(.*)"$/, '$1'),
    ] as const;
  });
  return new Map(pairs);
}

function toolsOf(reading: Reading): object {
  const lines = linesOf(reading, 'versions');
  const version = (start: RegExp) => lines.map((line) => start.exec(line)?.[1]).find((found) => found !== undefined);
  return {
    systemd: Number(version(/^systemd (\d+)/)),
    kmod: Number(version(/^kmod version (\d+)/)),
    grub: version(/^grub-common (\S+)/),
  };
}

/** The disk that the machine has started from is GRUB's first. */
function filesystemsOf(reading: Reading): readonly object[] {
  return linesOf(reading, 'filesystems').map((line) => {
    const [mount, source = '', uuid, type] = line.split(' ');
    return { mount, source, uuid, type, grub: `hd0,gpt${/\d+$/.exec(source)?.[0]}` };
  });
}

/** Modules that passthrough is about, whether they are loaded or not. */
const watched = /^(vfio.*|irqbypass|kvm|kvm_intel|kvm_amd|mdev|iommufd|pci_stub)$/;

function kernelOf(reading: Reading, devices: readonly CapturedDevice[]): object {
  const [release, version] = linesOf(reading, 'kernel');
  const dependencies = new Map(
    linesOf(reading, 'modules.dep').map((line) => {
      const [path = '', rest = ''] = line.split(':');
      return [nameOf(path), rest.split(' ').filter(Boolean).map(nameOf)] as const;
    }),
  );
  const loaded = linesOf(reading, 'loaded');
  const own = devices.flatMap(({ module }) => module ?? []);
  const wanted = [...[...dependencies.keys()].filter((name) => watched.test(name)), ...own, ...loaded];
  const modules = [...new Set(wanted.flatMap((name) => [name, ...(dependencies.get(name) ?? [])]))].sort();
  const builtin = linesOf(reading, 'modules.builtin').map(nameOf);
  const drivers = devices.flatMap(({ driver }) => (driver === null ? [] : [moduleOfDriver(driver)]));
  const softdeps = linesOf(reading, 'modules.softdep').map((line) => line.replace(/^softdep /, ''));
  const suffix = linesOf(reading, 'modules.dep')[0]?.match(/\.(ko(?:\.\w+)?):/)?.[1];
  return {
    release,
    version,
    modules: modules.filter((name) => dependencies.has(name)),
    builtin: [
      ...builtin.filter((name) => watched.test(name)),
      ...new Set(drivers.filter((name) => !dependencies.has(name))),
    ].sort(),
    suffix,
    softdeps: softdeps.filter((line) => modules.includes(nameOf(line.split(' ')[0] ?? '')) && /^vfio/.test(line)),
    // Sorted, as each boot loads them in an order of its own.
    otherModules: loaded.filter((name) => !own.includes(name)).sort(),
    intelIommuDefaultOn: !linesOf(reading, 'config').includes('CONFIG_INTEL_IOMMU_DEFAULT_OFF=y'),
    defaultDomain: domainsOf(reading).includes('identity') ? 'passthrough' : isLazy(reading) ? 'dma-lazy' : 'dma',
  };
}

/** The kernel's own default, which it leaves where the IOMMU itself is emulated. */
function isLazy(reading: Reading): boolean {
  return linesOf(reading, 'config').includes('CONFIG_IOMMU_DEFAULT_DMA_LAZY=y');
}

/** Types of the groups, on a machine that runs without arguments about them. */
function domainsOf(reading: Reading): readonly string[] {
  return linesOf(reading, 'iommu').flatMap((line) => /^ *\d+ (\S+)$/.exec(line)?.[1] ?? []);
}

function nameOf(path: string): string {
  return path
    .replace(/^.*\//, '')
    .replace(/\.ko.*$/, '')
    .replaceAll('-', '_');
}
