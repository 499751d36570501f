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

describe('a value that two playbooks wish for', () => {
  const off = { disable_usb: false };
  const one = set(start, 'USB', off);
  const both = set(one, 'Other', { ...off, server: ['em2'] });
  const changed = text.replace('true', 'false');

  it('is owned by both from then on, which the plan says; a third run has nothing to say', () => {
    const joined = set(one, 'Other', off);
    expect(joined.record.lines).toMatchObject({
      USB: { [path]: ['disable_usb: false'] },
      Other: { [path]: ['disable_usb: false'] },
    });
    expect(confOf(joined)).toBe(confOf(one));
    expect(set(joined, 'Other', off)).toBe(joined);
    expect(set(joined, 'USB', off)).toBe(joined);
  });

  it.each([
    ['USB', 'Other'],
    ['Other', 'USB'],
  ])('stays when %s is undone, and what stood there before comes back with %s', (first, second) => {
    const joined = set(one, 'Other', off);
    const left = undone(joined, facts, first);
    expect(confOf(left)).toBe(changed);
    expect(confOf(undone(left, facts, second))).toBe(text);
    // Also where the file cannot be restored as a whole.
    const touched = edited(joined, path, `${changed}# by hand\n`);
    const last = undone(undone(touched, facts, first), facts, second);
    expect(confOf(last)).toBe(`${text}# by hand\n`);
    expect(last.record.formerLines ?? {}).toEqual({});
  });

  it('stays with the one when the other, which has more keys, is undone or wishes for it no more', () => {
    expect(confOf(undone(both, facts, 'Other'))).toBe(changed);
    expect(confOf(undone(both, facts, 'USB'))).toBe(confOf(both));
    const fewer = set(both, 'Other', { server: ['em2'] });
    expect(fewer.record.lines['Other']).toEqual({ [path]: ['server: [em2]'] });
    expect(confOf(undone(fewer, facts, 'USB'))).toBe(text.replace(/server:\n.*\n.*\n/, 'server: [em2]\n'));
  });

  it('is not taken over from the operator who has set it', () => {
    const theirs = hostOf({ [path]: changed });
    expect(set(theirs, 'USB', off)).toBe(theirs);
  });
});

it('the diff of an undo shows no secret, be the file restored or only lines of it', () => {
  const secret = hostOf({ [path]: `disable_usb: true\nadmin_password: geheim\nother: 1\n` });
  const both = set(set(secret, 'USB', { disable_usb: false }), 'Mine', { other: 2 });
  const touched = edited(set(secret, 'USB', { disable_usb: false }), path, 'admin_password: neu\ndisable_usb: false\n');
  for (const host of [set(secret, 'USB', { disable_usb: false }), both, touched]) {
    const [change] = undoPlan(host, facts, 'USB').changes;
    expect(change?.diffs.join()).toContain('-disable_usb: false');
    expect(change?.diffs.join()).toContain('admin_password: ***');
    expect(JSON.stringify([change?.diffs, change?.summary, change?.notes])).not.toMatch(/geheim|neu/);
  }
});
