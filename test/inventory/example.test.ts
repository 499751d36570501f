import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { loadInventory } from '../../src/inventory/load.ts';
import { select } from '../../src/inventory/select.ts';
import { hostNamed, namesOf } from './support.ts';

const path = fileURLToPath(new URL('../../inventory', import.meta.url));

describe('the example inventory', () => {
  it('loads without a warning', async () => {
    const inventory = await loadInventory(path, { home: '/home/you', user: 'you' });
    expect(inventory.warnings).toEqual([]);
    expect(inventory.hosts).toHaveLength(22);
    expect(new Set(inventory.hosts.map((host) => host.rack))).toEqual(new Set([null, 'r11', 'r12', 'r13']));
  });

  it('is what its comments say', async () => {
    const inventory = await loadInventory(path, { home: '/home/you', user: 'you' });
    expect(hostNamed(inventory, 'bastion').ssh).toMatchObject({ jump: null, address: '192.0.2.1', port: 2222 });
    expect(hostNamed(inventory, 'node08')).toMatchObject({
      rack: 'r11',
      ssh: { user: 'admin', elevate: 'sudo', jump: 'bastion', keyFile: '/home/you/.ssh/id_ed25519' },
      vars: { allowUnsafeInterrupts: true },
    });
    expect(hostNamed(inventory, 'node21')).toMatchObject({
      rack: 'r13',
      ssh: { user: 'root', address: '192.0.2.121' },
      vars: { allowUnsafeInterrupts: false, devices: ['10de:1e07'] },
    });
    expect(namesOf(select(inventory, 'canary:&intel'))).toEqual(['node01', 'node09']);
  });
});
