import { describe, expect, it } from 'vitest';
import type { Verdict } from '../../src/checks/check.ts';
import { checks } from '../../src/checks/checks.ts';
import type { CloudpodsAgentOptions } from '../../src/checks/cloudpods-agent.ts';
import type { Facts } from '../../src/facts/facts.ts';
import { block, detail, host, net, pci, usb } from '../devices/facts.ts';

const tokens =
  'intel_iommu=on iommu=pt vfio_iommu_type1.allow_unsafe_interrupts=1 rdblacklist=nouveau nouveau.modeset=0';
const card = pci('0000:3b:00.0 030000 10de:1b06 nouveau 12');

const gpus: CloudpodsAgentOptions = { gpus: [] };

function judge(facts: Facts, options: CloudpodsAgentOptions = {}): Verdict {
  return checks.cloudpodsAgent(options).judge({ host: 'node01', facts, wants: {}, evidence: null });
}

/** With these lines in host.conf. */
function configured(facts: Facts, ...lines: readonly string[]): Facts {
  return { ...facts, setup: { files: [{ path: '/etc/yunion/host.conf', lines }], doubleEquals: true } };
}

function running(facts: Facts, line: string): Facts {
  return { ...facts, boot: { ...facts.boot, running: line } };
}

describe('arguments, which the agent looks for word for word', () => {
  it.each([
    ['as the guide has them', tokens, 'pass'],
    ['with the newer name', tokens.replace('rdblacklist', 'rd.driver.blacklist'), 'pass'],
    ['with another word beside', tokens.replace('intel_iommu=on', 'intel_iommu=on,sm_on'), 'fail'],
    ['without unsafe interrupts', tokens.replace(/vfio\S+ /, ''), 'fail'],
    ['without modeset', tokens.replace('nouveau.modeset=0', ''), 'fail'],
    ['with the name for initramfs-tools alone', tokens.replace('rdblacklist', 'modprobe.blacklist'), 'fail'],
  ])('%s', (_why, line, outcome) => {
    expect(judge(running(host([card]), line), gpus).outcome).toBe(outcome);
  });

  it('are of no account on a host with no GPU but the boot display, and intel_iommu on AMD', () => {
    expect(judge(host([{ ...card, bootVga: true }]), gpus).outcome).toBe('pass');
    const amd = running(host([card]), tokens.replace('intel_iommu=on ', ''));
    expect(judge(amd, gpus).found).toContain('intel_iommu=on');
    expect(judge({ ...amd, cpu: { ...amd.cpu, vendor: 'amd' } }, gpus).outcome).toBe('pass');
  });
});

describe('GPUs', () => {
  const on = (...devices: Parameters<typeof host>[0]): Verdict => judge(running(host(devices), tokens), gpus);
  it('with a member of another vendor in their group fail, bridges do not', () => {
    const found = on(card, pci('0000:3b:00.1 0c0330 1b21:2142 xhci_hcd 12')).found;
    expect(found).toBe(
      'it would leave 0000:3b:00.1 (xhci_hcd) of group 12 on the host, so that no guest with 0000:3b:00.0 starts.',
    );
    const audio = pci('0000:3b:00.1 040300 10de:10ef snd_hda_intel 12');
    expect(on(card, audio, pci('0000:3a:00.0 060400 8086:2030 pcieport 12')).outcome).toBe('pass');
  });

  it.each([
    ['of another domain', '0001:3b:00.0 030000 10de:1b06 vfio-pci', /cannot address 0001:3b:00\.0/],
    ['of class 0380 on a driver', '0000:3b:00.0 038000 1002:740f amdgpu', /would skip 0000:3b:00\.0, held by amdgpu/],
    ['of the driver of NVIDIA', '0000:3b:00.0 030200 10de:20b5 nvidia', /in the hands of nvidia/],
  ])('%s fail', (_why, device, message) => {
    expect(on(pci(device)).found).toMatch(message);
  });

  it('of class 0380 of others are none', () => {
    expect(judge(host([pci('0000:3b:00.0 038000 8086:0bd5 i915')]), gpus).outcome).toBe('pass');
  });
});

describe('keys of host.conf', () => {
  const unprepared = host([card]);
  const ready = (...devices: Parameters<typeof host>[0]): Facts => running(host(devices), tokens);
  it.each([
    ['disable_gpu: true', 'fail', /takes no GPUs: disable_gpu is set/],
    ['"disable-gpu": yes  # for now', 'fail', /takes no GPUs/],
    ['disable_gpu: false', 'fail', /lacks .*nouveau\.modeset=0/],
  ])('%s where GPUs are wanted', (line, outcome, found) => {
    expect(judge(configured(unprepared, line), gpus)).toMatchObject({ outcome, found: expect.stringMatching(found) });
    expect(judge(configured(ready(card), 'disable_gpu: false'), gpus).outcome).toBe('pass');
  });

  it('disable_gpu, and GPUs it is not prepared for, are told of and fail nothing where something else is wanted', () => {
    const options = { usbIds: ['0403:6001'] };
    const plain = { ...unprepared, hardware: host([], { usb: [usb('1-1')] }).hardware };
    const verdict = judge(configured(plain, 'disable_gpu: true'), options);
    expect([verdict.outcome, verdict.evidence]).toEqual([
      'pass',
      expect.arrayContaining([
        'it takes no GPUs: disable_gpu is set in /etc/yunion/host.conf',
        '/etc/yunion/host.conf: disable_gpu: true',
      ]),
    ]);
    const unset = judge(plain, options);
    expect([unset.outcome, unset.evidence.join()]).toEqual(['pass', expect.stringContaining('not prepared for GPUs')]);
  });

  it.each([
    ['disable_custom_device: true', 'fail'],
    ['disable_custom_device: false', 'pass'],
  ])('%s where custom devices are wanted', (line, outcome) => {
    const nic = host([pci('0000:05:00.0 020000 8086:1521 igb 2')]);
    expect(judge(configured(nic, line), { customIds: ['8086:1521'] }).outcome).toBe(outcome);
    expect(judge(configured(nic, line)).outcome).toBe('pass');
  });

  it.each([
    ['use_boot_vga: true', 'fail'],
    ['UseBootVga: true', 'fail'],
    ['use_boot_vga: false', 'pass'],
  ])('%s says whether the boot display is taken, which the host needs', (line, outcome) => {
    const verdict = judge(configured(ready({ ...card, bootVga: true }), line), gpus);
    expect(verdict.outcome).toBe(outcome);
    expect(verdict.evidence.join()).toContain(line);
    if (outcome === 'fail') expect(verdict.remedy).toContain('use_boot_vga: false');
  });

  it.each([
    ["boot_vga_pci_addr: '03:00.0'", 'pass'],
    ['BootVgaPciAddr: 03:00.0', 'pass'],
    ['boot_vga_pci_addr: 04:00.0', 'fail'],
    // It compares with what lspci prints, which has no domain.
    ['boot_vga_pci_addr: 0000:03:00.0', 'fail'],
  ])('%s keeps the display of that address, and that of the boot', (line, outcome) => {
    const bmc = pci('0000:03:00.0 030000 1a03:2000 ast 20');
    const boot = pci('0000:3b:00.0 030000 10de:1b06 nouveau 12', { bootVga: true });
    expect(judge(configured(ready(bmc, boot), line), gpus).outcome).toBe(outcome);
  });
});

describe('GPUs that the host needs, and the agent takes by force', () => {
  const bmc = pci('0000:03:00.0 030000 1a03:2000 ast 20');
  const boot = { ...card, bootVga: true };
  const facts = running(host([bmc, boot]), tokens);
  it('fail with what keeps them from the agent: that of a BMC which the machine does not boot with', () => {
    const verdict = judge(facts, gpus);
    expect(verdict).toMatchObject({
      outcome: 'fail',
      found: expect.stringMatching(/would take 0000:03:00\.0 though the host needs it: .*BMC/),
      remedy: expect.stringContaining("boot_vga_pci_addr: '03:00.0'"),
    });
    expect(judge(facts, { gpus: [{ address: '0000:03:00.0', allow: ['bmc'] }] }).outcome).toBe('pass');
    // What is allowed of another one counts for that one.
    expect(judge(facts, { gpus: [{ address: card.address, allow: ['bmc'] }] }).outcome).toBe('fail');
  });

  it('fail for a member of their group of the same vendor, and not for what vfio-pci has', () => {
    const gpu = pci('0000:00:02.0 030000 8086:4680 i915 1');
    const nic = pci('0000:00:1f.6 020000 8086:15fb e1000e 1');
    const on = (...devices: Parameters<typeof host>[0]): Facts =>
      running(host(devices, { net: [net('eno1', { pci: nic.address, ssh: true })] }), tokens);
    expect(judge(on(gpu, nic), gpus).found).toMatch(/would take 0000:00:1f\.6 though the host needs it: .*eno1/);
    expect(judge(on(gpu, { ...nic, iommuGroup: 2 }), gpus).outcome).toBe('pass');
    expect(judge(running(host([{ ...bmc, driver: 'vfio-pci' }]), tokens), gpus).outcome).toBe('pass');
  });
});

describe('custom devices, which it takes by ids', () => {
  const nics = [pci('0000:01:00.0 020000 8086:1521 igb 1'), pci('0000:05:00.0 020000 8086:1521 igb 2')];
  const options = { customIds: ['8086:1521'] };
  it('fail where the host needs one of an id', () => {
    const facts = host(nics, { net: [net('eno1', { pci: '0000:01:00.0', up: true, ssh: true })] });
    const verdict = judge(facts, options);
    expect(verdict.found).toMatch(
      /would take 0000:01:00\.0 though the host needs it: .*eno1 carries this SSH connection/,
    );
    expect(verdict.found).not.toContain('0000:05:00.0 though');
    expect(verdict.evidence.join()).toContain(
      'it would take every device 8086:1521: 0000:01:00.0 (igb), 0000:05:00.0 (igb)',
    );
  });

  it('fail for a disk that is mounted, and pass for what is free', () => {
    const nvme = pci('0000:06:00.0 010802 144d:a808 nvme 3');
    const facts = host([nvme], { block: [block('nvme0n1', { pci: nvme.address, mounts: ['/'] })] });
    expect(judge(facts, { customIds: ['144d:a808'] }).outcome).toBe('fail');
    expect(judge(host(nics), options).outcome).toBe('pass');
  });
});

describe('devices that are named, to become custom ones', () => {
  const disks = [pci('0000:05:00.0 010802 144d:a808 nvme 2'), pci('0000:06:00.0 010802 144d:a808 nvme 3')];
  const options = { custom: [{ address: '0000:05:00.0' }] };
  it('are told by their ids, with every device that the agent takes for these', () => {
    const verdict = judge(host(disks), options);
    expect(verdict.outcome).toBe('pass');
    expect(verdict.found).toContain(
      'it would take every device 144d:a808: 0000:05:00.0 (nvme), 0000:06:00.0 (nvme); not named here: 0000:06:00.0',
    );
  });

  it('pass with what is allowed of them, and of no other of their ids', () => {
    const [disk, twin] = ['0000:05:00.0', '0000:06:00.0'];
    const data = (pci: string) => host(disks, { block: [block('nvme0n1', { pci, signature: 'ext4' })] });
    const custom = [{ address: disk, allow: ['data'] as const }];
    expect(judge(data(disk), options).found).toContain('would take 0000:05:00.0 though the host needs it');
    expect(judge(data(disk), { custom }).outcome).toBe('pass');
    expect(judge(data(twin), { custom }).outcome).toBe('fail');
  });

  it('fail where the host needs another of the same ids, and where they are not there', () => {
    const root = host(disks, { block: [block('nvme1n1', { pci: '0000:06:00.0', mounts: ['/'] })] });
    expect(judge(root, options)).toMatchObject({
      outcome: 'fail',
      found: expect.stringContaining('would take 0000:06:00.0'),
    });
    expect(judge(host([]), options).outcome).toBe('fail');
  });
});

describe('NICs with virtual functions', () => {
  const nic = pci('0000:3b:00.0 020000 8086:1572 i40e 9');
  const facts = (active: number, address = nic.address): Facts =>
    host([{ ...nic, address }], {
      pci: { [address]: detail({ sriov: { total: 64, active, autoprobe: true } }) },
      net: [net('ens1', { pci: address, master: 'bond0' })],
    });
  it.each([
    [facts(0), 'ens1', 'pass'],
    [facts(64), 'ens1', 'pass'],
    // By the bond it is a part of.
    [facts(8), 'bond0', 'fail'],
    [facts(0, '0001:3b:00.0'), 'ens1', 'fail'],
    [facts(0), 'ens9', 'fail'],
    [host([nic], { net: [net('ens1', { pci: nic.address })] }), 'ens1', 'fail'],
  ])('case %#', (known, name, outcome) => {
    expect(judge(known, { sriovNics: [name] }).outcome).toBe(outcome);
  });

  it.each([
    [facts(0), ['ens1'], 'pass'],
    [facts(0), ['ens1', 'ens9'], 'fail'],
    [host([nic], { net: [net('ens1', { pci: nic.address })] }), ['ens1'], 'fail'],
    [{ ...facts(0), hardware: null }, ['ens1'], 'unknown'],
    [{ ...facts(0), hardware: null }, [], 'not-applicable'],
  ])('are judged before anything is written, case %#', (known, names, outcome) => {
    const verdict = checks.cloudpodsNics(names).judge({ host: 'node01', facts: known, wants: {}, evidence: null });
    expect(verdict.outcome).toBe(outcome);
  });

  it('get as many as there can be', () => {
    expect(judge(facts(0), { sriovNics: ['ens1'] }).evidence.join()).toContain('all 64 functions of 0000:3b:00.0');
    expect(judge(facts(8), { sriovNics: ['ens1'] }).found).toContain('EBUSY');
  });
});

it('USB devices of the same ids cannot be told apart', () => {
  const twins = host([], { usb: [usb('1-1'), usb('1-2')] });
  expect(judge(twins, { usbIds: ['0403:6001'] })).toMatchObject({
    outcome: 'fail',
    found: expect.stringContaining('1-1, 1-2'),
  });
  expect(judge(host([], { usb: [usb('1-1')] }), { usbIds: ['0403:6001'] }).outcome).toBe('pass');
});

it('native huge pages need the processor and a page that is reserved', () => {
  const facts = host([]);
  const withPages = (total: number, flags: readonly string[]): Facts => ({
    ...facts,
    cpu: { ...facts.cpu, flags },
    memory: { ...facts.memory, hugepages: [{ sizeKiB: 1048576, node: null, total, free: total }] },
  });
  expect(judge(withPages(40, ['pdpe1gb']), { hugepages: 'native' }).outcome).toBe('pass');
  expect(judge(withPages(0, ['pdpe1gb']), { hugepages: 'native' }).found).toContain('no page of 1 GiB is reserved');
  expect(judge(withPages(0, []), { hugepages: 'native' }).found).toContain('no pages of 1 GiB');
  expect(judge(withPages(0, []), { hugepages: 'transparent' }).outcome).toBe('pass');
});

it('nothing is guessed of a host whose devices were not read', () => {
  const facts = { ...host([]), hardware: null };
  expect(judge(facts, { sriovNics: ['ens1'] }).outcome).toBe('fail');
  expect(judge(facts).outcome).toBe('pass');
});
