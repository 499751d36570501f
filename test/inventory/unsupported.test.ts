import { describe, expect, it } from 'vitest';
import { isUnsupported, requireSupported, varsFor } from '../../src/inventory/unsupported.ts';
import { complaintsOf, hostNamed, loadText, thrownBy } from './support.ts';

const TEXT = `all:
  hosts:
    n:
      plain: 1
      jinja: "{{ other }}"
      nested: { list: [1, "a {% if x %}"] }
      secret: !vault |
        $ANSIBLE_VAULT;1.1;AES256
        6162
      literal: !unsafe "{{ as it is }}"
`;

describe('values that only Ansible can compute', () => {
  it('are carried along as markers, and are no error until they are needed', async () => {
    const { vars } = hostNamed(await loadText(TEXT), 'n');
    expect(vars['jinja']).toMatchObject({ kind: 'jinja', text: '{{ other }}' });
    expect(isUnsupported(vars['secret'])).toBe(true);
    expect(JSON.stringify(vars['secret'])).not.toContain('6162');
    expect(vars['literal']).toBe('{{ as it is }}');
  });

  it('are an error in a variable that a playbook declares, naming host, variable and position', async () => {
    const host = hostNamed(await loadText(TEXT), 'n');
    expect(varsFor(host, ['plain', 'literal', 'missing'])).toEqual({ plain: 1, literal: '{{ as it is }}' });
    const jinja = thrownBy(() => varsFor(host, ['plain', 'jinja']));
    expect(jinja.code).toBe('inventory.unsupported-value');
    expect(jinja.message).toMatch(
      /^n: variable jinja \(.*racks\.yaml:5:14\): expected a plain value, found the Jinja expression "\{\{ other \}\}"; next: write/,
    );
    expect(thrownBy(() => requireSupported(host, 'secret')).message).toMatch(
      /^n: variable secret \(.*racks\.yaml:7:22\): .*encrypted with ansible-vault.*next: give the value with -e @FILE/,
    );
    expect(thrownBy(() => requireSupported(host, 'nested')).message).toContain('racks.yaml:6:27');
    requireSupported(host, 'missing');
  });

  it('are an error in rack and ssh settings', async () => {
    expect(await complaintsOf('all:\n  ssh: { user: "{{ u }}" }\n  hosts: { n: }\n')).toEqual([
      'racks.yaml:2:10 all.ssh.user: needed, but it is the Jinja expression "{{ u }}"; write the value itself (or tag it !unsafe when the braces are meant literally)',
    ]);
    expect(await complaintsOf('all:\n  vars: { rack: "{{ r }}" }\n  hosts: { n: }\n')).toEqual([
      expect.stringMatching(/^racks\.yaml:2:11 all\.vars\.rack: needed, but it is the Jinja expression/),
    ]);
    expect(await complaintsOf('all:\n  vars: { ansible_connection: "{{ c }}" }\n  hosts: { n: }\n')).toEqual([
      expect.stringMatching(/^racks\.yaml:2:11 all\.vars\.ansible_connection: the Jinja expression/),
    ]);
    const vault =
      'all:\n  vars:\n    ansible_become_pass: !vault |\n      $ANSIBLE_VAULT;1.1;AES256\n  hosts: { n: }\n';
    expect(await complaintsOf(vault)).toEqual([
      expect.stringMatching(/^racks\.yaml:3:5 all\.vars\.ansible_become_pass: needed, but it is a value encrypted/),
    ]);
  });

  it('are no error in a setting that another value overrides', async () => {
    const inventory = await loadText('all:\n  ssh: { user: "{{ u }}" }\n  hosts: { n: { ssh: { user: root } } }\n');
    expect(hostNamed(inventory, 'n').ssh.user).toBe('root');
  });
});
