import type { Facts } from '../facts/facts.ts';
import type { Check } from './check.ts';
import { dmesgEvidence } from './evidence.ts';
import { firmwareRemedy, rightsRemedy } from './remedy.ts';
import { check, type Judgement } from './verdict.ts';

/**
 * Whether the firmware offers an IOMMU: the ACPI tables DMAR (Intel VT-d), IVRS (AMD-Vi) or IORT (Arm SMMU), or a kernel that
 * already runs one. Log lines prove nothing here: `DMAR` lines are printed with translation off too.
 */
export function iommuInFirmware(): Check {
  return check(
    {
      id: 'iommu-in-firmware',
      title: 'Is the IOMMU on in the firmware?',
      evidence: () => dmesgEvidence,
    },
    ({ facts }) => judgeFirmware(facts),
  );
}

/** State A, and what lies beyond it. */
export function judgeFirmware(facts: Facts): Judgement {
  const { firmware, units, groups } = facts.iommu;
  const evidence = firmwareEvidence(facts);
  if (firmware !== null && firmware !== 'none') {
    return { outcome: 'pass', found: `The firmware describes an IOMMU (table ${firmware}).`, evidence };
  }
  if (groups.length > 0 || units.length > 0) {
    return { outcome: 'pass', found: `The kernel runs an IOMMU with ${groups.length} groups, so it is on.`, evidence };
  }
  if (firmware === 'none') {
    const where = facts.cpu.hypervisor ? 'This virtual machine has no virtual IOMMU' : 'The firmware offers no IOMMU';
    const found = `${where}: there is no table DMAR, IVRS or IORT.`;
    return { outcome: 'fail', found, evidence, remedy: firmwareRemedy(facts) };
  }
  const remedy = /(?:^|\s)acpi=off(?:\s|$)/.test(facts.boot.running) ? 'boot without acpi=off' : rightsRemedy(facts);
  return { outcome: 'unknown', found: 'The ACPI tables could not be read, and no IOMMU runs.', evidence, remedy };
}

function firmwareEvidence(facts: Facts): readonly string[] {
  const { firmware } = facts.iommu;
  const table = firmware === null ? 'not readable' : firmware === 'none' ? 'no DMAR, IVRS, IORT' : firmware;
  const cpu = `CPU: ${facts.cpu.vendorId ?? 'unknown'}${facts.cpu.hypervisor ? ', in a virtual machine' : ''}`;
  return [`/sys/firmware/acpi/tables: ${table}`, cpu, ...vendorNote(facts)];
}

const expectedTables: Readonly<Record<string, string>> = {
  intel: 'DMAR',
  zhaoxin: 'DMAR',
  amd: 'IVRS',
  hygon: 'IVRS',
  arm: 'IORT',
};

/** The table decides; a CPU that does not go with it is worth a look. */
function vendorNote(facts: Facts): readonly string[] {
  const expected = expectedTables[facts.cpu.vendor ?? ''];
  const { firmware } = facts.iommu;
  if (expected === undefined || firmware === null || firmware === 'none' || firmware === expected) return [];
  return [
    `note: a ${facts.cpu.vendorId} CPU goes with table ${expected}, but the firmware has ${firmware}; the table decides`,
  ];
}
