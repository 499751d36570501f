import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { loadInventory } from '../../src/inventory/load.ts';
import { hostNamed, load, namesOf } from './support.ts';

const fixture = fileURLToPath(new URL('fixtures/ansible-precedence/', import.meta.url));

describe('precedence', () => {
  it("is Ansible's: the same groups and variables for every host as ansible-inventory printed", async () => {
    const inventory = await loadInventory(`${fixture}inventory`);
    const found = Object.fromEntries(
      inventory.hosts.map(({ name, groups, vars }) => [name, { groups: [...groups].toSorted(), vars }]),
    );
    expect(found).toEqual(JSON.parse(readFileSync(`${fixture}hosts.json`, 'utf8')));
  });

  it('says where each value comes from', async () => {
    const { origins } = hostNamed(await loadInventory(`${fixture}inventory`), 'node03');
    expect(origins['where']).toEqual({
      scope: 'host node03',
      position: `${fixture}inventory/host_vars/node03.yml:1:1`,
    });
    expect(origins['tie']).toEqual({ scope: 'group amd', position: `${fixture}inventory/10-site.yaml:32:15` });
    expect(origins['site']).toEqual({
      scope: 'group all',
      position: `${fixture}inventory/group_vars/all/20-site:1:1`,
    });
  });

  it('merges ssh key by key, the host over child group over parent over all', async () => {
    const inventory = await load({
      'a.yaml': `
all:
  ssh: { user: admin, port: 22, keyFile: keys/all }
  children:
    compute:
      ssh: { port: 2200 }
      children:
        r12:
          ssh: { port: 2212, jump: bastion.example.com }
          hosts:
            node01: { ssh: { address: 10.0.0.1 } }
            node02:
        r13:
          hosts: { node03: { ansible_port: 23 } }
`,
      'group_vars/r12.yaml': 'ssh: { user: root }\n',
    });
    expect(inventory.hosts.map(({ ssh }) => [ssh.address, ssh.user, ssh.port, ssh.jump])).toEqual([
      ['10.0.0.1', 'root', 2212, 'bastion.example.com'],
      ['node02', 'root', 2212, 'bastion.example.com'],
      ['node03', 'admin', 23, null],
    ]);
  });

  it("takes the old name of an ansible variable before the new one, as Ansible's own ssh connection does", async () => {
    const inventory = await load({
      'a.yaml': 'all:\n  vars: { ansible_ssh_user: old }\n  hosts:\n    node01: { ansible_user: new }\n',
    });
    expect(hostNamed(inventory, 'node01').ssh.user).toBe('old');
  });

  it('lists groups nearest first, all last', async () => {
    const inventory = await load({
      'a.yaml':
        'all:\n  children:\n    site: { children: { row: { children: { r12: { hosts: { node01: } } } } } }\n    amd: { hosts: { node01: } }\n',
    });
    expect(hostNamed(inventory, 'node01').groups).toEqual(['r12', 'row', 'site', 'amd', 'all']);
  });

  it('keeps hosts in the order of their first mention, files in the order of their names', async () => {
    const inventory = await load({
      'b.yml': 'all: { hosts: { first: } }\n',
      'a.yml': 'x: { hosts: { zeta: , alpha: } }\n',
      'c/d.yaml': 'y: { hosts: { alpha: , last: } }\n',
      'notes.txt': '[',
      'old.yaml.bak': '[',
      'old.yaml~': '[',
      '.hidden.yaml': '[',
      'site.retry': 'zeta',
      'README.md': '#',
    });
    expect(namesOf(inventory.hosts)).toEqual(['zeta', 'alpha', 'first', 'last']);
  });
});
