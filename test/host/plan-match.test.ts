import { describe, expect, it } from 'vitest';
import { afterOf } from '../../src/host/after.ts';
import {
  type Found,
  hasRebooted,
  isInPlace,
  matchChanges,
  matchFacts,
  matchMachine,
  refusePart,
} from '../../src/host/plan-match.ts';
import { emptyRecord } from '../../src/host/record.ts';
import { fingerprintOf } from '../../src/resources/fingerprint.ts';
import { factsOf } from '../boot/facts.ts';
import { change, plan, reboot } from '../report/sample.ts';

const motd = change({
  resource: 'file /etc/motd',
  step: 0,
  after: afterOf([{ kind: 'write', path: '/etc/motd', text: 'Hello\n', mode: '0644', owner: 'root:root' }]),
});
const issue = change({
  resource: 'file /etc/issue',
  step: 1,
  after: afterOf([{ kind: 'remove', path: '/etc/issue' }]),
});
const expected = plan('n0', { changes: [motd, issue], effects: [reboot] });

/** A host with that /etc/motd, and no /etc/issue. */
function found(text: string, mode = '-rw-r--r--'): Found {
  const print = fingerprintOf({ kind: 'file', mode, owner: 'root', group: 'root' }, Buffer.from(text));
  const files = new Map([
    ['/etc/motd', print],
    ['/etc/issue', 'absent'],
  ]);
  return { changes: [], record: emptyRecord, found: { seen: { files, globs: new Map() } } };
}

describe('a plan that was applied', () => {
  it('is recognised by what is on the host, byte for byte', () => {
    expect([0, 1, 2].map((step) => isInPlace(expected, step, found('Hello\n')))).toEqual([true, true, true]);
    expect(isInPlace(expected, 0, found('Hello'))).toBe(false);
    expect(isInPlace(expected, 0, found('Hello\n', '-rw-------'))).toBe(false);
  });

  it('is not done while something is due, or to do, or where it does not say what it makes', () => {
    expect(isInPlace(expected, 0, { ...found('Hello\n'), record: { ...emptyRecord, pending: [reboot] } })).toBe(false);
    expect(isInPlace(expected, 0, { ...found('Hello\n'), changes: [motd] })).toBe(false);
    const older = plan('n0', { changes: [{ ...motd, after: undefined }] });
    expect(isInPlace(older, 0, found('Hello\n'))).toBe(false);
    expect(isInPlace(plan('n0'), 0, found('Hello\n'))).toBe(false);
  });

  it('in part is refused by name', () => {
    expect(() => refusePart(expected, 1)).toThrow(/file \/etc\/motd differs from the plan.*but not file \/etc\/issue/);
    expect(() => refusePart(expected, 2)).not.toThrow();
    expect(() => matchChanges(expected, 0, [], false)).toThrow(/file \/etc\/motd differs.*found nothing to do/);
  });
});

describe("a plan's own reboot, cut off before it was proved,", () => {
  const cut = (parts: Partial<Found['record']> = {}, text = 'Hello\n'): Found => {
    const there = found(text);
    return { ...there, record: { ...there.record, pending: [reboot], stamp: 'b1', ...parts } };
  };

  it('is known by the stamp, by what is due, and by what is in place', () => {
    expect(hasRebooted(expected, 0, cut(), 'b2')).toBe(true);
    expect(hasRebooted(expected, 0, cut(), 'b1')).toBe(false);
    expect(hasRebooted(expected, 0, cut({ stamp: null }), 'b2')).toBe(false);
    expect(hasRebooted(expected, 0, cut({}, 'Hello'), 'b2')).toBe(false);
    expect(hasRebooted(expected, 0, { ...cut(), changes: [motd] }, 'b2')).toBe(false);
  });

  it("is not another plan's", () => {
    const other = { ...reboot, present: ['nomodeset'] };
    expect(hasRebooted(expected, 0, cut({ pending: [other] }), 'b2')).toBe(false);
    expect(hasRebooted(expected, 0, cut({ pending: [] }), 'b2')).toBe(false);
  });
});

describe('the machine that was planned for', () => {
  const facts = factsOf({});
  const other = { ...facts, identity: { ...facts.identity, machineId: 'another' } };
  const unknown = { ...facts, identity: { ...facts.identity, machineId: null } };
  const { machineId } = facts.identity;

  it('is known by its id', () => {
    expect(() => matchMachine(plan('n0', { machineId }), facts)).not.toThrow();
    expect(() => matchMachine(plan('n0', { machineId }), other)).toThrow(/machine-id differs from the plan.*another/);
  });

  it('is not known without one: two unknown machines are not the same', () => {
    expect(() => matchMachine(plan('n0', { machineId: null }), unknown)).toThrow(/no id when it was planned/);
    expect(() => matchMachine(plan('n0', { machineId }), unknown)).toThrow(/expected the id.*found none.*next: give/);
  });

  it('has the facts that the playbook read', () => {
    const read = (hostname: string) => plan('n0', { machineId, factsRead: { 'identity.hostname': hostname } });
    expect(() => matchFacts(read(facts.identity.hostname), facts)).not.toThrow();
    expect(() => matchFacts(read('other'), facts)).toThrow(/fact identity\.hostname differs from the plan/);
  });
});
