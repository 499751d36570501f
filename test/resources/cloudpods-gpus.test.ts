import { describe, expect, it } from 'vitest';
import type { DeviceSelector } from '../../src/devices/selector.ts';
import type { Facts } from '../../src/facts/facts.ts';
import { cloudpodsGpus } from '../../src/resources/cloudpods-gpus.ts';
import { stateOf } from '../boot/files.ts';
import { host, pci } from '../devices/facts.ts';

const path = '/etc/yunion/host.conf';
const gpu = pci('0000:3b:00.0 030000 10de:1b06 nouveau 12');
const bmc = pci('0000:03:00.0 030000 1a03:2000 ast 20');

function change(
  facts: Facts,
  open = 'root\n',
  devices: readonly DeviceSelector[] = [],
  files: Readonly<Record<string, string>> = { [path]: 'a: b\n' },
) {
  const state = { ...stateOf(files), probe: () => ({ code: 0, stdout: open }) };
  return cloudpodsGpus(devices).change(state, { host: 'node01', facts, ownedArguments: {} });
}

const refused = (code: string, found: RegExp, next: RegExp) =>
  expect.objectContaining({
    code,
    parts: expect.objectContaining({ found: expect.stringMatching(found), next: expect.stringMatching(next) }),
  });

describe('a host whose GPUs the agent of Cloudpods takes', () => {
  it('is changed in nothing', () => {
    expect(change(host([gpu]))).toBeNull();
  });

  it('is refused where a process has one open that nobody has named', () => {
    const open = 'root\nopen 4711 /dev/dri/renderD128 blender\nnode 0000:3b:00.0 renderD128\n';
    expect(() => change(host([gpu]), open)).toThrow(refused('device.in-use', /blender \(4711\)/, /stop blender/));
    expect(change(host([{ ...gpu, driver: 'vfio-pci' }]), open)).toBeNull();
  });

  it('is refused where one is of the BMC, but for what is allowed', () => {
    expect(() => change(host([gpu, bmc]))).toThrow(refused('device.bmc', /BMC/, /boot_vga_pci_addr: '03:00\.0'/));
    expect(change(host([gpu, bmc]), 'root\n', [{ address: bmc.address, allow: ['bmc'] }])).toBeNull();
  });

  it('is refused where the agent is told to take none, and where there is no agent', () => {
    const setup = { files: [{ path, lines: ['disable_gpu: true'] }], doubleEquals: true };
    expect(() => change({ ...host([gpu]), setup })).toThrow(
      refused('device.host-conf', /disable_gpu: true/, /disable_gpu: false/),
    );
    expect(() => change(host([gpu]), 'root\n', [], {})).toThrow(
      refused('device.host-conf', /nothing/, /consumer: plain/),
    );
  });
});
