import type { Facts } from './facts.ts';
import { hardwareParts } from './render-hardware.ts';

type Row = readonly [label: string, ...values: readonly string[]];

/** The facts of a host as text for people: sections with aligned labels; what could not be read is called unknown. */
export function renderFacts(facts: Facts): string {
  const parts: readonly (readonly [string, readonly Row[]])[] = [
    ['system', systemRows(facts)],
    ['kernel', kernelRows(facts)],
    ['iommu', iommuRows(facts)],
    ['boot', bootRows(facts)],
    [
      'modules',
      facts.modules.vfio.map(({ name, running, next }) => [name, `${known(running)} now, ${known(next)} next`]),
    ],
    ['memory', memoryRows(facts)],
    ['guests', guestRows(facts)],
    ...deviceParts(facts),
    [`pci (${facts.pci.length})`, facts.pci.map(pciRow)],
    [`kernel log (${facts.log.source ?? 'may not be read'})`, (facts.log.lines ?? []).map((line) => [line])],
  ];
  const width = Math.max(...parts.slice(0, -2).flatMap(([, rows]) => rows.map(([label]) => label.length)));
  const text = parts.map(([title, rows]) => [title, ...rows.flatMap((row) => lines(row, width))].join('\n'));
  return `${printable(text.join('\n\n'))}\n`;
}

/** A subject of which the host has nothing is left out. */
function deviceParts({ hardware }: Facts): readonly (readonly [string, readonly Row[]])[] {
  if (hardware === null) return [['devices', [['in use', 'unknown']]]];
  return hardwareParts(hardware).filter(([, rows]) => rows.length > 0);
}

/** What a host says may hold control characters: a terminal must not obey them. */
function printable(text: string): string {
  return text.replace(
    /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/g,
    (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}

function lines([label, ...values]: Row, width: number): readonly string[] {
  if (values.length === 0) return [`  ${label}`];
  const indent = ' '.repeat(width + 4);
  return values.map((value, i) => (i === 0 ? `  ${label.padEnd(width)}  ${value}` : `${indent}${value}`));
}

function systemRows({ identity, os, architecture, cpu, firmware }: Facts): readonly Row[] {
  const secure = firmware.secureBoot === null ? 'unknown' : firmware.secureBoot ? 'on' : 'off';
  return [
    ['host name', identity.hostname],
    ['os', `${os.prettyName} (${[os.id, ...os.idLike].join(' ')} ${os.versionId ?? ''})`.replace(' )', ')')],
    [
      'cpu',
      `${cpu.model ?? cpu.vendorId ?? 'unknown'}, ${known(cpu.vendor)}, ${known(cpu.count)} processors, ${architecture}`,
    ],
    ['virtual machine', cpu.hypervisor ? 'yes' : 'the CPU does not say so'],
    ['firmware', firmware.kind === 'uefi' ? 'UEFI' : 'BIOS'],
    ['secure boot', secure],
    ['lockdown', known(firmware.lockdown)],
    ['machine id', known(identity.machineId)],
    ['boot id', known(identity.bootId)],
    ['probed as', identity.root ? 'root' : 'a user without rights: some facts are unknown'],
  ];
}

function kernelRows({ kernel }: Facts): readonly Row[] {
  return [
    ['running', kernel.running],
    ['next boot', known(kernel.next)],
    ['installed', ...(kernel.installed.length === 0 ? ['none found'] : kernel.installed)],
  ];
}

function iommuRows({ iommu }: Facts): readonly Row[] {
  const { interruptRemapping: remapping } = iommu;
  return [
    ['firmware table', known(iommu.firmware)],
    ['units', iommu.units.length === 0 ? 'none' : iommu.units.join(' ')],
    ['groups', String(iommu.groups.length)],
    ['interrupt remapping', remapping === null ? 'unknown' : remapping ? 'on' : 'off'],
  ];
}

function bootRows({ boot }: Facts): readonly Row[] {
  const entries = boot.entries?.map(
    (entry) => `${entry.default ? '* ' : '  '}${entry.title}: ${entry.arguments || '-'}`,
  );
  const configured = boot.configured?.map(({ path, variable, value }) => `${path}: ${variable}=${value}`);
  return [
    ['loader', `${boot.loader} (${boot.loaderEvidence})`],
    ['configuration', known(boot.configPath)],
    ['initramfs', boot.initramfs],
    ['running arguments', boot.running],
    ['configured', ...listed(configured)],
    ['entries (* default)', ...listed(entries)],
  ];
}

function memoryRows({ memory }: Facts): readonly Row[] {
  const gib = (kib: number | null) => (kib === null ? 'unknown' : `${(kib / 1024 ** 2).toFixed(1)} GiB`);
  const pools = memory.hugepages.filter((pool) => pool.node === null || pool.total > 0);
  return [
    ['total', gib(memory.totalKiB)],
    ['available', gib(memory.availableKiB)],
    ...pools.map(({ sizeKiB, node, total, free }): Row => {
      const size = sizeKiB >= 1024 ** 2 ? `${sizeKiB / 1024 ** 2} GiB` : `${sizeKiB / 1024} MiB`;
      return [`huge pages ${size}`, `${total}, ${free} free${node === null ? '' : ` on node ${node}`}`];
    }),
  ];
}

function guestRows({ guests }: Facts): readonly Row[] {
  return [
    ['qemu processes', ...listed(guests.qemu.map(({ pid, name }) => `${name} (pid ${pid})`))],
    ['libvirt domains', ...listed(guests.libvirt ?? undefined)],
  ];
}

function pciRow(device: Facts['pci'][number]): Row {
  const { address, vendor, device: id, driver, driverOverride, iommuGroup, numaNode, bootVga } = device;
  const parts = [
    `${address}  ${device.class}  ${vendor}:${id}  group ${(iommuGroup === null ? '-' : String(iommuGroup)).padEnd(4)}`,
    `driver ${driver ?? '-'}`,
    driverOverride !== null && `(override ${driverOverride})`,
    numaNode !== null && `node ${numaNode}`,
    bootVga && 'boot display',
  ];
  return [parts.filter((part) => part !== false).join('  ')];
}

function listed(values: readonly string[] | undefined): readonly string[] {
  if (values === undefined) return ['unknown'];
  return values.length === 0 ? ['none'] : values;
}

function known(value: string | number | null): string {
  return value === null ? 'unknown' : String(value);
}
