import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compareSnapshots } from '../../src/lab/snapshot.ts';
import { type Racks, startRacks } from './racks.ts';

let racks: Racks;
beforeAll(async () => {
  racks = await startRacks([
    { name: 'node01' },
    { name: 'node02' },
    { name: 'mixed', kind: 'qemu-debian-12-intel' },
    { name: 'gone', faults: { refuseLogin: true } },
  ]);
}, 600_000);
afterAll(() => racks?.stop());

interface Listed {
  readonly kind: string;
  readonly device: string;
  readonly standing: string;
  readonly mates: readonly { readonly address: string }[];
  readonly obstacles: readonly { readonly kind: string; readonly reason: string; readonly remedy: string }[];
}

async function listed(...args: readonly string[]): Promise<readonly Listed[]> {
  const { stdout, code } = await racks.vfleet('devices', ...args, '--json');
  expect(code).toBe(0);
  const { hosts } = JSON.parse(stdout) as { hosts: readonly { devices: readonly Listed[] }[] };
  return hosts.flatMap(({ devices }) => devices);
}

describe('vfleet devices', () => {
  it('tells equal hosts once: each device with its group, its mates, and what stands in the way', async () => {
    const { stdout, code } = await racks.vfleet('devices', 'node0*');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^2 hosts: \d+ devices, \d+ free.* \(node\[01-02\]\)$/m);
    expect(stdout).toMatch(/^ {4}0000:31:00\.0 +free +10de:2204 +group \S+ +node 0 +nouveau +NVIDIA.*RTX 3090/m);
    expect(stdout).toMatch(/^ {6}goes with 0000:31:00\.1 \[10de:1aef\]/m);
    expect(stdout).toMatch(/^ {6}bmc: it belongs to the board's management controller/m);
    expect(stdout).toMatch(/^ {8}next: \S/m);
  });

  it('finds the path of the SSH connection, the boot disk and the console', async () => {
    const found = await listed('mixed');
    const blocked = found.filter(({ standing }) => standing === 'blocked');
    const kinds = blocked.flatMap(({ obstacles }) => obstacles.map(({ kind }) => kind));
    expect(kinds).toEqual(expect.arrayContaining(['ssh-path', 'boot-disk', 'console']));
    for (const { reason, remedy } of blocked.flatMap(({ obstacles }) => obstacles)) {
      expect([reason, remedy]).not.toContain('');
    }
    expect(found.find(({ device }) => device === '0000:02:00.0')).toMatchObject({ kind: 'nvme', standing: 'free' });
  });

  it('shows only the kinds that are named', async () => {
    expect(new Set((await listed('mixed', '--kind', 'nvme', '--kind', 'serial')).map(({ kind }) => kind))).toEqual(
      new Set(['nvme', 'serial']),
    );
    const { stdout } = await racks.vfleet('devices', 'mixed', '-k', 'gpu');
    expect(stdout).toMatch(/^ {2}gpu$/m);
    expect(stdout).not.toMatch(/^ {2}nic$/m);
  });

  it('writes nothing', async () => {
    const node = racks.lab.node('mixed');
    const before = await node.snapshot({ kernel: true });
    await racks.vfleet('devices', 'mixed');
    expect(compareSnapshots(before, await node.snapshot({ kernel: true }))).toEqual([]);
  });

  it('takes no kind that there is not', async () => {
    const { code, stderr, stdout } = await racks.vfleet('devices', '--kind', 'gpus');
    expect([code, stdout]).toEqual([64, '']);
    expect(stderr).toMatch(/--kind: expected one of "gpu", "nic"/);
  });

  it('names a host that could not be asked, with why, and fails', async () => {
    const { code, stdout } = await racks.vfleet('devices', 'gone');
    expect(code).toBe(1);
    expect(stdout).toMatch(/^gone: unreachable/m);
  });
});
