import { describe, expect, it } from 'vitest';
import { hostConf } from '../../src/resources/host-conf.ts';
import type { YamlValue } from '../../src/resources/yaml-keys.ts';
import { factsOf } from '../boot/facts.ts';
import { applied, edited, type Host, hostOf, textsOf, undone, undoPlan } from './model.ts';

const path = '/etc/yunion/host.conf';
const facts = factsOf({});
const text = 'hostname: gpu01\nserver:\n  - em2   # the first\n  - em3\ndisable_usb: true\n';
const start = hostOf({ [path]: text });

function set(host: Host, playbook: string, values: Readonly<Record<string, YamlValue>>): Host {
  return applied(host, facts, playbook, [hostConf(values)]);
}

function confOf(host: Host): string | undefined {
  return textsOf(host)[path];
}

describe('a value that a playbook has replaced', () => {
  const both = set(set(start, 'USB', { disable_usb: false }), 'SR-IOV', { server: ['em2', 'em1'] });

  it('comes back with its undo while others own keys of the file, whoever is undone first', () => {
    const left = undone(both, facts, 'SR-IOV');
    expect(confOf(left)).toBe(text.replace('true', 'false'));
    expect(confOf(undone(left, facts, 'USB'))).toBe(text);
    const other = undone(both, facts, 'USB');
    expect(confOf(other)).toBe('hostname: gpu01\nserver: [em2, em1]\ndisable_usb: true\n');
    expect(confOf(undone(other, facts, 'SR-IOV'))).toBe(text);
  });

  it('comes back where somebody has changed the file elsewhere, and the plan says so', () => {
    const touched = edited(both, path, `${confOf(both)}# by hand\n`);
    expect(undoPlan(touched, facts, 'SR-IOV').changes[0]?.summary).toContain('put back');
    const left = undone(undone(touched, facts, 'SR-IOV'), facts, 'USB');
    expect(confOf(left)).toBe(`${text}# by hand\n`);
    expect(left.record.formerLines ?? {}).toEqual({});
  });

  it('is the one before the first of a playbook that sets another, and none where there was none', () => {
    const newer = set(set(both, 'SR-IOV', { server: ['em4'], nics: ['a'] }), 'SR-IOV', {
      server: ['em5'],
      nics: ['b'],
    });
    expect(confOf(undone(newer, facts, 'SR-IOV'))).toBe(text.replace('true', 'false'));
  });

  it('is the other playbook’s where two set one key, and the operator’s once both are undone', () => {
    const twice = set(both, 'Mine', { server: ['em9'] });
    expect(confOf(undone(twice, facts, 'Mine'))).toBe(confOf(both));
    const left = undone(undone(twice, facts, 'SR-IOV'), facts, 'Mine');
    expect(confOf(left)).toBe(text.replace('true', 'false'));
  });

  it('stays away where somebody has set the key since', () => {
    const mine = (confOf(both) ?? '').replace('[em2, em1]', '[em7]');
    expect(confOf(undone(edited(both, path, mine), facts, 'SR-IOV'))).toBe(mine);
  });

  it('comes back also where the power was lost between the record and the file', () => {
    const before = set(start, 'USB', { disable_usb: false });
    const cut = applied(before, facts, 'SR-IOV', [hostConf({ server: ['em1'] })], 0);
    const host = set(cut, 'SR-IOV', { server: ['em1'] });
    expect(confOf(undone(host, facts, 'SR-IOV'))).toBe(confOf(before));
    const again = applied(host, facts, 'SR-IOV', [hostConf({ server: ['em4'] })], 0);
    expect(confOf(undone(set(again, 'SR-IOV', { server: ['em4'] }), facts, 'SR-IOV'))).toBe(confOf(before));
    expect(confOf(undone(again, facts, 'SR-IOV'))).toBe(confOf(before));
  });
});
