import { describe, expect, it } from 'vitest';
import { ownedAt } from '../../src/boot/owned.ts';
import { emptyRecord, type HostRecord, parseRecord, printRecord } from '../../src/host/record.ts';

const record: HostRecord = {
  ownedArguments: { 'PCI passthrough': { '/etc/default/grub': ['iommu=pt'], '/etc/kernel/cmdline': [] } },
  pending: [
    { kind: 'boot-configuration', reason: 'arguments', present: ['iommu=pt'], absent: ['quiet'] },
    { kind: 'reboot', reason: 'arguments', present: ['iommu=pt'], absent: [] },
  ],
  stamp: '3f0c2d6e-0000-4000-8000-000000000000',
};

describe('the record kept on a host', () => {
  it('is empty where there is none', () => {
    expect(parseRecord(null)).toEqual(emptyRecord);
  });

  it('comes back as it was stored', () => {
    expect(parseRecord(printRecord(record))).toEqual(record);
  });

  it('of the first version, which did not tell places apart, is migrated', () => {
    const first = { ...record, version: 1, ownedArguments: { 'PCI passthrough': ['iommu=pt'] } };
    const { ownedArguments } = parseRecord(JSON.stringify(first));
    expect(ownedArguments).toEqual({ 'PCI passthrough': { '*': ['iommu=pt'] } });
    expect(ownedAt(ownedArguments['PCI passthrough'] ?? {}, '/etc/default/grub')).toEqual(['iommu=pt']);
  });

  it('of a newer version is refused by name', () => {
    expect(() => parseRecord('{"version": 7}')).toThrow(/version 7.*newer vfleet/);
  });

  it.each(['', '{', '{"version":1}', '{"version":1,"ownedArguments":{},"pending":[{"kind":"explode"}],"stamp":null}'])(
    'that is damaged (%j) is an error, never taken for an empty one',
    (text) => {
      expect(() => parseRecord(text)).toThrow(/expected a record written by vfleet/);
    },
  );
});
