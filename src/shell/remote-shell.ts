import { randomBytes } from 'node:crypto';
import { constants } from 'node:os';
import pLimit from 'p-limit';
import { asVfleetError, type VfleetError } from '../errors.ts';
import type { Elevation } from '../inventory/host.ts';
import type { Channel, Connection, Ending } from '../transport/transport.ts';
import { converse } from './conversation.ts';
import { nonceBytes, parseOutput, wrap } from './envelope.ts';
import { createGate } from './gate.ts';
import { createLink, type Link } from './link.ts';
import { interrupted, lost, notStarted, tooLate, unusablePassword } from './run-problem.ts';
import type { Script } from './script.ts';
import { mask } from './secret.ts';
import type { Output, RunOptions, Shell } from './shell.ts';
import { start, startBytes } from './start.ts';

export interface ShellOptions {
  /** Name of the host in the inventory, for errors. */
  readonly host: string;
  /** Logs in. Called when there is no connection; the signal is aborted by `disconnect`. */
  connect(signal: AbortSignal): Promise<Connection>;
  readonly elevate: Elevation;
  /** For sudo. `null` or empty: sudo must not ask. */
  readonly elevatePassword: string | null;
  /** Milliseconds for the shell to start after the log-in, sudo included. Default: 30,000. */
  readonly startTimeout?: number;
  /** So many random bytes. Default: those of `node:crypto`. */
  readonly randomness?: (bytes: number) => Buffer;
}

/** sshd allows 10 sessions on one connection (`MaxSessions`); people may have theirs on it as well. */
const channelsAtOnce = 4;
const defaultTimeout = 60_000;
const besideTimeout = 5_000;
const defaultMaxBytes = 8 * 1024 * 1024;

/**
 * A shell over a transport's connections. A sudo password that was refused is not tried again by this shell, as every
 * try counts as a failed log-in on the host.
 */
export function createShell(options: ShellOptions): Shell {
  const { host, elevate, startTimeout = 30_000, randomness = randomBytes } = options;
  const password = elevate === 'sudo' && options.elevatePassword ? options.elevatePassword : null;
  const link = createLink(host, (signal) => options.connect(signal));
  const channels = pLimit(channelsAtOnce);
  // With a password, one start at a time: two at once would cost two failed log-ins if it is wrong.
  const gate = createGate(password === null ? 'open' : 'one at a time');
  const hex = (bytes: number): string => randomness(bytes).toString('hex');
  let refusal: VfleetError | null = null;
  let worked = false;
  let runs = 0;

  const run = async (script: Script, runOptions: RunOptions): Promise<Output> => {
    const { signal, timeout = defaultTimeout, maxBytes = defaultMaxBytes, onLine } = runOptions;
    const secrets = password === null ? script.secrets : [...script.secrets, password];
    const show = (bytes: Buffer): string => mask(bytes.toString('utf8'), secrets);
    const nonce = hex(nonceBytes);
    const text = wrap(script, nonce);
    const plan = start(elevate, password !== null, hex(startBytes));
    const outcome = await gate(async (pass) => {
      if (refusal !== null) throw refusal;
      const channel = await openUnlessAborted(host, link, plan.command, startTimeout, signal);
      runs += 1;
      const ended = await converse(channel, {
        start: plan,
        text,
        nonce,
        password,
        startTimeout,
        timeout,
        maxBytes,
        onLine: onLine && ((line) => onLine(mask(line, secrets))),
        signal,
        onStarted: pass,
        beside: (command) => runBeside(link, command),
      });
      if (ended.kind !== 'not-started') {
        worked = true;
        return ended;
      }
      const error = notStarted(host, ended, startTimeout, elevate === 'sudo', show);
      // An account that was valid a moment ago may be refused while the host boots (pam_nologin).
      if (error.code === 'sudo.password-wrong' || (error.code === 'sudo.expired' && !worked)) refusal = error;
      throw error;
    });
    if (outcome.kind === 'interrupted') throw interrupted(host);
    if (outcome.kind === 'too-late') {
      const last = outcome.stdout.length > 0 ? outcome.stdout : outcome.stderr;
      throw tooLate(host, timeout, show(last).replaceAll(nonce, 'section '));
    }
    const code = codeOf(host, outcome.ending);
    return { code, ...parseOutput(outcome.stdout, nonce), stderr: show(outcome.stderr), truncated: outcome.truncated };
  };

  return {
    host,
    get runs() {
      return runs;
    },
    async run(script, runOptions = {}) {
      if (password !== null && /[\r\n\0]/.test(password)) throw unusablePassword(host);
      try {
        return await channels(async () => run(script, runOptions));
      } catch (thrown) {
        throw asVfleetError(thrown).of(host);
      }
    },
    async disconnect() {
      await link.close();
    },
  };
}

/** Opens a channel; when the signal is aborted first, one that still opens is closed. */
async function openUnlessAborted(
  host: string,
  link: Link,
  command: string,
  answer: number,
  signal: AbortSignal | undefined,
): Promise<Channel> {
  if (signal === undefined) return link.open(command, answer);
  if (signal.aborted) throw interrupted(host);
  const opening = link.open(command, answer);
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      reject(interrupted(host));
      opening.then(
        (channel) => channel.close(),
        () => {},
      );
    };
    signal.addEventListener('abort', abort, { once: true });
    void opening.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

/** Runs a command without input and waits for its end, within limits. */
async function runBeside(link: Link, command: string): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, besideTimeout);
  });
  const whole = link.open(command, besideTimeout).then((channel) => channel.ended);
  await Promise.race([whole.catch(() => {}), late]);
  clearTimeout(timer);
}

function codeOf(host: string, ending: Ending): number {
  if (ending.kind === 'lost') throw lost(host, ending.reason);
  if (ending.kind === 'exit') return ending.code;
  const numbers: Readonly<Record<string, number>> = constants.signals;
  const signal = ending.signal.startsWith('SIG') ? ending.signal : `SIG${ending.signal}`;
  return 128 + (numbers[signal] ?? 0);
}
