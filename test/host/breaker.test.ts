import { describe, expect, it } from 'vitest';
import { failedReboots, isReached, ownReasons, partsOf, withFailure, withoutReached } from '../../src/host/breaker.ts';
import { explainInactive } from '../../src/host/inactive.ts';
import { emptyRecord, parseRecord, printRecord } from '../../src/host/record.ts';
import { factsOf } from '../boot/facts.ts';

describe('of what several playbooks have left due', () => {
  const goal = { present: ['iommu=pt', 'a=b'], absent: ['quiet', 'nomodeset'], exact: ['a=b'] };

  it('a playbook has its own part, by its wishes, and all else is that of others', () => {
    const { own, others } = partsOf(goal, { present: ['a=b', 'c'], absent: ['quiet'] });
    expect(own).toEqual({ present: ['a=b'], absent: ['quiet'], exact: ['a=b'] });
    expect(others).toEqual({ present: ['iommu=pt'], absent: ['nomodeset'] });
    expect(partsOf(goal).others).toEqual(goal);
  });

  it('what was in vain is found again in any union, and forgotten only when it runs', () => {
    const why = { reason: 'the running kernel lacks a=b', entries: 'e1' };
    const record = withFailure(emptyRecord, { present: ['a=b'], absent: [], exact: ['a=b'] }, why);
    expect(failedReboots(record, goal)).toMatchObject([why]);
    expect(failedReboots(record, { present: ['iommu=pt'], absent: ['a'] })).toEqual([]);
    const running = (text: string) => factsOf({ boot: { running: text } });
    expect(withoutReached(record, running('iommu=pt'))).toEqual(record);
    expect(withoutReached(record, running('a=b'))).toEqual(emptyRecord);
    expect(parseRecord(printRecord(record))).toEqual(record);
  });

  it('a reason that was none of those in vain is one for a reboot', () => {
    const failed = { present: [], absent: [], entries: '', reason: 'one; two' };
    expect(ownReasons('one; two', [failed])).toEqual([]);
    expect(ownReasons('two; /etc/modprobe.d/x.conf changes', [failed])).toEqual(['/etc/modprobe.d/x.conf changes']);
  });
});

describe('what a reboot was for', () => {
  const goal = { present: ['intel_iommu=on'], absent: [] };
  const exact = ['intel_iommu=on'];
  const facts = factsOf({ boot: { running: 'ro intel_iommu=on,sm_on' } });

  it('runs by the rules of the kernel, and literally where that was asked', () => {
    expect(isReached(goal, facts)).toBe(true);
    expect(isReached({ ...goal, exact }, facts)).toBe(false);
    expect(isReached({ ...goal, exact }, factsOf({ boot: { running: 'ro intel_iommu=on' } }))).toBe(true);
  });

  it('is named when it does not run literally', () => {
    const { message } = explainInactive('node01', facts, { ...goal, exact }, 'rebooted');
    expect(message).toContain('found a boot without intel_iommu=on: ');
  });
});
