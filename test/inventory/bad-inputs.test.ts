import { chmodSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { VfleetError } from '../../src/errors.ts';
import { loadInventory } from '../../src/inventory/load.ts';
import { problemsOf } from '../../src/inventory/problem.ts';
import { complaints, complaintsOf, folderOf } from './support.ts';

/** One file with one thing wrong, and the one line that says so. */
const CASES: Readonly<Record<string, readonly [string, string | RegExp]>> = {
  'a bracket that is not closed': ['all:\n  hosts: {node01: \n', /^racks\.yaml:\d+:\d+: YAML: /],
  'a quote that is not closed': ['all:\n  vars:\n    a: "x\n', /^racks\.yaml:\d+:\d+: YAML: Missing closing "quote/],
  'a tab as indentation': ['all:\n\thosts:\n', 'racks.yaml:2:1: a tab as indentation; YAML allows spaces only'],
  'two documents': [
    'all:\n  hosts: {a: }\n---\nb: {}\n',
    'racks.yaml:3:1: a second document begins here; an inventory file holds one',
  ],
  'an alias without an anchor': ['all:\n  hosts: *no\n', 'racks.yaml:2:10: no anchor &no before this alias'],
  'an unknown tag': [
    'all:\n  vars: {a: !foo x}\n  hosts: {n: }\n',
    'racks.yaml:2:13: unknown tag !foo; remove it, or quote the value',
  ],
  'an unknown key of a group': [
    'all:\n  children:\n    r12:\n      hsots:\n        node01:\n',
    'racks.yaml:4:7 all.children.r12.hsots: unknown key, did you mean "hosts"?',
  ],
  'a group that is not under children': [
    'all:\n  r12:\n    hosts: {node01: }\n',
    'racks.yaml:2:3 all.r12: unknown key; a group belongs under "children:"',
  ],
  'a key that is like no other': [
    'all:\n  hosts: {node01: }\n  banana: 1\n',
    'racks.yaml:3:3 all.banana: unknown key; known are hosts, children, vars, ssh, rack',
  ],
  'hosts at the top': [
    'hosts:\n  node01:\n',
    'racks.yaml:1:1 hosts: expected the name of a group; put this key under "all:"',
  ],
  'an unknown key of ssh': [
    'all:\n  hosts:\n    node01:\n      ssh: { adress: 10.0.0.1 }\n',
    'racks.yaml:4:14 all.hosts.node01.ssh.adress: unknown key, did you mean "address"?',
  ],
  'a key of ssh under the name that ssh_config has for it': [
    'all: { ssh: { hostname: a }, hosts: { node01: } }',
    'racks.yaml:1:15 all.ssh.hostname: unknown key, did you mean "address"?',
  ],
  'ssh as text': [
    'all:\n  ssh: root\n  hosts: {node01: }\n',
    'racks.yaml:2:8 all.ssh: expected a map as ssh: { user: admin, port: 22 }, found text',
  ],
  'the same host twice in one map': [
    'all:\n  hosts:\n    node01:\n    node02:\n    node01:\n',
    'racks.yaml:5:5 all.hosts.node01: the same key twice, the first is at line 3, column 5',
  ],
  'the same variable twice': [
    'all:\n  hosts: {n: }\n  vars:\n    a: 1\n    a: 2\n',
    'racks.yaml:5:5 all.vars.a: the same key twice, the first is at line 4, column 5',
  ],
  'the same key twice inside of a value': [
    'all:\n  hosts: {n: }\n  vars:\n    a: {b: 1, b: 2}\n',
    'racks.yaml:4:15 all.vars.a.b: the same key twice',
  ],
  'one setting in two spellings that differ': [
    'all:\n  hosts:\n    n: { ansible_user: a, ssh: { user: b } }\n',
    'racks.yaml:3:34 all.hosts.n.ssh.user: said twice: ansible_user at racks.yaml:3:10 has another value',
  ],
  'ssh beside vars and inside of it': [
    'all:\n  ssh: { user: a }\n  vars: { ssh: { user: b } }\n  hosts: { n: }\n',
    'racks.yaml:3:18 all.vars.ssh.user: said twice, the first is at racks.yaml:2:10',
  ],
  'an unknown group': [
    'all:\n  children:\n    r12: { hosts: { n: } }\n    row: { children: { rl2: } }\n',
    'racks.yaml:4:24 all.children.row.children.rl2: unknown group "rl2", did you mean "r12"?',
  ],
  'an unknown group like no other': [
    'all:\n  hosts: {n: }\n  children:\n    storage:\n',
    'racks.yaml:4:5 all.children.storage: unknown group "storage"; define it, or write "storage: {}" for an empty group',
  ],
  'a loop of groups': [
    'a: { children: { b: }, hosts: {n: } }\nb: { children: { c: } }\nc: { children: { a: } }\n',
    'racks.yaml:3:18 c.children.a: loop of groups: a > b > c > a',
  ],
  'a group in itself': [
    'a: { children: { a: }, hosts: {n: } }\n',
    'racks.yaml:1:18 a.children.a: loop of groups: a > a',
  ],
  'a range that counts down': [
    'all:\n  hosts:\n    node[40:01]:\n',
    'racks.yaml:3:5 all.hosts.node[40:01]: bad range: expected a range that counts up, as [01:40], found [40:01]',
  ],
  'a range with ends of unequal width': [
    'all:\n  hosts:\n    node[01:100]:\n',
    'racks.yaml:3:5 all.hosts.node[01:100]: bad range: expected both ends of the range equally long, found [01:100]',
  ],
  'a range that is too large': [
    'all:\n  hosts:\n    node[1:100001]:\n',
    'racks.yaml:3:5 all.hosts.node[1:100001]: bad range: expected at most 100000 hosts, found 100001 in [1:100001]',
  ],
  'hosts as a list': [
    'all:\n  hosts:\n    - node01\n',
    'racks.yaml:3:5 all.hosts: expected a map of names, each with a colon after it ("node01:"), found a list',
  ],
  'host names without colons': [
    'all:\n  hosts:\n    node01\n    node02\n',
    'racks.yaml:3:5 all.hosts."node01 node02": a host name has letters, digits and _ . - only, found "node01 node02"; put each host on a line of its own, with a colon after it',
  ],
  'a number as host name': [
    'all:\n  hosts:\n    12:\n',
    'racks.yaml:3:5 all.hosts: expected a name as key, found the number 12; quote it: "12"',
  ],
  'no name at all': [
    'all:\n  hosts:\n    ~:\n',
    'racks.yaml:3:5 all.hosts: expected a name as key, found null ~; quote it: "~"',
  ],
  'a host name with an option in it': [
    'all:\n  hosts:\n    -oProxyCommand=x:\n',
    /^racks\.yaml:3:5 all\.hosts\.-oProxyCommand=x: a host name has letters/,
  ],
  'a host name that leaves a folder': [
    'all:\n  hosts:\n    ../etc:\n',
    'racks.yaml:3:5 all.hosts."../etc": a host name has letters, digits and _ . - only, found "../etc"',
  ],
  'a host that is text': [
    'all:\n  hosts:\n    node01: 10.0.0.1\n',
    'racks.yaml:3:13 all.hosts.node01: expected a map of variables, or nothing, found text',
  ],
  'a user that is a number': [
    'all:\n  ssh: { user: 1000 }\n  hosts: {n: }\n',
    'racks.yaml:2:16 all.ssh.user: expected a log-in name as text, without spaces, found a number: 1000',
  ],
  'an ansible user that is a number': [
    'all:\n  vars: { ansible_user: 1000 }\n  hosts: {n: }\n',
    'racks.yaml:2:11 all.vars.ansible_user: expected a log-in name as text, without spaces, found 1000',
  ],
  'a user that is an option': [
    'all:\n  ssh: { user: -lroot }\n  hosts: {n: }\n',
    'racks.yaml:2:16 all.ssh.user: expected a log-in name as text, without spaces, found "-lroot"',
  ],
  'a port out of range': [
    'all:\n  ssh: { port: 70000 }\n  hosts: {n: }\n',
    'racks.yaml:2:16 all.ssh.port: expected a port number from 1 to 65535, found a number: 70000',
  ],
  'a port out of range in a host key': [
    'all:\n  hosts:\n    node01:99999:\n',
    'racks.yaml:3:5 all.hosts.node01:99999: expected a port number from 1 to 65535, found 99999',
  ],
  'an address with a port': [
    'all: { hosts: { n: { ssh: { address: "10.0.0.1:22" } } } }',
    'racks.yaml:1:38 all.hosts.n.ssh.address: expected a host name or an IP address as text, without user and port, found "10.0.0.1:22"',
  ],
  'an address with shell in it': [
    'all: { hosts: { n: { ssh: { address: "$(id)" } } } }',
    /^racks\.yaml:1:38 all\.hosts\.n\.ssh\.address: expected a host name or an IP address/,
  ],
  'a jump host with an option for a user': [
    'all: { hosts: { n: { ssh: { jump: "-oProxyCommand=x@gate" } } } }',
    /^racks\.yaml:1:35 all\.hosts\.n\.ssh\.jump: expected one jump host/,
  ],
  'a password that is a number, without showing it': [
    'all:\n  ssh: { password: 12345 }\n  hosts: {n: }\n',
    'racks.yaml:2:20 all.ssh.password: expected a password as text of one line; quote a number, found a number',
  ],
  'an ansible password that is a number, without showing it': [
    'all:\n  vars: { ansible_become_pass: 12345 }\n  hosts: {n: }\n',
    'racks.yaml:2:11 all.vars.ansible_become_pass: expected a password as text of one line; quote a number, found a number',
  ],
  'an unknown way of elevation': [
    'all:\n  ssh: { elevate: su }\n  hosts: {n: }\n',
    'racks.yaml:2:19 all.ssh.elevate: expected root, sudo or none, found "su"',
  ],
  'two jump hosts': [
    'all:\n  ssh: { jump: "a,b" }\n  hosts: {n: }\n',
    'racks.yaml:2:16 all.ssh.jump: expected one jump host: the name of an inventory host, or [user@]address[:port], found "a,b"',
  ],
  'a jump host that is not in the inventory': [
    'all:\n  hosts: { bastion: , n: { ssh: { jump: bastoin } } }\n',
    'racks.yaml:2:35 all.hosts.n.ssh.jump: jump host "bastoin" is not in the inventory, did you mean "bastion"?',
  ],
  'a jump host that jumps': [
    'all:\n  hosts:\n    a: { ssh: { jump: b.example.com } }\n    n: { ansible_ssh_common_args: -J a }\n',
    'racks.yaml:4:10 all.hosts.n.ansible_ssh_common_args: jump host a is itself reached over b.example.com; one jump host is supported',
  ],
  'a host that is its own jump host': [
    'all:\n  hosts:\n    a: { ssh: { jump: a } }\n',
    'racks.yaml:3:17 all.hosts.a.ssh.jump: host a is its own jump host',
  ],
  'a path with a variable of the environment': [
    'all:\n  ssh: { keyFile: $HOME/.ssh/id }\n  hosts: {n: }\n',
    /^racks\.yaml:2:19 all\.ssh\.keyFile: expected the path of a private key .* not expanded, found "\$HOME/,
  ],
  'a rack that is a map': [
    'all:\n  hosts: {n: }\n  rack: {a: 1}\n',
    /^racks\.yaml:3:9 all\.rack: expected the name of a rack as text .*, found a map$/,
  ],
  'a rack with a separator of patterns': [
    'all:\n  hosts: {n: }\n  rack: "dc1:r12"\n',
    /^racks\.yaml:3:9 all\.rack: expected the name of a rack .*, found "dc1:r12"$/,
  ],
  'a group name with a space': [
    'all:\n  children:\n    "r 12": { hosts: {n: } }\n',
    'racks.yaml:3:5 all.children."r 12": a group name has letters, digits and _ . - + only, found "r 12"',
  ],
  'a group that is a list': [
    'r12: [a]\n',
    'racks.yaml:1:6 r12: expected a map with hosts, children, vars, ssh, rack, found a list',
  ],
  'variables as a list': [
    'all:\n  vars: [a]\n  hosts: {n: }\n',
    'racks.yaml:2:9 all.vars: expected a map of variables, found a list',
  ],
  'a priority that is no number': [
    'r12: { vars: { ansible_group_priority: high }, hosts: {n: } }\n',
    'racks.yaml:1:16 r12.vars.ansible_group_priority: expected a whole number, found "high"',
  ],
  'a playbook': [
    '- hosts: all\n',
    'racks.yaml:1:1: expected a map of groups, as "all:", found a list; is this a playbook?',
  ],
  'an unquoted Jinja expression': [
    'all:\n  vars:\n    a: {{ b }}\n  hosts: {n: }\n',
    'racks.yaml:3:9 all.vars.a: expected text as key; quote a Jinja expression: "{{ … }}"',
  ],
  'an alias to what is around it': [
    'all:\n  vars:\n    a: &a [*a]\n  hosts: {n: }\n',
    /^racks\.yaml:3:\d+ all\.vars\.a\.0.*: nested too deep, probably an alias to itself$/,
  ],
  'a group that is an alias to what is around it': [
    'all: &a\n  children:\n    b: *a\n',
    /loop of groups|nested too deep/,
  ],
  'a name that is not a key of a record': [
    'all:\n  vars: { __proto__: 1 }\n  hosts: {n: }\n',
    /not a usable variable name/,
  ],
  'nothing at all': ['', 'racks.yaml: the inventory has no hosts; write them under all: hosts:'],
  'comments only': ['# nothing\n', 'racks.yaml: the inventory has no hosts; write them under all: hosts:'],
  'groups without hosts': [
    'all:\n  children:\n    r12: {}\n',
    'racks.yaml: the inventory has no hosts; write them under all: hosts:',
  ],
  'an INI inventory with groups': [
    '# racks\n[r12]\nnode01 ansible_host=10.0.0.1\n',
    'racks.yaml: an INI inventory is not read yet; convert it with `ansible-inventory -i racks.yaml --list -y`',
  ],
  'an INI inventory with a group of groups': ['[row:children]\nr12\n', /an INI inventory is not read yet/],
  'an INI inventory with variables only': [
    'node01 ansible_host=10.0.0.1 ansible_port=22\n',
    /an INI inventory is not read yet/,
  ],
  'an INI inventory of bare names': ['node01\nnode02\n', /an INI inventory is not read yet/],
  'a script': [
    '#!/usr/bin/env python3\nprint("{}")\n',
    'racks.yaml: a dynamic inventory script is not run; convert it with `ansible-inventory -i racks.yaml --list -y`',
  ],
  'the output of a script': [
    '{"_meta": {"hostvars": {"n": {}}}, "all": {"hosts": {"n": {}}}}',
    'racks.yaml:1:2 _meta: the output of a dynamic inventory (_meta.hostvars) is not read; convert it with `ansible-inventory -i racks.yaml --list -y`',
  ],
  'the configuration of an inventory plugin': [
    'plugin: amazon.aws.aws_ec2\nregions: [x]\n',
    /^racks\.yaml:1:1 plugin: an inventory plugin is not run; convert it with/,
  ],
  'a file that ansible-vault encrypted': [
    '$ANSIBLE_VAULT;1.1;AES256\n6162\n',
    /^racks\.yaml: is encrypted with ansible-vault/,
  ],
};

describe('a bad inventory', () => {
  it.each(Object.entries(CASES))('%s', async (_title, [text, expected]) => {
    const found = await complaintsOf(text);
    if (typeof expected === 'string') expect(found[0]).toBe(expected);
    else expect(found[0]).toMatch(expected);
  });

  it('shows everything that is wrong in one go, in the order of the files and lines', async () => {
    const files = {
      'a.yaml': 'all:\n  ssh: { prot: 1 }\n  hsots: {}\n  hosts: { n: { ansible_port: 0 } }\n',
      'b.yaml': 'r12:\n\thosts: {}\n',
      'group_vars/all.yaml': 'ansible_connection: docker\n',
    };
    expect(await complaints(files)).toEqual([
      'a.yaml:2:10 all.ssh.prot: unknown key, did you mean "port"?',
      'a.yaml:3:3 all.hsots: unknown key, did you mean "hosts"?',
      'a.yaml:4:17 all.hosts.n.ansible_port: expected a port number from 1 to 65535, found 0',
      'b.yaml:2:1: a tab as indentation; YAML allows spaces only',
      'group_vars/all.yaml:1:1 ansible_connection: "docker" is not supported; vfleet reaches hosts by SSH only: remove it, or leave the host out of this inventory',
    ]);
  });

  it('is one error with a stable code, and its problems are kept for programs', async () => {
    const folder = folderOf({ 'a.yaml': 'all:\n  hsots: {}\n  hosts: { 1: }\n' });
    const error: unknown = await loadInventory(join(folder, 'a.yaml')).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(VfleetError);
    expect(error).toMatchObject({ code: 'inventory.invalid' });
    expect(problemsOf(error)).toEqual([
      {
        code: 'inventory.unknown-key',
        place: { file: join(folder, 'a.yaml'), line: 2, column: 3 },
        path: 'all.hsots',
        message: 'unknown key, did you mean "hosts"?',
      },
      {
        code: 'inventory.key',
        place: { file: join(folder, 'a.yaml'), line: 3, column: 12 },
        path: 'all.hosts',
        message: 'expected a name as key, found the number 1; quote it: "1"',
      },
    ]);
    expect(problemsOf(new Error('another'))).toEqual([]);
  });

  it('a value that is wrong for many hosts is said once', async () => {
    expect(await complaintsOf('all:\n  vars: { ansible_user: "{{ x }}" }\n  hosts: { "n[1:50]": }\n')).toHaveLength(1);
  });
});

describe('a file that cannot be read', () => {
  it('is missing, with the file that was probably meant', async () => {
    expect(await complaints({ 'racks.yaml': '' }, 'rack.yaml')).toEqual([
      'rack.yaml: the inventory cannot be read: no such file or folder, did you mean "racks.yaml"?',
    ]);
    expect(await complaints({}, 'none/x.yaml')).toEqual([
      'none/x.yaml: the inventory cannot be read: no such file or folder; the folder none is missing or empty too',
    ]);
    expect(await complaints({ 'a.yaml': '' }, 'node01,node02')).toEqual([
      'node01,node02: the inventory cannot be read: no such file or folder; a list of hosts is not an inventory: write them in a YAML file',
    ]);
  });

  it('is not text', async () => {
    expect(await complaints({ 'a.yaml': Buffer.from([0x61, 0x6c, 0xff, 0xfe]) }, 'a.yaml')).toEqual([
      'a.yaml: is not a text file in UTF-8',
    ]);
    expect(await complaints({ 'a.yaml': Buffer.from('\uFEFFall:\n', 'utf16le') }, 'a.yaml')).toEqual([
      'a.yaml: is not a text file in UTF-8',
    ]);
  });

  it.skipIf(process.getuid?.() === 0)('is not readable', async () => {
    const folder = folderOf({ 'a.yaml': 'all: { hosts: { n: } }' });
    chmodSync(join(folder, 'a.yaml'), 0o000);
    await expect(loadInventory(folder)).rejects.toThrow(/a\.yaml: cannot be read: permission denied; make it readable/);
  });

  it('is a link to itself, or to nothing', async () => {
    const folder = folderOf({ 'a.yaml': 'all: { hosts: { n: } }' });
    symlinkSync('loop.yaml', join(folder, 'loop.yaml'));
    symlinkSync('gone.yaml', join(folder, 'link.yaml'));
    const error: unknown = await loadInventory(folder).catch((thrown: unknown) => thrown);
    expect(problemsOf(error).map(({ message }) => message)).toEqual([
      'cannot be read: no such file or folder',
      'cannot be read: a loop of symbolic links',
    ]);
  });

  it('is a folder where a file is expected', async () => {
    expect(await complaints({ 'x.yaml': 'all: { hosts: { n: } }', 'host_vars/n.yml/a.yml': 'a: [' })).toEqual([
      expect.stringMatching(/^host_vars\/n\.yml\/a\.yml:\d+:\d+: YAML: /),
    ]);
  });

  it('is of another kind, in a folder', async () => {
    const inventory = 'all: { hosts: { n: } }';
    expect(await complaints({ 'a.yaml': inventory, 'b.py': 'print()' })).toEqual([
      'b.py: is not a YAML inventory (.yml, .yaml, .json); move it out of the inventory folder',
    ]);
    expect(await complaints({ 'a.yaml': inventory, hosts: '[r12]\nn\n' })).toEqual([
      expect.stringMatching(
        /^hosts: an INI inventory is not read yet; convert it with `ansible-inventory -i .*hosts --list -y`$/,
      ),
    ]);
    expect(await complaints({ 'hosts.ini': '' }, 'hosts.ini')).toEqual([
      expect.stringMatching(/an INI inventory is not read yet/),
    ]);
    expect(await complaints({ 'hosts.toml': 'a = 1' }, 'hosts.toml')).toEqual([
      expect.stringMatching(/a TOML inventory is not read/),
    ]);
  });
});
