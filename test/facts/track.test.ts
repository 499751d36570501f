import { describe, expect, it } from 'vitest';
import { factAt, trackFacts } from '../../src/facts/track.ts';

const facts = {
  identity: { bootId: 'b', machineId: 'm' },
  iommu: { firmware: 'DMAR', units: ['dmar0', 'dmar1'] },
  pci: [{ address: '0000:01:00.0', driver: null }],
};

function read(use: (tracked: typeof facts) => unknown): Record<string, unknown> {
  const paths: Record<string, unknown> = {};
  use(
    trackFacts(facts, (path, value) => {
      paths[path] = value;
    }),
  );
  return paths;
}

describe('trackFacts', () => {
  it('tells each value that was read, by its path', () => {
    expect(read((tracked) => tracked.iommu.firmware)).toEqual({ 'iommu.firmware': 'DMAR' });
    expect(read((tracked) => tracked.pci[0]?.driver)).toEqual({ 'pci.0.driver': null });
  });

  it('tells the length of a list that was walked, so that a new device is seen', () => {
    expect(read((tracked) => tracked.iommu.units.map((unit) => unit))).toMatchObject({
      'iommu.units.length': 2,
      'iommu.units.0': 'dmar0',
      'iommu.units.1': 'dmar1',
    });
  });

  it('leaves out what changes by itself', () => {
    expect(read((tracked) => [tracked.identity.bootId, tracked.identity.machineId])).toEqual({
      'identity.machineId': 'm',
    });
  });

  it('gives values that compare and serialise like the facts themselves', () => {
    expect(JSON.stringify(trackFacts(facts, () => {}))).toBe(JSON.stringify(facts));
  });
});

describe('factAt', () => {
  it('finds the value again, and null where there is none any more', () => {
    expect(factAt(facts, 'pci.0.address')).toBe('0000:01:00.0');
    expect(factAt(facts, 'pci.7.address')).toBeNull();
    expect(factAt({ pci: { '0000:03:00.0': { slot: '4' } } }, 'pci.0000:03:00.0.slot')).toBe('4');
    expect(factAt(facts, 'iommu.firmware.length.x')).toBeNull();
  });
});
