import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Racks, startRacks } from './racks.ts';

let racks: Racks;
beforeAll(async () => {
  racks = await startRacks([
    { name: 'one', kind: 'installer-prepared' },
    { name: 'two', kind: 'installer-prepared' },
  ]);
}, 600_000);
afterAll(() => racks?.stop());

const recordOf = (name: string): Promise<string> =>
  readFile(path.join(racks.lab.node(name).root, 'var/lib/vfleet/state.json'), 'utf8');

it('plan names what was left, and what to run next has --adopt in it only where it was given', async () => {
  const plain = await racks.vfleet('plan', 'passthrough');
  expect(plain.code).toBe(2);
  expect(plain.stdout).toContain(
    '2 hosts: /etc/modprobe.d/vfio.conf:1: install vfio-pci /usr/bin/vfio-pci-override.sh',
  );
  expect(plain.stdout).toMatch(/next: vfleet apply passthrough +#/);
  const adopting = await racks.vfleet('plan', 'passthrough', '--adopt');
  expect(adopting.stdout).toMatch(/take over 8 as they are, so that undo removes them/);
  expect(adopting.stdout).toMatch(/next: vfleet apply --adopt passthrough +#/);
}, 240_000);

it('a saved plan takes over what it was made to take over, and nothing where it was made without', async () => {
  const without = await racks.vfleet('plan', 'passthrough', '-l', 'one', '--out', 'without.plan');
  expect(without.code).toBe(2);
  const wrong = await racks.vfleet('apply', 'without.plan', '--adopt', '--yes');
  expect([wrong.code, wrong.stderr]).toEqual([64, expect.stringMatching(/--adopt: this plan was made without it/)]);

  expect((await racks.vfleet('plan', 'passthrough', '-l', 'two', '--adopt', '--out', 'with.plan')).code).toBe(2);
  const applied = await racks.vfleet('apply', 'with.plan', '--yes');
  expect([applied.code, applied.stderr]).toEqual([0, expect.any(String)]);
  expect(Object.keys(JSON.parse(await recordOf('two')).files)).toContain('/etc/modprobe.d/kvm.conf');
  expect((await racks.vfleet('apply', 'with.plan', '--yes')).stderr).toContain('this plan was applied already');

  expect((await racks.vfleet('apply', 'without.plan', '--yes')).code).toBe(0);
  expect(Object.keys(JSON.parse(await recordOf('one')).files)).toEqual(['/etc/modules-load.d/vfio.conf']);
}, 240_000);
