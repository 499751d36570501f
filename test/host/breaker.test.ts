import { describe, expect, it } from 'vitest';
import { isReached } from '../../src/host/breaker.ts';
import { explainInactive } from '../../src/host/inactive.ts';
import { factsOf } from '../boot/facts.ts';

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
