import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { Facts } from '../../src/facts/facts.ts';
import { hostConf } from '../../src/resources/host-conf.ts';
import type { Change, FileState } from '../../src/resources/resource.ts';
import { setYamlKeys, type YamlValue } from '../../src/resources/yaml-keys.ts';
import { stateOf } from '../boot/files.ts';
import { detail, host, net, pci } from '../devices/facts.ts';

const path = '/etc/yunion/host.conf';
const before = `# the node
hostname: gpu01   # as in DNS
networks:
- eth0/br0/10.0.0.5
"hugepages_option": 'transparent'
disable_usb: true
sriov_nics:
  - eth1   # the first
  - eth2
admin_password: geheim
`;

type Values = Readonly<Record<string, YamlValue>>;

const nic = '0000:3b:00.0';
const facts = host([pci(`${nic} 020000 8086:1572 i40e 9`), pci('0000:02:00.0 020000 14e4:165f tg3 3')], {
  pci: { [nic]: detail({ sriov: { total: 64, active: 0, autoprobe: true } }) },
  net: [...['eth1', 'eth2', 'eth4'].map((name) => net(name, { pci: nic })), net('eth0', { pci: '0000:02:00.0' })],
});

function change(values: Values, text: string | FileState = before, known: Facts = facts): Change | null {
  const context = { host: 'node01', facts: known, ownedArguments: {} };
  return hostConf(values).change(stateOf({ [path]: text }), context);
}

function edited(values: Values, text = before): string {
  const edit = setYamlKeys(text, values);
  if ('problem' in edit) throw new Error(edit.problem);
  return edit.text;
}

describe('keys of host.conf', () => {
  it('are set in place, and all else stays byte for byte', () => {
    expect(edited({ disable_usb: false })).toBe(before.replace('disable_usb: true', 'disable_usb: false'));
    expect(edited({ hugepages_option: 'native' })).toBe(before.replace("'transparent'", 'native'));
    expect(edited({ hostname: 'gpu02' })).toBe(before.replace('gpu01 ', 'gpu02 '));
    expect(edited({ sriov_nics: ['eth3'] })).toBe(before.replace(/sriov_nics:\n.*\n.*\n/, 'sriov_nics: [eth3]\n'));
  });

  it('that are missing come at the end', () => {
    expect(edited({ disable_gpu: false })).toBe(`${before}disable_gpu: false\n`);
    expect(edited({ a: 'x' }, 'b: 1')).toBe('b: 1\na: x\n');
    expect(edited({ a: 'x' }, '')).toBe('a: x\n');
    expect(edited({ a: 'x' }, '# nothing yet\n')).toBe('# nothing yet\na: x\n');
    expect(edited({ a: 'x' }, '---\nb: 1\n...\n')).toBe('---\nb: 1\na: x\n...\n');
    expect(edited({ a: 'x' }, 'a:\nb: 1\n')).toBe('a: x\nb: 1\n');
  });

  it('that are as wished change nothing', () => {
    expect(change({ disable_usb: true, sriov_nics: ['eth1', 'eth2'], hugepages_option: 'transparent' })).toBeNull();
  });

  it('are texts also where they look like something else', () => {
    for (const value of ['true', '0x10', '1.5', 'null', 'a: b', '#x', '', '04:00.0', 'off']) {
      expect(parse(edited({ key: value }))).toMatchObject({ key: value });
    }
  });

  it('never change what another key has', () => {
    const value = fc.oneof(
      fc.string({ unit: 'grapheme-ascii' }),
      fc.boolean(),
      fc.integer(),
      fc.array(fc.string({ unit: 'grapheme-ascii' })),
    );
    const key = fc.constantFrom('hostname', 'networks', 'disable_usb', 'sriov_nics', 'new');
    fc.assert(
      fc.property(fc.dictionary(key, value), (values) => {
        expect(parse(edited(values))).toEqual({ ...parse(before), ...values });
      }),
    );
  });
});

it('the lines that are ours are told, so that an undo takes them out, and secrets are not shown', () => {
  const made = change({ disable_usb: false, disable_gpu: false, sriov_nics: ['eth1'] });
  expect(made?.ownedLines).toEqual({ [path]: ['disable_usb: false', 'sriov_nics: [eth1]', 'disable_gpu: false'] });
  expect(made?.owns).toBe('parts');
  expect(made?.diffs.join()).toContain('admin_password: ***');
  expect(made?.diffs.join()).not.toContain('geheim');
  expect(made?.actions).toMatchObject([{ text: expect.stringContaining('admin_password: geheim') }]);
  expect(made?.notes.join()).toContain('rollout restart');
});

it.each([
  ['no file', { kind: 'absent' } as const, /found nothing; next: say consumer: plain/],
  ['broken YAML', 'a: [\n', /cannot|expected YAML/],
  ['a list', '- a\n', /no mapping/],
  ['a mapping in one line', '{ a: 1 }\n', /cannot be set in place/],
  ['a value that another refers to', 'disable_usb: &x true\nother: *x\n', /&x.*\*x/],
  ['a reference to nothing', 'disable_usb: true\nother: *x\n', /x/],
  ['a key twice', 'disable_usb: true\ndisable_usb: true\n', /unique/],
])('%s is refused', (_why, text, message) => {
  expect(() => change({ disable_usb: false }, text)).toThrow(message);
});

it('a value of two lines is a mistake of the playbook', () => {
  expect(() => hostConf({ a: 'b\nc: d' })).toThrow(expect.objectContaining({ code: 'host-conf.invalid' }));
});

it('an anchor that nothing refers to goes with its value, and those of others stay', () => {
  expect(edited({ a: 'w' }, 'a: &x [1, 2]\nb: &z 3\nc: *z\n')).toBe('a: w\nb: &z 3\nc: *z\n');
});

it('comments that go with a list are told, and those that stay are not', () => {
  const text = 'sriov_nics: # of racks\n  - eth1   # the first\n  # not eth3\n  - eth2 # spare\n';
  const made = change({ sriov_nics: ['eth4'] }, text);
  expect(made?.actions).toMatchObject([{ text: 'sriov_nics: [eth4]\n' }]);
  const note = made?.notes.find((one) => one.includes('comment'));
  for (const comment of ['sriov_nics', '# of racks', '# the first', '# not eth3', '# spare'])
    expect(note).toContain(comment);
  const kept = change({ sriov_nics: ['eth4'] }, 'sriov_nics: [eth1] # of racks\n');
  expect(kept?.actions).toMatchObject([{ text: 'sriov_nics: [eth4] # of racks\n' }]);
  expect(kept?.notes.join()).not.toContain('comment');
});

it.each([
  ['sriov_nics', ['eth1', 'eth9'], facts, 'device.sriov', /no NIC eth9/],
  ['sriov_nics', ['eth0'], facts, 'device.sriov', /0000:02:00\.0 \(eth0\) has no virtual functions/],
  ['ovs_offload_nics', ['eth9'], facts, 'device.sriov', /no NIC eth9/],
  ['sriov_nics', ['eth1'], { ...facts, hardware: null }, 'device.unknown', /not read/],
])('%s of %j are refused where the agent could not take them', (key, names, known, code, message) => {
  const refused = expect.objectContaining({ code, message: expect.stringMatching(message) });
  expect(() => change({ [key]: names }, before, known)).toThrow(refused);
});
