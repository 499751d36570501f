import { describe, expect, test } from 'vitest';
import { devicesOfKind } from '../../src/devices/devices-of-kind.ts';
import type { DeviceSelector } from '../../src/devices/selector.ts';
import { host, nvme, pci } from './facts.ts';

const gpu = pci('0000:3b:00.0 030000 10de:2204 nouveau 12', { numaNode: 0 });
const audio = pci('0000:3b:00.1 040300 10de:1aef snd_hda_intel 12', { numaNode: 0 });
const accelerator = pci('0000:af:00.0 120000 1002:740f amdgpu 80', { numaNode: 1 });
const disk = pci('0000:5e:00.0 010802 144d:a808 nvme 30', { numaNode: 0 });
const sharing = pci('0000:b0:00.0 010802 144d:a808 nvme 80', { numaNode: 1 });
const nic = pci('0000:18:00.0 020000 8086:1572 i40e 20', { numaNode: 0 });
const facts = host([gpu, audio, accelerator, disk, sharing, nic], {
  nvme: [nvme('nvme0', disk.address, { serial: 'S1' }), nvme('nvme1', sharing.address, { serial: 'S2' })],
});
const ofKind = (kind: 'gpu' | 'nvme', ...selectors: DeviceSelector[]) =>
  devicesOfKind({ name: 'node01', facts }, selectors, kind);
const named = { address: disk.address, serial: 'S1' };

describe('of what is named for a host', () => {
  test('displays and accelerators are GPUs, with other functions of their slots', () => {
    const all = [{ class: '03' }, { address: audio.address }, { id: '1002:740f', count: 1 }];
    expect(ofKind('gpu', ...all, named)).toEqual({
      devices: all,
      notes: ['left out: 0000:5e:00.0 is no GPU: nvme takes it'],
    });
  });

  test('a disk in the IOMMU group of a GPU goes with that, with what is allowed of it', () => {
    const mate = { address: sharing.address, serial: 'S2', allow: ['data'] } as const;
    expect(ofKind('gpu', { address: accelerator.address }, mate)).toEqual({
      devices: [{ address: accelerator.address }, mate],
      notes: [],
    });
  });

  test('a disk is one, and what has no playbook of its own is left to custom-pci', () => {
    expect(ofKind('nvme', named, { address: nic.address })).toEqual({
      devices: [named],
      notes: ['left out: 0000:18:00.0 is no NVMe disk: custom-pci takes it'],
    });
  });

  test('a selector that means several kinds becomes the addresses of one', () => {
    const all = { class: '0', numaNode: 0, allow: ['data'] } as const;
    expect(ofKind('gpu', all)).toEqual({
      devices: [
        { address: gpu.address, allow: ['data'] },
        { address: audio.address, allow: ['data'] },
      ],
      notes: [
        'left out: 0000:5e:00.0 is no GPU: nvme takes it',
        'left out: 0000:18:00.0 is no GPU: custom-pci takes it',
      ],
    });
  });

  test('what finds nothing stays, to be refused as it is', () => {
    const missing = { address: '0000:99:00.0' };
    expect(ofKind('nvme', missing).devices).toEqual([missing]);
    expect(ofKind('gpu').devices).toEqual([]);
  });

  test.each([
    ['no disk', { address: gpu.address }, 'device.none'],
    ['a disk by its address alone', { address: disk.address }, 'device.selector'],
    ['a disk by its model', { id: '144d:a808' }, 'device.selector'],
  ] as const)('for nvme is refused: %s', (_what, selector, code) => {
    expect(() => ofKind('nvme', selector)).toThrow(expect.objectContaining({ code }));
  });
});
