import { missingArguments, parseArguments } from '../boot/arguments.ts';
import type { Facts } from '../facts/facts.ts';
import type { Check } from './check.ts';
import { dmesgEvidence } from './evidence.ts';
import { judgeFirmware } from './iommu-in-firmware.ts';
import { argumentsRemedy } from './remedy.ts';
import { check, type Judgement } from './verdict.ts';

/**
 * Whether the kernel runs the IOMMU. Four states, told from sysfs: A no firmware table; B a table, but no unit in
 * `/sys/class/iommu` (the kernel's side is off); C units, but no groups (it failed to start); D groups: on.
 */
export function iommuActive(): Check {
  return check(
    { id: 'iommu-active', title: 'Is the IOMMU on in the kernel?', evidence: () => dmesgEvidence },
    ({ facts }) => judgeKernel(facts),
  );
}

function judgeKernel(facts: Facts): Judgement {
  const { firmware, units, groups } = facts.iommu;
  const evidence = [
    `/sys/class/iommu: ${units.length === 0 ? 'empty' : units.join(' ')}`,
    `/sys/kernel/iommu_groups: ${counted(groups, 'group')}`,
    `interrupt remapping: ${remapping(facts)}`,
  ];
  if (groups.length > 0) {
    const what = `${counted(units, 'unit')}, ${counted(groups, 'group')}`;
    const found = `The IOMMU is on: ${what}; interrupt remapping is ${remapping(facts)}.`;
    return { outcome: 'pass', found, evidence: [...evidence, ...remappingNote(facts)] };
  }
  if (units.length > 0) return failedToStart(facts, evidence);
  if (firmware === null || firmware === 'none') {
    const judged = judgeFirmware(facts);
    return { ...judged, evidence: [...(judged.evidence ?? []), ...evidence] };
  }
  return { outcome: 'fail', evidence, ...kernelSideOff(facts, firmware) };
}

function counted(things: readonly unknown[], name: string): string {
  return `${things.length} ${name}${things.length === 1 ? '' : 's'}`;
}

function remapping(facts: Facts): string {
  const { interruptRemapping } = facts.iommu;
  return interruptRemapping === null ? 'unknown' : interruptRemapping ? 'on' : 'off';
}

function remappingNote(facts: Facts): readonly string[] {
  if (facts.iommu.interruptRemapping !== false) return [];
  return ['note: without interrupt remapping VFIO takes devices only with vfio_iommu_type1.allow_unsafe_interrupts=1'];
}

/** State C. */
function failedToStart(facts: Facts, evidence: readonly string[]): Judgement {
  const said = (facts.log.lines ?? []).filter((line) => /dmar|iommu|amd-vi|smmu/i.test(line)).slice(0, 10);
  return {
    outcome: 'fail',
    found: `The IOMMU has ${counted(facts.iommu.units, 'unit')} but no groups: it failed to start.`,
    evidence: [...evidence, ...said],
    remedy: 'look for errors in these lines and update the firmware; VFIO can take no device without a group',
  };
}

/** State B, with the likely cause first. */
function kernelSideOff(facts: Facts, table: string): { readonly found: string; readonly remedy: string } {
  const head = `The firmware has table ${table}, but the kernel runs no IOMMU`;
  const off = switchedOff(facts);
  if (off !== null) return { found: `${head}: ${off} is on its command line.`, remedy: `remove ${off}, and reboot` };
  if (table === 'DMAR' && missingArguments(['intel_iommu=on'], facts.boot.running).length > 0) {
    const found = `${head}: intel_iommu=on is missing.`;
    const next = facts.boot.entries?.find((entry) => entry.default);
    const isDue = next !== undefined && missingArguments(['intel_iommu=on'], next.arguments).length === 0;
    const remedy = isDue ? 'intel_iommu=on is configured: reboot' : argumentsRemedy(facts, ['intel_iommu=on']);
    return { found, remedy };
  }
  if (/-cloud-/.test(facts.kernel.running)) {
    const remedy = 'install the generic kernel (linux-image-amd64) and boot it';
    return { found: `${head}: this is a cloud kernel, built without drivers for it.`, remedy };
  }
  if (table === 'IORT') {
    return {
      found: `${head}: the table may describe no SMMU at all.`,
      remedy: 'turn SMMU on in the firmware; look for CONFIG_ARM_SMMU_V3 in the configuration of the kernel',
    };
  }
  return { found: `${head}.`, remedy: 'look for errors in the kernel log; the kernel may be built without the driver' };
}

/** `iommu=off`, `intel_iommu=off`, `amd_iommu=off`: in a list of words too, and the last argument wins. */
function switchedOff(facts: Facts): string | null {
  const running = parseArguments(facts.boot.running);
  for (const name of ['intel_iommu', 'amd_iommu', 'iommu']) {
    const last = running.findLast((argument) => argument.name === name);
    if (last?.value?.split(',').includes('off')) return last.token;
  }
  return running.find((argument) => argument.token === 'noiommu')?.token ?? null;
}
