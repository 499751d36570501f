import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { quote } from '../../src/shell/quote.ts';

/** How the stand-in behaves, as sudo is set up on a host. */
export type SudoMode =
  | 'nopasswd'
  | 'password'
  | 'expired'
  | 'refused'
  | 'requiretty'
  | 'lecture'
  | 'odd-prompt'
  | 'slow'
  | 'broken';

/** A stand-in for sudo in a folder of its own, which keeps a log. */
export interface FakeSudo {
  /** PATH with the stand-in first. */
  readonly path: string;
  /** Failed log-ins, as sudo would report them to PAM. */
  failures(): number;
  /** How often it saw the end of its input while it waited for a password. */
  ends(): number;
  /** What was given as a password. */
  passwords(): readonly string[];
  /** Arguments of each call. */
  calls(): readonly string[];
}

/**
 * Options, prompts, messages and the order of reading as those of sudo 1.9.13 (Debian 12): `-n` and `-S`, `-p` with `%%`
 * for `%`, three tries, a byte at a time from standard input so that nothing after the password is taken. Source: sudo(8);
 * plugins/sudoers/auth/sudo_auth.c and pam.c. The real one is tried in test/ssh.
 */
export function installFakeSudo(folder: string, mode: SudoMode, password = 'right'): FakeSudo {
  const bin = join(folder, 'bin');
  const log = join(folder, 'sudo.log');
  mkdirSync(bin, { recursive: true });
  writeFileSync(log, '');
  writeFileSync(join(bin, 'sudo'), script(mode, password, log));
  chmodSync(join(bin, 'sudo'), 0o755);
  const lines = (key: string): string[] =>
    readFileSync(log, 'utf8')
      .split('\n')
      .filter((line) => line.startsWith(`${key} `))
      .map((line) => line.slice(key.length + 1));
  return {
    path: `${bin}${delimiter}${process.env['PATH']}`,
    failures: () => lines('failure').length,
    ends: () => lines('end').length,
    passwords: () => lines('password'),
    calls: () => lines('call'),
  };
}

function script(mode: SudoMode, password: string, log: string): string {
  return `#!/bin/sh
echo "call $*" >>${quote(log)}
n= S= prompt='[sudo] password for user: '
while [ $# -gt 0 ]; do
  case $1 in
    -n) n=1 ;;
    -S) S=1 ;;
    -p) prompt=$(printf %s "$2" | sed 's/%%/%/g'); shift ;;
    --) shift; break ;;
  esac
  shift
done
say() { echo "$1" >&2; }
ask() {
  if [ -n "$n" ]; then say 'sudo: a password is required'; exit 1; fi
  if [ -z "$S" ]; then say 'sudo: a terminal is required to read the password; either use the -S option to read from standard input or configure an askpass helper'; exit 1; fi
  printf %s "$1" >&2
  IFS= read -r answer || { echo "end of input" >>${quote(log)}; say; say 'sudo: no password was provided'; return 1; }
  echo "password $answer" >>${quote(log)}
}
check() {
  tries=0
  while [ $tries -lt 3 ]; do
    ask "$prompt" || break
    [ "$answer" = ${quote(password)} ] && return
    tries=$((tries + 1))
    echo "failure $tries" >>${quote(log)}
    [ $tries -lt 3 ] && say 'Sorry, try again.'
  done
  say "sudo: $tries incorrect password attempt"
  exit 1
}
case ${mode} in
  nopasswd) ;;
  password) check ;;
  lecture) say 'We trust you have received the usual lecture from the local System Administrator.'; check ;;
  expired) check; say 'sudo: Account or password is expired, reset your password and try again'
    ask "$prompt"; say 'sudo: unable to change expired password: Authentication token manipulation error'; exit 1 ;;
  refused) check; say 'user is not in the sudoers file.'; exit 1 ;;
  requiretty) say 'sudo: sorry, you must have a tty to run sudo'; exit 1 ;;
  odd-prompt) ask 'One-time code: '; exit 1 ;;
  slow) sleep 1000 ;;
  broken) say 'sudo: /etc/sudo.conf is owned by uid 1000, should be 0'
    say 'sudo: /usr/bin/sudo must be owned by uid 0 and have the setuid bit set'; exit 1 ;;
esac
exec "$@"
`;
}
