import type { Outcome, Verdict } from '../../src/checks/check.ts';
import type { Command, Failure, HostPlan, HostState, PlannedChange, Stamped } from '../../src/events/event.ts';
import type { HostSummary } from '../../src/report/summary.ts';
import { newHost } from '../../src/report/summary.ts';
import type { Effect } from '../../src/resources/effect.ts';

/** Everything here is `constructed`: made for these tests. */
export const reboot: Effect = {
  kind: 'reboot',
  reason: 'the running kernel lacks iommu=pt',
  present: ['iommu=pt'],
  absent: [],
};
export const bootConfiguration: Effect = {
  kind: 'boot-configuration',
  reason: '/etc/default/grub.d/vfleet.cfg changes',
  present: ['iommu=pt'],
  absent: [],
};

export const diff = [
  '--- /etc/default/grub.d/vfleet.cfg',
  '+++ /etc/default/grub.d/vfleet.cfg',
  '@@ -1,2 +1,2 @@',
  ' # vfleet',
  '--- an old line that looks like a header',
  '+GRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX iommu=pt"',
  '\\ No newline at end of file',
  '',
].join('\n');

export function change(parts: Partial<PlannedChange> = {}): PlannedChange {
  return {
    resource: 'kernel arguments',
    summary: 'add iommu=pt',
    diffs: [diff],
    effects: [],
    notes: [],
    digest: 'sha256:0',
    tentative: false,
    step: 1,
    ...parts,
  };
}

export function plan(host: string, parts: Partial<HostPlan> = {}): HostPlan {
  return {
    host,
    rack: null,
    gates: [],
    changes: [],
    pending: [],
    effects: [],
    machineId: null,
    factsRead: {},
    ...parts,
  };
}

export function verdict(outcome: Outcome, parts: Partial<Verdict> = {}): Verdict {
  return {
    check: 'iommu-active',
    title: 'Is the IOMMU active?',
    outcome,
    found: `it is ${outcome}`,
    evidence: [],
    ...parts,
  };
}

export function host(name: string, parts: Partial<HostSummary> = {}): HostSummary {
  return { ...newHost(name, null), state: 'ok', ...parts };
}

export function failure(name: string, parts: Partial<Failure> = {}): Failure {
  const thing = parts.thing ?? 'log-in';
  return { code: 'ssh.timeout', host: name, thing, message: `${name}: ${thing}: no answer`, ...parts };
}

/** A time, so many seconds into the run. */
export function at(seconds: number): string {
  return new Date(Date.UTC(2026, 10, 23, 3, 50, 0) + seconds * 1000).toISOString();
}

export function runStarted(names: readonly string[], command: Command = 'apply'): Stamped {
  const hosts = names.map((name) => ({ name, rack: 'r1' }));
  return { at: at(0), type: 'run-started', run: 'run-1', command, playbook: 'PCI passthrough', hosts };
}

export function hostEnded(name: string, state: HostState, seconds = 60): Stamped {
  const base = { at: at(seconds), type: 'host-ended', host: name, state, writes: 0, reboots: 0 } as const;
  return state === 'ok' ? base : { ...base, failure: failure(name) };
}

export function runEnded(interrupted = false, seconds = 90): Stamped {
  return { at: at(seconds), type: 'run-ended', interrupted };
}
