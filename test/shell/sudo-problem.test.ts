import { describe, expect, it } from 'vitest';
import { secondPrompt, sudoProblem } from '../../src/shell/sudo-problem.ts';

/** Messages as in the sources of sudo and Linux-PAM that `sudo-problem.ts` names, and as log-in shells print them. */
const messages: readonly (readonly [string, string])[] = [
  ['missing', 'bash: line 1: sudo: command not found'],
  ['missing', 'sh: 1: sudo: not found'],
  ['missing', 'sudo: Command not found.'],
  ['missing', 'fish: Unknown command: sudo'],
  ['missing', 'env: ‘sudo’: No such file or directory'],
  ['missing', "env: 'sudo': No such file or directory"],
  ['missing', "env: can't execute 'sudo': No such file or directory"],
  ['password-required', 'sudo: a password is required'],
  ['password-required', 'sudo: sorry, a password is required to run sudo'],
  ['password-required', 'sudo: interactive authentication is required'],
  ['password-required', 'sudo: no tty present and no askpass program specified'],
  ['password-wrong', 'Sorry, try again.\nvfleet: \nsudo: no password was provided\nsudo: 1 incorrect password attempt'],
  ['password-wrong', 'sudo: 3 incorrect password attempts'],
  ['expired', 'sudo: Account or password is expired, reset your password and try again'],
  ['expired', 'sudo: Password expired, contact your system administrator'],
  ['expired', 'sudo: account validation failure, is your account locked?'],
  ['expired', 'You are required to change your password immediately (administrator enforced).'],
  ['expired', 'Your account has expired; please contact your system administrator.'],
  ['refused', 'op is not in the sudoers file.  This incident will be reported.'],
  ['refused', "Sorry, user op is not allowed to execute '/bin/sh -c id' as root on node01."],
  ['refused', 'Sorry, user op may not run sudo on node01.'],
  ['refused', 'sudo: sorry, you must have a tty to run sudo'],
  ['refused', 'sudo: /etc/sudoers is world writable\nsudo: no valid sudoers sources found, quitting'],
  ['refused', 'sudo: The "no new privileges" flag is set, which prevents sudo from running as root.'],
];

describe('sudoProblem', () => {
  it.each(messages)('%s: %s', (kind, message) => {
    expect(sudoProblem(`Welcome to node01\n${message}\n`)?.kind).toBe(kind);
  });

  it('is nothing where sudo has said nothing', () => {
    expect(sudoProblem('This account is currently not available.')).toBeNull();
    expect(sudoProblem('')).toBeNull();
  });
});

describe('secondPrompt', () => {
  it('asks for the password again, or for a new one', () => {
    expect(secondPrompt('Sorry, try again.').kind).toBe('password-wrong');
    expect(secondPrompt('').kind).toBe('password-wrong');
    expect(secondPrompt('sudo: Account or password is expired, reset your password and try again').kind).toBe(
      'expired',
    );
  });
});
