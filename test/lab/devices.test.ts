import { afterAll, beforeAll, expect, it } from 'vitest';
import type { HardwareFacts } from '../../src/facts/hardware.ts';
import { parseFacts, probe } from '../../src/facts/probe.ts';
import { type Lab, startLab } from '../../src/lab/lab.ts';
import { builtinMachineKinds } from '../../src/lab/machine-kind.ts';
import { parseOutput, wrap } from '../../src/shell/envelope.ts';
import { logIn } from './client.ts';

const names = ['debian-12-devices', 'proxmox-8-zfs', 'centos-7-intel'];
const nonce = '0123456789abcdef0123456789abcdef';
let lab: Lab;

beforeAll(async () => {
  const kinds = (await builtinMachineKinds()).filter(({ name }) => names.includes(name));
  lab = await startLab({ nodes: kinds.map((kind) => ({ name: kind.name, rack: 'r1', kind })), bootMs: 50 });
});

afterAll(async () => {
  await lab.stop();
});

/** What vfleet's own probe finds on a node. */
async function hardware(name: string): Promise<HardwareFacts> {
  const client = await logIn(lab, name);
  const ran = await client.run('sh -s', wrap(probe(), nonce));
  client.end();
  const found = parseFacts(parseOutput(Buffer.from(ran.stdout), nonce).sections).hardware;
  if (found === null) throw new Error(`no hardware on ${name}: ${ran.stderr}`);
  return found;
}

it('a bond below a bridge carries default route and SSH on both of its cards', async () => {
  const { net } = await hardware('debian-12-devices');
  const rows = net.map(({ name, uppers, defaultRoute, ssh, up }) => [name, uppers.join(' '), defaultRoute, ssh, up]);
  expect(rows).toEqual([
    ['bond0', 'br0', true, true, true],
    ['br0', '', true, true, true],
    ['eno1', '', false, false, true],
    ['eno2', '', false, false, false],
    ['ens1f0np0', 'bond0', true, true, true],
    ['ens1f1np1', 'bond0', true, true, true],
    ['ens3f0np0', '', false, false, false],
    ['ens3f1np1', '', false, false, false],
    ['enx00e04c680001', '', false, false, false],
  ]);
});

it('NVMe disks are free, formatted, mounted, held, swapped to, or behind VMD', async () => {
  const { nvme, block, pci } = await hardware('debian-12-devices');
  const uses = nvme.map(({ name, pci: address, namespaces }) => {
    const parts = block.filter((item) => namespaces.includes(item.partitionOf ?? item.name));
    const signs = parts.flatMap(({ signature }) => (signature === 'none' ? [] : [signature]));
    const uses = parts.flatMap(({ mounts, holders, swap }) => [...mounts, ...holders, ...(swap ? ['swap'] : [])]);
    return [name, address, signs.join(' '), uses.join(' ')];
  });
  expect(uses).toEqual([
    ['nvme0', '0000:17:00.0', 'gpt vfat ext4', '/boot/efi /'],
    ['nvme1', '0000:61:00.0', '', ''],
    ['nvme2', '0000:62:00.0', 'gpt ext4', ''],
    ['nvme3', '0000:63:00.0', 'gpt xfs', '/srv/data'],
    ['nvme4', '0000:64:00.0', 'LVM2_member', 'dm-0'],
    ['nvme5', '0000:65:00.0', 'gpt swap', 'swap'],
    ['nvme6', '0000:66:00.0', '', ''],
    ['nvme7', '10000:01:00.0', '', ''],
  ]);
  expect(pci['10000:01:00.0']?.parent).toBe('10000:00:02.0');
  expect(pci['0000:61:00.0']?.slot).toBe('NVME0');
  expect(pci['0000:51:00.0']?.resets).toEqual([]);
});

it('USB devices, ports and what is on them are told by port', async () => {
  const { usb, serial, block } = await hardware('debian-12-devices');
  const twins = usb.filter(({ vendor, product }) => `${vendor}:${product}` === '0529:0001');
  expect(twins.map(({ port, serial: number }) => [port, number])).toEqual([
    ['1-3.1', null],
    ['1-3.2', null],
  ]);
  expect(block.find(({ name }) => name === 'sdb1')).toMatchObject({ usb: '1-4', mounts: ['/media/stick'] });
  expect(serial.map(({ name, uart, console, getty, usb: port }) => [name, uart, console, getty, port])).toEqual([
    ['ttyS0', '16550A', true, true, null],
    ['ttyS1', '16550A', false, false, null],
    ['ttyS2', null, false, false, null],
    ['ttyS3', null, false, false, null],
    ['ttyUSB0', null, false, false, '1-2'],
  ]);
});

it('memory may be uneven, and SR-IOV is where the card has it', async () => {
  const { nodes, pci } = await hardware('debian-12-devices');
  expect(nodes.map(({ totalKiB }) => totalKiB)).toEqual([395313152, 132621248]);
  const capable = Object.entries(pci).flatMap(([address, { sriov }]) =>
    sriov === null ? [] : [[address, sriov.total]],
  );
  expect(capable).toEqual([
    ['0000:18:00.0', 128],
    ['0000:18:00.1', 128],
    ['0000:19:00.0', 7],
    ['0000:19:00.1', 7],
    ['0000:41:00.0', 8],
    ['0000:41:00.1', 8],
  ]);
});

it('disks that a kind does not name are what its file systems are on', async () => {
  const zfs = (await hardware('proxmox-8-zfs')).block.filter(({ mounts }) => mounts.includes('/'));
  expect(zfs.map(({ name, holders }) => [name, holders.join()])).toEqual([
    ['nvme0n1p3', 'zpool rpool'],
    ['nvme1n1p3', 'zpool rpool'],
  ]);
  const { block } = await hardware('centos-7-intel');
  expect(
    block.filter(({ pci }) => pci === '0000:01:00.0').map(({ name, mounts, holders }) => [name, ...mounts, ...holders]),
  ).toEqual([['sda'], ['sda1', '/boot'], ['sda2', 'dm-0']]);
  expect(block.find(({ name }) => name === 'dm-0')?.mounts).toEqual(['/']);
});
