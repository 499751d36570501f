import { atLeast } from './release.ts';
import type { Running } from './running.ts';
import type { Moment } from './running-modules.ts';

/** A message: seconds since the kernel began, who said it, and what. */
export interface LogLine {
  readonly seconds: number;
  readonly source: string;
  readonly text: string;
}

/** Where the parts of a boot begin, in seconds. */
const momentStart: Readonly<Record<Moment, number>> = { 'built-in': 1.2, initramfs: 2.4, system: 6.1 };

/**
 * The kernel's own messages of a boot, as far as they are about what this project looks at. Wordings are those of
 * captured logs (listed in src/lab/machines/SOURCES.md); hardware addresses in them are constructed. Lines that mislead are
 * there on purpose: `DMAR: DRHD base` and `DMAR-IR` stand in the log of a machine whose translation is off.
 */
export function kernelLog(running: Running): readonly LogLine[] {
  const { kernel, line, modules, hugepages } = running;
  const log: LogLine[] = [];
  const say = (seconds: number, ...texts: readonly string[]) => {
    for (const [index, text] of texts.entries())
      log.push({ seconds: seconds + index * 0.000_021, source: 'kernel', text });
  };
  say(
    0,
    `Linux version ${kernel.release} (builder@lab) ${kernel.version}`,
    `Command line: ${line.text}`,
    ...firmware(running),
  );
  if (line.arguments.some(([name, value]) => name === 'intel_iommu' && value?.split(',').includes('on'))) {
    // Said while the argument is read, whether there is an IOMMU or not (intel_iommu_setup()).
    say(0.011, 'DMAR: IOMMU enabled');
  }
  say(0.012, `Kernel command line: ${line.text}`, ...hugepages.log);
  if (line.arguments.some(([name, value]) => name === 'amd_iommu' && value === 'on')) {
    say(0.013, "AMD-Vi: Unknown option - 'on'");
  }
  say(0.082, ...tables(running));
  say(0.61, ...translation(running));
  say(0.95, ...afterTranslation(running));
  say(1.1, 'Freeing initrd memory: 41332K', 'Run /init as init process');
  for (const moment of ['built-in', 'initramfs', 'system'] as const) {
    say(momentStart[moment], ...modules.log.filter((item) => item.moment === moment).map((item) => item.text));
  }
  say(7.3, ...network(running));
  return log.sort((a, b) => a.seconds - b.seconds);
}

function firmware({ settings, kernel }: Running): readonly string[] {
  const { kind, vendor, product, iommuTable, secureBoot } = settings.firmware;
  return [
    'BIOS-provided physical RAM map:',
    ...(kind === 'uefi'
      ? ['efi: EFI v2.70 by American Megatrends', `secureboot: Secure boot ${secureBoot ? 'en' : 'dis'}abled`]
      : []),
    `DMI: ${vendor} ${product}, BIOS 2.4.8 06/01/2023`,
    'ACPI: RSDP 0x00000000000F05B0 000024 (v02 LAB   )',
    ...(iommuTable === 'none'
      ? []
      : [`ACPI: ${iommuTable} 0x000000007B7E7000 000160 (v01 LAB    LAB      00000001 INTL 20091013)`]),
    // Since 5.12 (acpi_reserve_initial_tables() of drivers/acpi/tables.c).
    ...(iommuTable !== 'none' && atLeast(kernel.release, 5, 12)
      ? [`ACPI: Reserving ${iommuTable} table memory at [mem 0x7b7e7000-0x7b7e715f]`]
      : []),
  ];
}

/** Messages of drivers/iommu/intel/dmar.c and irq_remapping.c: they come whether translation is on or off. */
function tables({ settings, iommu, kernel }: Running): readonly string[] {
  if (settings.firmware.iommuTable !== 'DMAR') return [];
  const bases = Array.from({ length: settings.numaNodes }, (_, node) => 0xfbff_c000 - node * 0x1c00_4000);
  const { virtualIommu } = settings.firmware;
  const x2apic = settings.cpu.flags.includes('x2apic')
    ? [
        'DMAR-IR: Queued invalidation will be enabled to support x2apic and Intr-remapping.',
        'DMAR-IR: Enabled IRQ remapping in x2apic mode',
        'x2apic enabled',
      ]
    : ['DMAR-IR: Enabled IRQ remapping in xapic mode'];
  const remapped = iommu.remapping
    ? [
        ...bases.map(
          (base, node) => `DMAR-IR: IOAPIC id ${8 + node} under DRHD base  0x${base.toString(16)} IOMMU ${node}`,
        ),
        ...(virtualIommu ? [] : [`DMAR-IR: HPET id 0 under DRHD base 0x${(bases.at(-1) ?? 0).toString(16)}`]),
        ...x2apic,
      ]
    : ["x2apic: IRQ remapping doesn't support X2APIC mode"];
  return [
    'DMAR: Host address width 46',
    ...bases.flatMap((base, node) => [
      `DMAR: DRHD base: 0x${base.toString(16).padStart(14, '0')} flags: 0x${node === bases.length - 1 ? 1 : 0}`,
      `DMAR: dmar${node}: reg_base_addr ${base.toString(16)} ver 1:0 cap d2078c106f0466 ecap f020df`,
    ]),
    ...(virtualIommu ? [] : ['DMAR: RMRR base: 0x0000007a28a000 end: 0x0000007a299fff']),
    ...(atLeast(kernel.release, 3, 10) ? remapped : []),
  ];
}

function translation({ settings, iommu, kernel }: Running): readonly string[] {
  if (!iommu.on) return [];
  const intel = settings.firmware.iommuTable === 'DMAR';
  const functions = settings.pci.filter((device) => device.class.startsWith('0806'));
  const domain = iommu.domain === 'passthrough' ? 'Passthrough' : 'Translated';
  const because = iommu.domainByArgument ? '(set via kernel command line)' : '';
  // The first wording of the group line held until 5.2; the domain type is said since 5.3 (drivers/iommu/iommu.c).
  const grouped = settings.pci.flatMap(({ address, group }) => {
    if (group === null) return [];
    return [
      atLeast(kernel.release, 5, 3)
        ? `pci ${address}: Adding to iommu group ${group}`
        : `iommu: Adding device ${address} to group ${group}`,
    ];
  });
  const { virtualIommu } = settings.firmware;
  const policy = iommu.domain === 'dma-lazy' ? 'lazy' : 'strict';
  // A blank stands at the end where nothing was said; the policy is told since 5.14 (iommu_subsys_init()).
  const common = [
    ...(atLeast(kernel.release, 5, 3) ? [`iommu: Default domain type: ${domain} ${because}`] : []),
    ...(atLeast(kernel.release, 5, 14) && iommu.domain !== 'passthrough'
      ? [`iommu: DMA domain TLB invalidation policy: ${policy} mode `]
      : []),
  ];
  if (intel) {
    const queued = iommu.units.map((unit) => `DMAR: ${unit}: Using Queued invalidation`);
    return [
      ...common,
      ...(virtualIommu ? ['DMAR: No RMRR found'] : []),
      'DMAR: No ATSR found',
      // Since 5.15 (dmar_parse_one_satc() of drivers/iommu/intel/iommu.c).
      ...(atLeast(kernel.release, 5, 15) ? ['DMAR: No SATC found'] : []),
      ...queued,
      ...(virtualIommu ? ['DMAR: IOMMU batching disallowed due to virtualization'] : []),
      ...grouped,
      'DMAR: Intel(R) Virtualization Technology for Directed I/O',
    ];
  }
  const counted = functions.map(({ address }) => `pci ${address}: AMD-Vi: IOMMU performance counters supported`);
  // Captured with 6.12; the features are those of all units together since 6.7 (print_iommu_info()).
  const features = atLeast(kernel.release, 6, 7)
    ? ['AMD-Vi: Extended features (0x58f77ef22294ade, 0x0): PPR X2APIC NX GT IA GA PC GA_vAPIC']
    : functions.flatMap(({ address }) => [
        `pci ${address}: AMD-Vi: Found IOMMU cap 0x40`,
        `pci ${address}: AMD-Vi: Extended features (0x58f77ef22294ade): PPR X2APIC NX GT IA GA PC GA_vAPIC`,
      ]);
  return [
    ...(atLeast(kernel.release, 6, 7) ? ['AMD-Vi: Using global IVHD EFR:0x58f77ef22294ade, EFR2:0x0'] : []),
    ...common,
    ...(virtualIommu ? ['AMD-Vi: Using strict mode due to virtualization'] : counted),
    ...grouped,
    ...features,
  ];
}

function afterTranslation({ settings, iommu, kernel }: Running): readonly string[] {
  if (settings.firmware.iommuTable === 'IVRS') {
    if (!iommu.on) return [];
    if (settings.firmware.virtualIommu) return iommu.remapping ? ['AMD-Vi: Interrupt remapping enabled'] : [];
    return [
      ...(iommu.remapping
        ? ['AMD-Vi: Interrupt remapping enabled', 'AMD-Vi: Virtual APIC enabled', 'AMD-Vi: X2APIC enabled']
        : []),
      ...iommu.units.map((_, index) => `perf/amd_iommu: Detected AMD IOMMU #${index} (2 banks, 4 counters/bank).`),
    ];
  }
  // amd_iommu_v2_init() of drivers/iommu/amd/iommu_v2.c, which Debian builds in: said on every Intel machine until 6.6.
  return atLeast(kernel.release, 5, 10) && !atLeast(kernel.release, 6, 7)
    ? ['AMD-Vi: AMD IOMMUv2 functionality not available on this system - This is not a bug.']
    : [];
}

function network({ settings }: Running): readonly string[] {
  return settings.pci.flatMap(({ address, driver, network: card }) =>
    card?.up
      ? [`${driver ?? 'net'} ${address} ${card.name}: NIC Link is Up 10 Gbps Full Duplex, Flow Control: RX/TX`]
      : [],
  );
}
