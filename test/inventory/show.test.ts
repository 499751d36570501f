import { describe, expect, it } from 'vitest';
import { explainHost, explainJson, explainValues, inventoryTree } from '../../src/inventory/show.ts';
import { hostNamed, loadText } from './support.ts';

describe('inventoryTree', () => {
  it('draws groups, racks, and hosts with consecutive ones as one', async () => {
    const inventory = await loadText(`
all:
  hosts: { lonely: }
  children:
    compute:
      children:
        r11: { rack: r11, hosts: { "node[01:40]": } }
        r12: { rack: r12, hosts: { "node[41:42]": , "node[44:45]": } }
    intel: { hosts: { node01: , node41: } }
    new: { children: { r12: } }
`);
    expect(inventoryTree(inventory)).toBe(`all: 45 hosts, 2 racks: r[11-12]
├─ compute: 44 hosts, 2 racks: r[11-12]
│  ├─ r11: 40 hosts, rack r11
│  │  └─ node[01-40]
│  └─ r12: 4 hosts, rack r12
│     └─ node[41-42,44-45]
├─ intel: 2 hosts, 2 racks: r[11-12]
│  └─ node[01,41]
├─ new: 4 hosts, rack r12
│  └─ r12: 4 hosts, rack r12 (above)
└─ ungrouped: 1 host
   └─ lonely`);
  });
});

describe('explainHost', () => {
  const text = `all:
  ssh: { user: admin, password: hunter2, elevatePassword: hunter3 }
  hosts:
    node01:
      rack: r11
      jinja: "{{ x }}"
      vault: !vault |
        $ANSIBLE_VAULT;1.1;AES256
      nested: { token: hunter4, list: [1, "{{ y }}"] }
      bmc_password: hunter5
      quiet: null
`;

  it('shows each value with its origin, and no secret', async () => {
    const inventory = await loadText(text);
    const shown = explainHost(hostNamed(inventory, 'node01')).replaceAll(/\/\S*racks\.yaml/g, 'racks.yaml');
    expect(shown.replaceAll(/(?<=\S) {2,}/g, '  ')).toBe(`node01 (groups: ungrouped, all)
  rack  "r11"  host node01  racks.yaml:5:7
  ssh.address  "node01"  default
  ssh.port  22  default
  ssh.user  "admin"  group all  racks.yaml:2:10
  ssh.keyFile  -  default
  ssh.password  ********  group all  racks.yaml:2:23
  ssh.jump  -  default
  ssh.elevate  "sudo"  default
  ssh.elevatePassword  ********  group all  racks.yaml:2:42
  ssh.knownHosts  -  default
  bmc_password  ********  host node01  racks.yaml:10:7
  jinja  (Jinja) "{{ x }}"  host node01  racks.yaml:6:7
  nested  {"token":"********","list":[1,"{{ y }}"]}  host node01  racks.yaml:9:7
  quiet  -  host node01  racks.yaml:11:7
  vault  (vault)  host node01  racks.yaml:7:7`);
    expect(shown).not.toContain('hunter');
    expect(shown).toContain('  ssh.user             "admin"     ');
  });

  it('gives the same as data', async () => {
    const host = hostNamed(await loadText(text), 'node01');
    const json = new Map(explainJson(host).map(({ name, value }) => [name, value]));
    expect([json.get('rack'), json.get('ssh.port'), json.get('quiet'), json.get('bmc_password')]).toEqual([
      'r11',
      22,
      null,
      '********',
    ]);
    expect(json.get('nested')).toEqual({ token: '********', list: [1, '{{ y }}'] });
    expect(explainValues(host)[0]).toEqual({
      name: 'rack',
      value: '"r11"',
      scope: 'host node01',
      position: expect.stringMatching(/racks\.yaml:5:7$/),
    });
  });
});
