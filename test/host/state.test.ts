import { expect, test } from 'vitest';
import { mayBeDown, stateOfError } from '../../src/host/state.ts';

test.each(['device.none', 'device.count', 'device.other', 'device.unknown', 'device.ssh-path', 'device.in-use'])(
  '%s refuses a host, whether it was begun or not',
  (code) => {
    expect([stateOfError(code, false), stateOfError(code, true)]).toEqual(['refused', 'refused']);
  },
);

test.each(['ensure.path', 'ensure.name', 'virtual-functions.invalid'])(
  '%s: two wishes for one thing refuse it',
  (code) => {
    expect([stateOfError(code, false), stateOfError(code, true)]).toEqual(['refused', 'refused']);
  },
);

test('what is none of our own scruples fails it', () => {
  expect(stateOfError('resource.write', true)).toBe('failed');
  expect(stateOfError('bug', false)).toBe('failed');
});

test('a gate refuses a host, and fails one that this run has changed: it came out of that so', () => {
  expect(stateOfError('gate.closed', false)).toBe('refused');
  expect(stateOfError('gate.closed', false, true)).toBe('failed');
  expect(stateOfError('device.in-use', false, true)).toBe('refused');
});

test.each([
  ['ssh.lost', true],
  ['shell.timeout', true],
  ['shell.no-start', true],
  ['sudo.expired', true],
  ['reboot.not-started', true],
  ['verify.failed', false],
  ['settle.job-failed', false],
])('after %s a host may be down: %s', (code, is) => {
  expect(mayBeDown(code)).toBe(is);
});
