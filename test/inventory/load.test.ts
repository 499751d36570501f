import { describe, expect, it } from 'vitest';
import { loadInventory } from '../../src/inventory/load.ts';
import { complaints, complaintsOf, folderOf, hostNamed, load, loadText, namesOf } from './support.ts';

describe('loadInventory', () => {
  it('reads hosts, groups and racks', async () => {
    const inventory = await loadText(`
all:
  hosts:
    lonely:
  children:
    r11:
      rack: r11
      hosts: { "node[01:02]": }
    r12:
      vars: { rack: 07 }
      hosts: { "node[03:04]": }
intel:
  hosts: { node01: , node03: }
`);
    expect(inventory.hosts.map((host) => [host.name, host.rack])).toEqual([
      ['lonely', null],
      ['node01', 'r11'],
      ['node02', 'r11'],
      ['node03', '07'],
      ['node04', '07'],
    ]);
    expect(inventory.groups).toEqual([
      { name: 'all', children: ['r11', 'r12', 'intel', 'ungrouped'], hosts: ['lonely'] },
      { name: 'r11', children: [], hosts: ['node01', 'node02'] },
      { name: 'r12', children: [], hosts: ['node03', 'node04'] },
      { name: 'intel', children: [], hosts: ['node01', 'node03'] },
      { name: 'ungrouped', children: [], hosts: ['lonely'] },
    ]);
    expect(inventory.warnings).toEqual([]);
  });

  it('keeps the path as it was given', async () => {
    const inventory = await load({ 'racks.yaml': 'all: { hosts: { n: } }' });
    expect(hostNamed(inventory, 'n').origins).toEqual({});
    expect(inventory.source).toMatch(/vfleet-inventory-/);
  });

  it('takes one host as text, the port of a host key, and IPv6 addresses', async () => {
    const inventory = await loadText(`
a: { hosts: single }
b:
  hosts:
    node01:2222:
    node02:2222: { ansible_port: 2323 }
    "[2001:db8::1]:2200":
    "2001:db8::2":
`);
    expect(inventory.hosts.map(({ name, ssh }) => [name, ssh.port])).toEqual([
      ['single', 22],
      ['node01', 2222],
      ['node02', 2323],
      ['2001:db8::1', 2200],
      ['2001:db8::2', 22],
    ]);
  });

  it('has defaults for every log-in setting', async () => {
    expect(hostNamed(await loadText('all: { hosts: { node01: } }'), 'node01').ssh).toEqual({
      address: 'node01',
      port: 22,
      user: null,
      keyFile: null,
      password: null,
      jump: null,
      elevate: 'sudo',
      elevatePassword: null,
      knownHosts: null,
    });
  });

  it('resolves key files: home, absolute, and relative to the folder of the inventory', async () => {
    const inventory = await load({
      'a.yaml': `
all:
  hosts:
    a: { ssh: { keyFile: ~/.ssh/id, knownHosts: known_hosts } }
    b: { ansible_ssh_private_key_file: /etc/key }
    c: { ansible_private_key_file: keys/c }
`,
      'host_vars/d/x.yaml': '',
    });
    const folder = inventory.source;
    expect(hostNamed(inventory, 'a').ssh).toMatchObject({
      keyFile: '/home/operator/.ssh/id',
      knownHosts: `${folder}/known_hosts`,
    });
    expect(hostNamed(inventory, 'b').ssh.keyFile).toBe('/etc/key');
    expect(hostNamed(inventory, 'c').ssh.keyFile).toBe(`${folder}/keys/c`);
  });

  it.each([
    ['{}', 'sudo'],
    ['{ ssh: { user: root } }', 'root'],
    ['{ ssh: { user: root, elevate: sudo } }', 'sudo'],
    ['{ ssh: { elevate: none } }', 'none'],
    ['{ ansible_user: admin, ansible_become: true }', 'sudo'],
    ['{ ansible_user: root, ansible_become: yes }', 'root'],
    ['{ ansible_become: no }', 'none'],
    ['{ ansible_become: false, ansible_user: root }', 'root'],
    ['{ ansible_become: "False" }', 'none'],
  ])('elevation of %s is %s', async (host, expected) => {
    const inventory = await loadText(`all:\n  hosts:\n    n: ${host}\n`);
    expect(hostNamed(inventory, 'n').ssh.elevate).toBe(expected);
    expect(inventory.warnings).toEqual([]);
  });

  it('elevates again where a host says so against its group', async () => {
    const inventory = await loadText('all:\n  ssh: { elevate: none }\n  hosts: { a: , b: { ansible_become: true } }\n');
    expect(inventory.hosts.map((host) => host.ssh.elevate)).toEqual(['none', 'sudo']);
  });

  it('counts on the user who runs vfleet where no user is given', async () => {
    const folder = folderOf({ 'a.yaml': 'all: { hosts: { n: } }' });
    const asRoot = await loadInventory(folder, { home: '/root', user: 'root' });
    expect(hostNamed(asRoot, 'n').ssh).toMatchObject({ user: null, elevate: 'root' });
  });

  it('takes a setting of a group back with null', async () => {
    const inventory = await loadText(
      'all:\n  ssh: { user: admin, jump: gate.example.com, port: 2222 }\n  hosts: { n: { ssh: { user: null, jump: null } } }\n',
    );
    expect(hostNamed(inventory, 'n').ssh).toMatchObject({ user: null, jump: null, port: 2222 });
  });

  it('lets the jump host of a group be in that group: it is reached directly', async () => {
    const inventory = await loadText('all:\n  ssh: { jump: bastion }\n  hosts: { bastion: , node01: }\n');
    expect(hostNamed(inventory, 'bastion').ssh.jump).toBeNull();
    expect(hostNamed(inventory, 'bastion').origins['ssh.jump']).toBeUndefined();
    expect(hostNamed(inventory, 'node01').ssh.jump).toBe('bastion');
  });

  it.each(['gate.example.com', 'admin@gate', 'gate:2222', 'admin@[2001:db8::1]:22', '10.0.0.1'])(
    'takes a jump host outside of the inventory: %s',
    async (jump) => {
      const inventory = await loadText(`all:\n  hosts: { n: { ssh: { jump: "${jump}" } } }\n`);
      expect(hostNamed(inventory, 'n').ssh.jump).toBe(jump);
    },
  );

  it('resolves anchors, aliases and merges, in groups and in values', async () => {
    const inventory = await loadText(`
all:
  hosts:
    a: &host { x: 1, y: { deep: true } }
    b: { <<: *host, x: 2 }
    c: *host
  vars:
    list: &l [1, 2]
    again: *l
    merged: { <<: [{ k: 1, m: 1 }, { k: 2, n: 2 }], m: 3 }
`);
    expect(hostNamed(inventory, 'b').vars).toMatchObject({ x: 2, y: { deep: true } });
    expect(hostNamed(inventory, 'c').vars).toMatchObject({
      x: 1,
      again: [1, 2],
      merged: { k: 1, m: 3, n: 2 },
    });
  });

  it('reads plain JSON, a byte order mark, Windows line ends, and documents with a start mark', async () => {
    const json = await load({ 'hosts.json': '{"all": {"hosts": {"n": {"a": [1, null]}}}}' });
    expect(hostNamed(json, 'n').vars).toEqual({ a: [1, null] });
    const marked = await loadText('\uFEFF---\r\nall:\r\n  hosts:\r\n    n:\r\n      a: 1\r\n');
    expect(hostNamed(marked, 'n').vars).toEqual({ a: 1 });
    expect(await complaintsOf('\uFEFFall: { x: }')).toEqual([
      expect.stringMatching(/^racks\.yaml:1:8 all\.x: unknown key/),
    ]);
  });

  it('leaves ansible variables that do not concern it without effect, and hands none to a playbook', async () => {
    const inventory = await loadText(`
all:
  vars:
    ansible_python_interpreter: /usr/bin/python3
    ansible_connection: ssh
    ansible_become_method: sudo
    ansible_become_user: root
    ansible_shell_type: sh
    ansible_pipelining: true
    ansible_remote_tmp: /tmp/x
    ansible_host_key_checking: yes
  hosts: { n: }
`);
    expect(hostNamed(inventory, 'n').vars).toEqual({});
    expect(inventory.warnings).toEqual([]);
  });

  it('loads 5,000 hosts in 200 groups', async () => {
    const groups = Array.from({ length: 200 }, (_, index) => {
      const first = String(index * 25).padStart(4, '0');
      const last = String(index * 25 + 24).padStart(4, '0');
      return `    r${index}:\n      rack: r${index}\n      vars: { a: ${index}, b: text }\n      hosts:\n        node[${first}:${last}]:\n        node${first}: { first: true }\n`;
    });
    const inventory = await loadText(`all:\n  children:\n${groups.join('')}odd:\n  hosts: { "node[0001:4999:2]": }\n`);
    expect(inventory.hosts).toHaveLength(5000);
    expect(inventory.groups).toHaveLength(202);
    expect(hostNamed(inventory, 'node4975')).toMatchObject({
      rack: 'r199',
      vars: { a: 199, first: true },
      groups: ['r199', 'odd', 'all'],
    });
  });
});

describe('warnings', () => {
  it('names files of variables that nothing reads', async () => {
    const inventory = await load({
      'a.yaml': 'all: { children: { r12: { hosts: { node01: } } } }',
      'group_vars/r12.yml': 'a: 1\n',
      'group_vars/r12.yaml': 'a: 2\n',
      'group_vars/r21.yml': 'a: 3\n',
      'group_vars/.gitkeep': '',
      'group_vars/notes.md': '',
      'host_vars/node1.yml': 'a: 4\n',
      'sub/group_vars/r12.yml': 'a: 5\n',
    });
    expect(hostNamed(inventory, 'node01').vars).toEqual({ a: 1 });
    expect(inventory.warnings.map((text) => text.replaceAll(`${inventory.source}/`, ''))).toEqual([
      'sub/group_vars: is not read, as in Ansible: only group_vars is; move it there',
      'group_vars/r12.yaml: is not read, as in Ansible: r12.yml goes before it',
      'group_vars/r21.yml: is not read: the inventory has no group "r21"',
      'host_vars/node1.yml: is not read: the inventory has no host "node1", did you mean "node01"?',
    ]);
  });

  it('names values that Ansible reads otherwise', async () => {
    const { warnings } = await loadText(`all:
  hosts: { n: }
  vars:
    a: yes
    b: 1e07
    c: 0300
    d: "yes"
    e: '0300'
    f: true
    g: 0x1f
    h: [off]
`);
    expect(warnings.map((text) => text.replace(/^.*racks\.yaml:/, ''))).toEqual([
      '4:8 all.vars.a: yes is text here, and true to Ansible: write true, or "yes" in quotes for the text',
      '5:8 all.vars.b: 1e07 is the number 10000000: write "1e07" in quotes for the text',
      '6:8 all.vars.c: 0300 is the number 300 here, and an octal number to Ansible: write "0300" in quotes for the text',
      '11:9 all.vars.h.0: off is text here, and false to Ansible: write false, or "off" in quotes for the text',
    ]);
  });

  it('names a host that is a group, a priority without effect, and other names of Ansible', async () => {
    const inventory = await load({
      'a.yaml': 'x: { hosts: { x: , y: { ansible_note: 1 } } }',
      'group_vars/x.yml': 'ansible_group_priority: 5\n',
    });
    expect(inventory.warnings.map((text) => text.replaceAll(`${inventory.source}/`, ''))).toEqual([
      'a.yaml:1:25 x.hosts.y.ansible_note: not a connection variable; names that begin with ansible_ do not reach a playbook',
      'group_vars/x.yml:1:1 ansible_group_priority: has no effect in group_vars, as in Ansible; set it in the inventory file',
      'a.yaml:1:15 x.hosts.x: "x" is a host and a group',
    ]);
  });

  it('names a file of variables that is encrypted, and goes on', async () => {
    const inventory = await load({
      'a.yaml': 'all: { hosts: { n: } }',
      'group_vars/all/main.yml': 'a: 1\n',
      'group_vars/all/vault.yml': '$ANSIBLE_VAULT;1.1;AES256\n3635\n',
    });
    expect(hostNamed(inventory, 'n').vars).toEqual({ a: 1 });
    expect(inventory.warnings).toEqual([
      expect.stringMatching(/vault\.yml: is not read: it is encrypted with ansible-vault/),
    ]);
  });
});

describe('group_vars and host_vars', () => {
  it('are found beside an inventory file too', async () => {
    const inventory = await load(
      {
        'prod.yaml': 'all: { hosts: { n: } }',
        'other.yaml': '[',
        'group_vars/all.json': '{"a": 1}',
        'host_vars/n': 'b: 2\n',
      },
      'prod.yaml',
    );
    expect(namesOf(inventory.hosts)).toEqual(['n']);
    expect(hostNamed(inventory, 'n').vars).toEqual({ a: 1, b: 2 });
  });

  it('may be empty, and must be maps', async () => {
    const files = { 'a.yaml': 'all: { hosts: { n: } }', 'group_vars/all.yml': '# later\n', 'host_vars/n.yml': '- a\n' };
    expect(await complaints(files)).toEqual(['host_vars/n.yml:1:1: expected a map of variables, found a list']);
  });
});
