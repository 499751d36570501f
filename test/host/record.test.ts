import { describe, expect, it } from 'vitest';
import { ownedAt } from '../../src/boot/owned.ts';
import { emptyRecord, type HostRecord, parseRecord, printRecord } from '../../src/host/record.ts';

const record: HostRecord = {
  ownedArguments: { 'PCI passthrough': { '/etc/default/grub': ['iommu=pt'], '/etc/kernel/cmdline': [] } },
  lines: { 'PCI passthrough': { '/etc/modules-load.d/vfio.conf': ['vfio'] } },
  files: {
    '/etc/default/grub': {
      digest: '0644 root:root 5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef',
      earlier: 'absent',
      original: { kind: 'backup', run: '2026-11-23T03-50-00Z-5f3a' },
      playbooks: ['PCI passthrough'],
      owned: 'parts',
      effects: [],
    },
    '/etc/modules-load.d/vfio.conf': {
      digest: 'absent',
      earlier: 'absent',
      original: { kind: 'absent', folders: ['/etc/modules-load.d'] },
      playbooks: ['PCI passthrough'],
      owned: 'whole',
      effects: [{ kind: 'initramfs', reason: 'changes' }],
    },
  },
  pending: [
    { kind: 'boot-configuration', reason: 'arguments', present: ['iommu=pt'], absent: ['quiet'], exact: ['iommu=pt'] },
    { kind: 'reboot', reason: 'arguments', present: ['iommu=pt'], absent: [] },
  ],
  stamp: '3f0c2d6e-0000-4000-8000-000000000000',
  leftRunning: { bootId: '3f0c2d6e-0000-4000-8000-000000000000', arguments: ['iommu=pt'], files: [] },
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

  it('of this version, from before files were kept in it, is read', () => {
    const { lines: _lines, files: _files, leftRunning: _left, ...before } = record;
    expect(parseRecord(JSON.stringify({ version: 2, ...before }))).toEqual({ ...before, lines: {}, files: {} });
  });

  it('whose backup would be somewhere else is an error', () => {
    const text = printRecord(record).replace('2026-11-23T03-50-00Z-5f3a', '../../../etc');
    expect(() => parseRecord(text)).toThrow(/expected a record written by vfleet/);
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
