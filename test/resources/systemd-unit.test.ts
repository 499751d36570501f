import { describe, expect, it } from 'vitest';
import type { Change } from '../../src/resources/resource.ts';
import { systemdUnit } from '../../src/resources/systemd-unit.ts';
import { factsOf } from '../boot/facts.ts';
import { stateOf } from '../boot/files.ts';

const context = { host: 'node01', facts: factsOf({}), ownedArguments: {} };
const text = '[Service]\nType=oneshot\nExecStart=/bin/true\n';
const unit = '/etc/systemd/system/tune.service';
const wants = '/etc/systemd/system/multi-user.target.d/50-tune.conf';
const resource = systemdUnit('tune.service', text, { wantedBy: 'multi-user.target' });

function change(files: Readonly<Record<string, string>>): Change | null {
  return resource.change(stateOf(files), context);
}

describe('a unit', () => {
  it('is a file and a drop-in of the target that starts it, with no link', () => {
    const made = change({});
    expect(resource.read(context.facts).files).toEqual([unit, wants]);
    expect(made?.actions).toEqual([
      { kind: 'write', path: unit, text, mode: '0644', owner: 'root:root' },
      {
        kind: 'write',
        path: wants,
        text: '# Written by vfleet: starts tune.service at boot.\n[Unit]\nWants=tune.service\n',
        mode: '0644',
        owner: 'root:root',
      },
    ]);
    expect(made?.effects).toEqual([{ kind: 'service', reason: 'tune.service changes', unit: 'tune.service' }]);
    expect(made?.diffs).toHaveLength(2);
  });

  it('has nothing to do where both stand there, and only the one that differs is written', () => {
    const [, drop] = change({})?.actions ?? [];
    const there = { [unit]: text, [wants]: drop?.kind === 'write' ? drop.text : '' };
    expect(change(there)).toBeNull();
    expect(change({ ...there, [unit]: `${text}#` })?.actions).toMatchObject([{ path: unit }]);
  });

  it('is shared with another playbook that has written the same', () => {
    const [, drop] = change({})?.actions ?? [];
    const files = { [unit]: text, [wants]: drop?.kind === 'write' ? drop.text : '' };
    const theirs = { playbooks: ['other'], whole: true, made: true };
    const shared = {
      tokens: {},
      lines: {},
      files: new Map([
        [unit, theirs],
        [wants, theirs],
      ]),
      mine: { tokens: {}, lines: {} },
    };
    expect(resource.change(stateOf(files), { ...context, shared })).toMatchObject({
      actions: [],
      effects: [],
      shares: [unit, wants],
    });
  });
});

it.each([
  ['a path', 'a/b.service', 'multi-user.target'],
  ['a name of no kind', 'tune', 'multi-user.target'],
  ['a target that is none', 'tune.service', 'multi-user'],
])('refuses %s', (_why, name, wantedBy) => {
  expect(() => systemdUnit(name, text, { wantedBy })).toThrow(expect.objectContaining({ code: 'unit.invalid' }));
});
