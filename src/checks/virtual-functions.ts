import { physicalFunction } from '../devices/physical-function.ts';
import { hasDriver, selectFunctions, type VirtualFunctions } from '../devices/virtual-functions.ts';
import type { Facts } from '../facts/facts.ts';
import { sh } from '../shell/script.ts';
import type { Check } from './check.ts';
import { groupProblem } from './group-problem.ts';
import { refused } from './refused.ts';
import { sriovHints } from './sriov-hints.ts';
import { check, type Judgement } from './verdict.ts';

/**
 * Whether devices have the virtual functions that are wished for, each with its driver, and those for guests in IOMMU groups
 * that can be passed.
 */
export function virtualFunctionsMade(...wishes: readonly VirtualFunctions[]): Check {
  return check(
    {
      id: 'virtual-functions',
      title: 'Are the virtual functions there?',
      evidence: () => sh`
echo '$ journalctl -k -b 0 | grep -i sr-iov'
{ journalctl -k -b 0 -q --no-pager -o cat 2>/dev/null || dmesg 2>/dev/null; } |
  grep -e SR-IOV -e sriov -e ' VFs' -e ENABLE_HCA | tail -n 12`,
    },
    ({ host, facts, evidence }) => {
      if (wishes.length === 0) return { outcome: 'not-applicable', found: 'None are wished for on this host.' };
      return refused(() => judge(facts, wishes, host, sriovHints((evidence ?? '').split('\n'))));
    },
  );
}

function judge(facts: Facts, wishes: readonly VirtualFunctions[], host: string, logged: readonly string[]): Judgement {
  const all = selectFunctions(facts, wishes, host);
  const problems = all.flatMap(({ pf, count, driver }) => {
    const { address } = pf.device;
    if (pf.sriov === null) return [{ found: `${address} can have none`, remedy: cold(pf.device.vendor) }];
    if (pf.sriov.active !== count) {
      const more = count > pf.sriov.total ? ` of ${pf.sriov.total} possible` : '';
      const remedy = count > pf.sriov.total ? cold(pf.device.vendor) : `systemctl status vfleet-vfs-${address}`;
      return [{ found: `${address} has ${pf.sriov.active}${more}, not ${count}`, remedy }];
    }
    const wrong = pf.functions.filter((vf) => !hasDriver(vf, driver));
    if (wrong.length === 0 && pf.functions.length === count)
      return driver === 'host' ? [] : pf.functions.flatMap((vf) => groupProblem(facts, vf) ?? []);
    const held = wrong.map((vf) => `${vf.address} (${vf.driver ?? 'no driver'})`).join(', ');
    const found =
      wrong.length > 0 ? `not with ${driver}: ${held}` : `${address} shows ${pf.functions.length} of ${count}`;
    return [{ found, remedy: `systemctl restart vfleet-vfs-${address}` }];
  });
  const evidence = all.map(({ pf }) => line(facts, pf.device.address));
  if (problems.length === 0) {
    const found = all.map(({ pf, count, driver }) => `${pf.device.address}: ${count} (${driver})`).join(', ');
    return { outcome: 'pass', found: `As wished: ${found}.`, evidence };
  }
  return {
    outcome: 'fail',
    found: `${problems.map(({ found }) => found).join('; ')}.`,
    evidence,
    remedy: [...new Set([...logged, ...problems.map(({ remedy }) => remedy)])].join('; '),
  };
}

function cold(vendor: string): string {
  return vendor === '15b3'
    ? 'where its firmware was set: turn the machine off and on (a cold reboot); else let `firmware: true` set it'
    : 'turn SR-IOV on in the BIOS';
}

function line(facts: Facts, address: string): string {
  const device = facts.pci.find((one) => one.address === address);
  const pf = device === undefined ? null : physicalFunction(facts, device);
  const functions = pf?.functions.map((vf) => `${vf.address} ${vf.driver ?? '-'}`).join(', ') ?? '';
  return `${address}: sriov_numvfs ${pf?.sriov?.active ?? '-'} of ${pf?.sriov?.total ?? '-'}${functions === '' ? '' : `: ${functions}`}`;
}
