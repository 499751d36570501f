import { variablesLayout } from './efi-variables.ts';
import { below, file, folder, type Layout, link, merge } from './layout.ts';
import { atLeast } from './release.ts';
import type { Running } from './running.ts';

/** The rest of `/sys`: firmware, DMI, lockdown, memory and its hugepages by NUMA node. */
export function platformLayout(running: Running): Layout {
  return merge([
    acpiLayout(running),
    efiLayout(running),
    dmiLayout(running),
    securityLayout(running),
    memoryLayout(running),
  ]);
}

/** Only root may read a table, everybody may list them (mode 0400: drivers/acpi/sysfs.c). */
function acpiLayout({ settings }: Running): Layout {
  const { iommuTable, kind } = settings.firmware;
  const tables = [
    'APIC',
    'DSDT',
    'FACP',
    'FACS',
    'HPET',
    'MCFG',
    'SLIT',
    'SRAT',
    'SSDT',
    ...(kind === 'uefi' ? ['UEFI'] : []),
  ];
  if (iommuTable !== 'none') tables.push(iommuTable);
  const files = Object.fromEntries(tables.map((name) => [name, file(`${name}\0\0\0\x24\x01`, 0o400)]));
  return merge([
    below('/sys/firmware/acpi/tables', files),
    below('/sys/firmware/acpi/tables', { data: folder(), dynamic: folder() }),
  ]);
}

/** The variable's first four bytes are its attributes (Documentation/filesystems/efivarfs.rst). */
function efiLayout({ settings, variables }: Running): Layout {
  const { kind, secureBoot } = settings.firmware;
  if (kind === 'bios') return new Map();
  const global = '8be4df61-93ca-11d2-aa0d-00e098032b8c';
  return merge([
    below('/sys/firmware/efi', {
      fw_platform_size: '64',
      runtime: file('0x0\n', 0o400),
      systab: file('ACPI20=0x7b7fe014\n', 0o400),
    }),
    below('/sys/firmware/efi/efivars', {
      [`SecureBoot-${global}`]: file(new Uint8Array([6, 0, 0, 0, secureBoot ? 1 : 0])),
      [`SetupMode-${global}`]: file(new Uint8Array([6, 0, 0, 0, 0])),
    }),
    variablesLayout(variables),
  ]);
}

function dmiLayout({ settings, identity }: Running): Layout {
  const { vendor, product } = settings.firmware;
  return merge([
    below('/sys/devices/virtual/dmi/id', {
      sys_vendor: vendor,
      product_name: product,
      board_vendor: vendor,
      bios_version: '2.4.8',
      chassis_type: '23',
      product_serial: file(`${identity.serial}\n`, 0o400),
      product_uuid: file(`${identity.uuid}\n`, 0o400),
    }),
    below('/sys/class/dmi', { id: link('../../devices/virtual/dmi/id') }),
  ]);
}

/** Lockdown is there since 5.4, and follows Secure Boot on these distributions. */
function securityLayout({ settings, kernel }: Running): Layout {
  if (!atLeast(kernel.release, 5, 4)) return below('/sys/kernel', { security: folder() });
  const text = settings.firmware.secureBoot ? 'none [integrity] confidentiality' : '[none] integrity confidentiality';
  return below('/sys/kernel/security', { lockdown: text });
}

/** Memory, processors and hugepages by NUMA node. */
export function memoryLayout({ settings, hugepages }: Running): Layout {
  const { numaNodes, cpu, memoryKiB } = settings;
  const perNode = Math.ceil(cpu.count / numaNodes);
  const pool = (base: string, sizeKiB: number, pages: number) =>
    below(`${base}/hugepages/hugepages-${sizeKiB}kB`, {
      nr_hugepages: String(pages),
      free_hugepages: String(pages),
      surplus_hugepages: '0',
    });
  const sums = hugepages.pools.map(({ sizeKiB, perNode: counts }) => ({
    sizeKiB,
    pages: counts.reduce((a, b) => a + b, 0),
  }));
  const nodes = Array.from({ length: numaNodes }, (_, node) => {
    const base = `/sys/devices/system/node/node${node}`;
    const last = Math.min(cpu.count, (node + 1) * perNode) - 1;
    const share = settings.numaMemoryKiB?.[node] ?? Math.floor(memoryKiB / numaNodes);
    return merge([
      below(base, {
        cpulist: `${node * perNode}-${last}`,
        meminfo: file(
          `Node ${node} MemTotal:       ${share} kB\nNode ${node} MemFree:        ${Math.floor(share * 0.94)} kB\n`,
        ),
      }),
      ...hugepages.pools.map(({ sizeKiB, perNode: counts }) => pool(base, sizeKiB, counts[node] ?? 0)),
    ]);
  });
  return merge([
    ...sums.flatMap(({ sizeKiB, pages }) => [
      pool('/sys/kernel/mm', sizeKiB, pages),
      below(`/sys/kernel/mm/hugepages/hugepages-${sizeKiB}kB`, { resv_hugepages: '0', nr_overcommit_hugepages: '0' }),
    ]),
    below('/sys/kernel/mm/transparent_hugepage', { enabled: 'always [madvise] never' }),
    below('/sys/devices/system/cpu', { online: `0-${cpu.count - 1}`, possible: `0-${cpu.count - 1}` }),
    below('/sys/devices/system/node', { online: numaNodes === 1 ? '0' : `0-${numaNodes - 1}` }),
    ...nodes,
  ]);
}
