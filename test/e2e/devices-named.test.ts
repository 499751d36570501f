import { readlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Fleet, startFleet } from './fleet.ts';

const book = (name: string): string => fileURLToPath(new URL(`../../playbooks/${name}.ts`, import.meta.url));

let fleet: Fleet;
beforeAll(async () => {
  fleet = await startFleet([{ name: 'node', kind: 'debian-12-devices' }]);
}, 120_000);
afterAll(() => fleet?.stop());

/** Options of a run with these devices; a file, as lists of objects do not go on a command line. */
async function about(playbook: string, devices: unknown) {
  const file = path.join(fleet.folder, `vars-${playbook}.json`);
  await writeFile(file, JSON.stringify({ devices }));
  return { playbook: book(playbook), args: { extraVars: [`@${file}`] } };
}

const driverOf = (address: string): Promise<string | null> =>
  readlink(path.join(fleet.lab.node('node').root, 'sys/bus/pci/devices', address, 'driver')).then(
    path.basename,
    () => null,
  );

describe('GPUs that are named by their driver alone', () => {
  const cards = ['0000:31:00.0', '0000:b1:00.0'];

  it('are verified once they are bound, and are nothing to do then', async () => {
    const { host, code } = await fleet.one('apply', 'node', await about('gpu', ['driver=nouveau']));
    expect(host.failure).toBeNull();
    expect(host.checks.filter(({ outcome }) => outcome !== 'pass')).toEqual([]);
    expect([host.state, code]).toEqual(['ok', 0]);
    expect(await Promise.all(cards.map(driverOf))).toEqual(['vfio-pci', 'vfio-pci']);
    const again = await fleet.one('apply', 'node', await about('gpu', ['driver=nouveau']));
    expect([again.host.failure, again.host.writes, again.host.reboots, again.code]).toEqual([null, 0, 0, 0]);
    const verified = await fleet.one('verify', 'node', await about('gpu', [{ driver: 'nouveau', count: 2 }]));
    expect([verified.host.failure, verified.code]).toEqual([null, 0]);
  }, 120_000);
});
