import { expect, test } from 'vitest';
import { stateOfError } from '../../src/host/state.ts';

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
