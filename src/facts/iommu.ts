import { sh } from '../shell/script.ts';
import type { Facts, IommuGroup } from './facts.ts';
import { linesOf, type Sections } from './sections.ts';

/**
 * The names in the folder of ACPI tables may be listed by anyone, though the tables are for root. Groups come from
 * `printf`, which starts no process and has no limit of arguments.
 */
export const iommuProbe = sh`
section iommu
[ -d /sys/firmware/acpi/tables ] && [ -x /sys/firmware/acpi/tables ] && echo tables
for table in DMAR IVRS IORT; do [ -e "/sys/firmware/acpi/tables/$table" ] && echo "table $table"; done
[ -d /sys/class/iommu ] && (cd /sys/class/iommu && printf 'unit %s\\n' *)
[ -d /sys/kernel/iommu_groups ] && (
  cd /sys/kernel/iommu_groups && printf 'group %s\\n' */devices/*
  grep -Hs noiommu */name | sed 's/^/name /'
)
grep -asqE '[0-9] +IR-(IO-APIC|PCI-MSI|HPET)' /proc/interrupts && echo 'interrupts remapped'
grep -asqE '[0-9] +IO-APIC' /proc/interrupts && echo 'interrupts direct'
`;

/** Firmware tables, live units, groups. */
export function parseIommu(sections: Sections, log: readonly string[] | null): Facts['iommu'] {
  const lines = linesOf(sections, 'iommu');
  const tables = lines.map((line) => /^table (DMAR|IVRS|IORT)$/.exec(line)?.[1]);
  const table = (['DMAR', 'IVRS', 'IORT'] as const).find((name) => tables.includes(name));
  const units = lines.flatMap((line) => /^unit ([^*\s]+)$/.exec(line)?.[1] ?? []);
  return {
    firmware: table ?? (lines.includes('tables') ? 'none' : null),
    units: [...units].sort(),
    groups: groupsOf(lines),
    interruptRemapping: remapping(lines, log ?? []),
  };
}

/** Groups that VFIO makes up in its mode without an IOMMU (`vfio-noiommu`, drivers/vfio) isolate nothing: left out. */
function groupsOf(lines: readonly string[]): readonly IommuGroup[] {
  const fake = new Set(lines.map((line) => /^name (\d+)\/name:.*noiommu/.exec(line)?.[1]));
  const groups = new Map<number, string[]>();
  for (const line of lines) {
    const [, group, device] = /^group (\d{1,9})\/devices\/([^*\s]+)$/.exec(line) ?? [];
    if (group === undefined || device === undefined || fake.has(group)) continue;
    groups.set(Number(group), [...(groups.get(Number(group)) ?? []), device]);
  }
  return [...groups].sort(([a], [b]) => a - b).map(([id, devices]) => ({ id, devices: devices.sort() }));
}

const remapped = /enabled (?:irq|interrupt) remapping|interrupt remapping enabled/i;
const direct =
  /no interrupt remapping support|interrupt remapping is being disabled|failed to enable (?:irq|interrupt) remapping/i;

/**
 * The kernel's interrupt chips are named `IR-…` while remapping is on (arch/x86/kernel/apic/io_apic.c), whatever became of the
 * log; without `/proc/interrupts` the log's own words count (drivers/iommu/{intel,amd}, drivers/vfio/vfio_iommu_type1.c).
 */
function remapping(lines: readonly string[], log: readonly string[]): boolean | null {
  if (lines.includes('interrupts remapped')) return true;
  if (log.some((line) => direct.test(line))) return false;
  if (log.some((line) => remapped.test(line))) return true;
  return lines.includes('interrupts direct') ? false : null;
}
