import type { Verdict } from '../../../src/checks/check.ts';
import type { Facts } from '../../../src/facts/facts.ts';
import type { JsonHost } from '../../../src/report/json.ts';

/*
 * What a virtual and a simulated machine may differ in; everything else must be the same. Told in docs/lab.md too.
 * - Machine id, boot id: each machine makes up its own.
 * - Times, available memory: they change from second to second.
 * - Order of loaded modules, and of their users: udev loads side by side, in another order at each boot.
 * - Sizes of modules: they differ from build to build; the model has those of one kernel.
 * - What is known of devices (`hardware`): of disks, networks and ports a lab node has what its kind names, and nothing else.
 * - Kernel log: numbers, the rest of the lines on ACPI tables and on AMD's features, as they are the hardware's; the
 *   order of the lines; blanks at their ends, which journald of systemd 257 cuts off and that of 252 does not; and the
 *   lines in `unmodelled`, on which nothing rests.
 */

/** Lines that one kernel says and its neighbours do not. */
const unmodelled = [/VT-d Scalable Mode not enabled/];

/** Facts without what may differ. */
export function comparableFacts(facts: Facts): unknown {
  const { identity, memory, modules, log } = facts;
  const { machineId: _machine, bootId: _boot, ...who } = identity;
  const { availableKiB: _available, ...sizes } = memory;
  const { hardware: _hardware, ...rest } = facts;
  return {
    ...rest,
    identity: who,
    memory: sizes,
    modules: { ...modules, loaded: [...modules.loaded].sort() },
    log: { ...log, lines: log.lines === null ? null : comparableLines(log.lines) },
  };
}

/** What a command says of a host, without what may differ. */
export function comparableHost(host: JsonHost): unknown {
  const { startedAt: _started, endedAt: _ended, phases, gates, checks, ...rest } = host;
  return {
    ...rest,
    phases: phases.map(({ phase }) => phase),
    gates: gates.map(comparableVerdict),
    checks: checks.map(comparableVerdict),
  };
}

function comparableVerdict(verdict: Verdict): unknown {
  return { ...verdict, evidence: comparableLines(verdict.evidence) };
}

function comparableLines(lines: readonly string[]): readonly string[] {
  const kept = lines.filter((line) => !unmodelled.some((pattern) => pattern.test(line)));
  return kept.map((line) => comparableModule(line) ?? comparableMessage(line)).sort();
}

/** A line of lsmod: `vfio 49152 3 vfio_pci_core,vfio_iommu_type1,vfio_pci`. */
function comparableModule(line: string): string | null {
  const [, name, count, users = ''] = /^(\w+) +\d+ +(\d+) ?(\S*)$/.exec(line) ?? [];
  return name === undefined ? null : `${name} ${count} ${users.split(',').sort().join(',')}`;
}

function comparableMessage(line: string): string {
  const text = line.replace(/^\[ *\d+\.\d+\] /, '').trimEnd();
  if (!/^(ACPI|DMAR|DMAR-IR|AMD-Vi): /.test(text)) return text;
  return text
    .replace(/^(ACPI: (?:DMAR|IVRS) ).*/, '$1…')
    .replace(/^(AMD-Vi: Extended features ).*/, '$1…')
    .replace(/\b(?:0x)?(?:[0-9a-f]{6,}|\d+)\b|\b0x[0-9a-f]+\b/g, '#');
}
