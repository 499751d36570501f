/** Why sudo did not start the shell. The kinds are the ends of error codes: `sudo.refused`. */
export interface SudoProblem {
  readonly kind: 'missing' | 'password-required' | 'password-wrong' | 'expired' | 'refused';
  /** What sudo should have done. */
  readonly expected: string;
  readonly next: string;
}

const missing: SudoProblem = {
  kind: 'missing',
  expected: 'sudo on the PATH',
  next: 'install sudo on the host, or log in as root and set ssh.elevate to root',
};

const passwordRequired: SudoProblem = {
  kind: 'password-required',
  expected: 'sudo without a password',
  next: 'give the password (ssh.elevatePassword or ansible_become_password), or allow NOPASSWD for this user',
};

const passwordWrong: SudoProblem = {
  kind: 'password-wrong',
  expected: "the user's password for sudo",
  next: 'correct ssh.elevatePassword; it was tried once and is not tried again in this run',
};

const expired: SudoProblem = {
  kind: 'expired',
  expected: 'an account and a password that are valid',
  next: 'log in by hand and change the password, or have the account extended (chage -l USER shows which)',
};

const notAllowed: SudoProblem = {
  kind: 'refused',
  expected: 'a sudo rule that lets this user run /bin/sh as root',
  next: 'check `sudo -l` on the host',
};

const needsTerminal: SudoProblem = {
  kind: 'refused',
  expected: 'sudo without a terminal',
  next: 'remove `Defaults requiretty` for this user from sudoers on the host',
};

const broken: SudoProblem = {
  kind: 'refused',
  expected: 'a sudo that works',
  next: 'run `sudo true` on the host by hand and repair what it says',
};

/**
 * Messages of sudo under `LC_ALL=C`, the first that matches counts. Source: plugins/sudoers (check.c, sudoers.c,
 * logging.c, auth/pam.c, auth/sudo_auth.c) and src (sudo.c, tgetpass.c) of sudo 1.8.6 to 1.9.16; sudo-rs src/common/error.rs;
 * pam_unix messages of Linux-PAM.
 */
const messages: readonly (readonly [RegExp, SudoProblem])[] = [
  [/must have a tty to run sudo/, needsTerminal],
  [/(?:password|account).* (?:has |is )?expired|required to change your password|account validation failure/i, expired],
  [/you are not permitted to change|your account has expired/i, expired],
  [/not in the sudoers file|not allowed to (?:run sudo|execute)|may not run sudo|I'm sorry .*I'm afraid/i, notAllowed],
  [/[Ss]orry, try again|incorrect (?:password|authentication) attempt|Authentication failed, try again/, passwordWrong],
  [/password is required|interactive authentication is required/, passwordRequired],
  [/terminal is required|no tty present|no password was provided/, passwordRequired],
  [/sudo['"’]?: (?:command )?not found|Command not found|Unknown command:? .?sudo|sudo['"’]?: No such file/i, missing],
  [/^sudo: /m, broken],
];

/** Recognises sudo's own message in what came before the shell; `null`: sudo has said nothing. Pure. */
export function sudoProblem(stderr: string): SudoProblem | null {
  return messages.find(([pattern]) => pattern.test(stderr))?.[1] ?? null;
}

/** sudo has asked a second time: for the same password, or for a new one. */
export function secondPrompt(stderr: string): SudoProblem {
  const problem = sudoProblem(stderr);
  return problem?.kind === 'expired' ? problem : passwordWrong;
}
