import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, readlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compareSnapshots } from '../../src/lab/snapshot.ts';
import { type Fleet, shippedWith, startFleet } from './fleet.ts';
import { undo } from './undo-steps.ts';

let fleet: Fleet;
beforeAll(async () => {
  fleet = await startFleet([
    { name: 'devices', kind: 'debian-12-devices' },
    { name: 'old', kind: 'rocky-8-intel' },
    { name: 'cloudpods', kind: 'installer-prepared' },
  ]);
}, 120_000);
afterAll(() => fleet?.stop());

const about = (playbook: string, vars: unknown) => shippedWith(fleet, playbook, vars);

const read = (file: string, node = 'devices'): Promise<string> =>
  readFile(path.join(fleet.lab.node(node).root, file), 'utf8');

describe('plan refuses, and leaves every byte as it is', () => {
  it.each([
    ['a hub', 'usb', { usb: [{ port: '1-3', id: '05e3:0608' }] }, /it is a hub/],
    ['a stick that is mounted', 'usb', { usb: [{ port: '1-4', id: '0781:5581' }] }, /\/media\/stick/],
    ['the keyboard of the BMC', 'usb', { usb: [{ port: '1-14.1', id: '046b:ff10' }] }, /BMC/],
    ['another dongle than is meant', 'usb', { usb: [{ port: '1-2', id: '0529:0001' }] }, /at 1-3\.1, 1-3\.2/],
    [
      'a console, also where names for more ports are asked for',
      'serial',
      { serial: [{ port: 'ttyS0', alias: 'x' }], nrUarts: 8 },
      /ttyS0/,
    ],
    ['a name with no UART', 'serial', { serial: [{ port: 'ttyS2', alias: 'x' }] }, /UART/],
    [
      'more functions than the card can have',
      'sriov',
      { sriov: [{ pf: '0000:19:00.1', count: 9 }] },
      /found 7, .*ERANGE/,
    ],
    ['pages that starve the host', 'hugepages', { hugepages: { count: 500 } }, /32 GiB for the host/],
    ['pages that a node lacks', 'hugepages', { hugepages: { nodes: { 0: 8, 1: 200 } } }, /NUMA node 1/],
    [
      'host.conf of a host that is no node of Cloudpods',
      'usb',
      { consumer: 'cloudpods' },
      /host\.conf: .*found nothing/,
    ],
    [
      'GPUs for Cloudpods on a host that is no node of it',
      'gpu',
      { consumer: 'cloudpods' },
      /host\.conf: .*found nothing/,
    ],
  ])('%s', async (_what, playbook, vars, found) => {
    const node = fleet.lab.node('devices');
    const before = await node.snapshot({ kernel: true });
    const { host, code } = await fleet.one('plan', 'devices', await about(playbook, vars));
    const gates = host.gates.map((gate) => `${gate.found} ${gate.remedy ?? ''}`).join(' ');
    expect(`${host.failure?.message ?? ''} ${gates}`).toMatch(found);
    expect([host.state, code]).toEqual(['refused', 3]);
    expect(compareSnapshots(before, await node.snapshot({ kernel: true }))).toEqual([]);
  });
});

it('huge pages are reserved at boot by NUMA node, read back, and a second run has nothing to do', async () => {
  const run = await about('hugepages', { hugepages: { nodes: { 0: 200, 1: 60 } } });
  const { host, code } = await fleet.one('apply', 'devices', run);
  expect([host.failure, code, host.reboots]).toEqual([null, 0, 1]);
  expect(await read('proc/cmdline')).toContain('default_hugepagesz=1G hugepagesz=1G hugepages=0:200,1:60');
  const reserved = host.checks.find(({ check }) => check === 'hugepages-reserved');
  expect(reserved).toMatchObject({
    outcome: 'pass',
    found: 'Reserved: 260 pages of 1G (200 on node 0, 60 on node 1).',
  });
  expect((await fleet.one('apply', 'devices', run)).host).toMatchObject({ writes: 0, reboots: 0, state: 'ok' });
});

it('an older kernel has its huge pages from a unit, early at boot', async () => {
  const { host, code } = await fleet.one('apply', 'old', await about('hugepages', { hugepages: { nodes: { 0: 10 } } }));
  expect([host.failure, code, host.reboots]).toEqual([null, 0, 1]);
  expect(await read('proc/cmdline', 'old')).toMatch(/default_hugepagesz=1G hugepagesz=1G(?! hugepages=)/);
  const reserved = host.checks.find(({ check }) => check === 'hugepages-reserved');
  expect(reserved).toMatchObject({ outcome: 'pass', found: expect.stringContaining('10 on node 0') });
});

it('host.conf of a node of Cloudpods is edited in place, and as it was after an undo', async () => {
  const before = await read('etc/yunion/host.conf', 'cloudpods');
  const { host, code } = await fleet.one('apply', 'cloudpods', await about('usb', { consumer: 'cloudpods' }));
  expect([host.failure, code]).toEqual([null, 0]);
  const after = await read('etc/yunion/host.conf', 'cloudpods');
  expect(after).toBe(before.replace('disable_usb: true', 'disable_usb: false'));
  await undo(fleet, fleet.lab.node('cloudpods'), { name: 'USB' });
  expect(await read('etc/yunion/host.conf', 'cloudpods')).toBe(before);
});

it('an agent that is told to take no GPUs gets a host prepared for USB, and none prepared for GPUs', async () => {
  const file = path.join(fleet.lab.node('cloudpods').root, 'etc/yunion/host.conf');
  const before = await read('etc/yunion/host.conf', 'cloudpods');
  await writeFile(file, `${before}disable_gpu: true\n`);
  const gpu = await fleet.one('apply', 'cloudpods', await about('gpu', { consumer: 'cloudpods' }));
  expect([gpu.host.state, gpu.code, gpu.host.writes]).toEqual(['refused', 3, 0]);
  expect(gpu.host.failure?.message).toContain('disable_gpu: true');
  const usb = await fleet.one('apply', 'cloudpods', await about('usb', { consumer: 'cloudpods' }));
  expect([usb.host.failure, usb.code]).toEqual([null, 0]);
  await undo(fleet, fleet.lab.node('cloudpods'), { name: 'USB' });
  await writeFile(file, before);
});

it('functions that nobody makes are told of in the plan', async () => {
  const run = await about('sriov', { consumer: 'cloudpods', sriov: [{ pf: '0000:19:00.1', count: 4 }] });
  const { host } = await fleet.one('plan', 'devices', run);
  const notes = host.plan?.changes.flatMap((change) => change.notes) ?? [];
  expect(notes.join()).toContain('no functions are made: with consumer: cloudpods the agent makes them');
  const told = await about('sriov', { consumer: 'cloudpods' });
  const { host: silent } = await fleet.one('plan', 'devices', told);
  expect(silent.plan?.changes.flatMap((change) => change.notes).join()).not.toContain('no functions are made');
});

it('a NIC that the agent could not find never comes to host.conf', async () => {
  const before = await read('etc/yunion/host.conf', 'cloudpods');
  const run = await about('sriov', { consumer: 'cloudpods', sriovNics: ['eth9'] });
  const { host, code } = await fleet.one('apply', 'cloudpods', run);
  expect([host.state, code, host.writes]).toEqual(['refused', 3, 0]);
  expect(host.gates.map(({ found }) => found).join()).toContain('no NIC eth9');
  expect(await read('etc/yunion/host.conf', 'cloudpods')).toBe(before);
});

it('USB devices and serial ports get their rules, and lose them by an undo', async () => {
  const usb = await about('usb', { usb: ['1-3.1 0529:0001', '1-3.2 0529:0001'], group: 'root' });
  const { host, code } = await fleet.one('apply', 'devices', usb);
  expect([host.failure, code]).toEqual([null, 0]);
  expect(await read('etc/udev/rules.d/72-vfleet-usb.rules')).toContain('KERNEL=="1-3.2", ATTR{idVendor}=="0529"');
  expect((await fleet.one('plan', 'devices', usb)).code).toBe(0);
  const serial = await about('serial', { serial: [{ port: 'ttyS1', alias: 'plc' }] });
  const named = await fleet.one('apply', 'devices', serial);
  expect([named.host.failure, named.code]).toEqual([null, 0]);
  expect(named.host.checks.find(({ check }) => check === 'serial-named')).toMatchObject({ outcome: 'pass' });
  expect(await read('etc/udev/rules.d/72-vfleet-serial.rules')).toContain('KERNEL=="ttyS1", SYMLINK+="vfleet/plc"');
  for (const name of ['USB', 'Serial ports']) await undo(fleet, fleet.lab.node('devices'), { name });
  const left = await readdir(path.join(fleet.lab.node('devices').root, 'etc/udev/rules.d'));
  expect(left.filter((name) => name.includes('vfleet'))).toEqual([]);
});

describe('virtual functions', () => {
  const [free, busy] = ['0000:19:00.1', '0000:19:00.0'];
  const at = (address: string): string => path.join(fleet.lab.node('devices').root, 'sys/bus/pci/devices', address);
  /** Drivers of the functions that a device has. */
  const drivers = async (pf: string): Promise<readonly (string | null)[]> => {
    const names = (await readdir(at(pf))).filter((name) => name.startsWith('virtfn'));
    return Promise.all(
      names.map(async (name) => {
        const vf = path.basename(await readlink(path.join(at(pf), name)));
        return readlink(path.join(at(vf), 'driver')).then(path.basename, () => null);
      }),
    );
  };
  const wish = (pf: string, count: number) => ({ pf: { address: pf, id: '8086:1521' }, count });
  const apply = async (...sriov: readonly unknown[]) => fleet.one('apply', 'devices', await about('sriov', { sriov }));
  const held = (count: number): readonly string[] => new Array<string>(count).fill('vfio-pci');

  it('are made and bound', async () => {
    const { host, code } = await apply(wish(free, 4));
    expect([host.failure, code]).toEqual([null, 0]);
    expect(host.checks.find(({ check }) => check === 'virtual-functions')).toMatchObject({ outcome: 'pass' });
    expect(await drivers(free)).toEqual(held(4));
    expect((await apply(wish(free, 4))).host).toMatchObject({ writes: 0, reboots: 0, state: 'ok' });
  });

  it('are made again by the unit, after a power cut', async () => {
    const node = fleet.lab.node('devices');
    await node.powerCut();
    await node.until('up');
    const run = await about('sriov', { sriov: [wish(free, 4)] });
    const { host, code } = await fleet.one('verify', 'devices', run);
    expect([host.failure, code]).toEqual([null, 0]);
    expect(await drivers(free)).toEqual(held(4));
  });

  it('are changed to another number by way of 0, at run time where the NIC is free', async () => {
    const { host, code } = await apply(wish(free, 6));
    expect([host.failure, code, host.reboots]).toEqual([null, 0, 0]);
    expect(await drivers(free)).toEqual(held(6));
  });

  it('may be made on a NIC that has an address, whose number is changed by a reboot alone', async () => {
    const first = await apply(wish(free, 6), wish(busy, 2));
    expect([first.host.failure, first.code, first.host.reboots]).toEqual([null, 0, 0]);
    const { host, code } = await apply(wish(free, 6), wish(busy, 3));
    expect([host.failure, code, host.reboots]).toEqual([null, 0, 1]);
    expect([await drivers(free), await drivers(busy)]).toEqual([held(6), held(3)]);
  });

  it('of a NIC that is named no more go', async () => {
    const { host, code } = await apply(wish(busy, 3));
    expect([host.failure, code]).toEqual([null, 0]);
    expect([await drivers(free), await drivers(busy)]).toEqual([[], held(3)]);
    expect(await readdir(path.join(fleet.lab.node('devices').root, 'etc/vfleet'))).not.toContain(`vfs-${free}.sh`);
  });

  it('and all of it goes by an undo', async () => {
    const { host, code } = await undo(fleet, fleet.lab.node('devices'), { name: 'SR-IOV' });
    expect([host.failure, code]).toEqual([null, 0]);
    expect(await drivers(busy)).toEqual([]);
  });
});

describe('with the consumer cloudpods what was bound is given back, and what its agent would take is told', () => {
  const [disk, boot] = ['0000:61:00.0', '0000:17:00.0'];
  const vars = { consumer: 'cloudpods', devices: [{ address: disk, serial: 'S64FNE0R900001' }] };
  const driver = async (): Promise<string> => {
    const { root } = fleet.lab.node('devices');
    return path.basename(await readlink(path.join(root, 'sys/bus/pci/devices', disk, 'driver')));
  };
  it.each(['nvme', 'custom-pci'])('%s', async (playbook) => {
    const plain = await fleet.one('apply', 'devices', await about(playbook, { devices: vars.devices }));
    expect([plain.host.failure, await driver()]).toEqual([null, 'vfio-pci']);
    const { host } = await fleet.one('apply', 'devices', await about(playbook, vars));
    expect(host.failure?.code ?? 'verify').toMatch(/verify/);
    const agent = host.checks.find(({ check }) => check === 'cloudpods-agent');
    expect(agent).toMatchObject({
      outcome: 'fail',
      found: expect.stringContaining(`would take ${boot} though the host`),
    });
    expect(agent?.evidence.join()).toMatch(/it would take every device 144d:a80a: .*not named here: .*0000:17:00\.0/);
    const { root } = fleet.lab.node('devices');
    expect(await driver()).toBe('nvme');
    expect(existsSync(path.join(root, `etc/udev/rules.d/82-vfleet-${playbook}.rules`))).toBe(false);
    // Also in the next boot: the initramfs has the rule no more.
    await fleet.lab.node('devices').powerCut();
    await fleet.lab.node('devices').until('up');
    expect(await driver()).toBe('nvme');
  });

  it('sriov', async () => {
    const { root } = fleet.lab.node('devices');
    const [card, count] = ['0000:41:00.0', 8];
    const made = (): Promise<string> =>
      readFile(path.join(root, 'sys/bus/pci/devices', card, 'sriov_numvfs'), 'utf8').then((text) => text.trim());
    await mkdir(path.join(root, 'etc/yunion'), { recursive: true });
    await writeFile(path.join(root, 'etc/yunion/host.conf'), 'sriov_nics: []\n');
    const plain = await fleet.one('apply', 'devices', await about('sriov', { sriov: [{ pf: card, count }] }));
    expect([plain.host.failure, await made()]).toEqual([null, String(count)]);
    const given = { consumer: 'cloudpods', sriov: [{ pf: card, count }], sriovNics: ['ens3f0np0'] };
    const { host } = await fleet.one('apply', 'devices', await about('sriov', given));
    expect([host.failure, host.checks.filter(({ outcome }) => outcome !== 'pass')]).toEqual([null, []]);
    // What GPUs need is the other playbook's.
    const agent = host.checks.find(({ check }) => check === 'cloudpods-agent');
    expect(agent?.evidence.join()).toContain('it would report the host as not prepared for GPUs');
    expect(host.warnings).toEqual([]);
    expect(await made()).toBe('0');
    expect(await readdir(path.join(root, 'etc/vfleet'))).not.toContain(`vfs-${card}.sh`);
    expect(await read('etc/yunion/host.conf')).toContain('ens3f0np0');
  });
});
