import type { Channel, Ending } from '../transport/transport.ts';
import { createGather } from './gather.ts';
import { createLines } from './lines.ts';
import { createMarkedStream } from './marked-stream.ts';
import { type Start, stopCommand } from './start.ts';
import { sudoProblem } from './sudo-problem.ts';

/** What is said on a channel, and how long it may take. Times in milliseconds. */
export interface Agenda {
  readonly start: Start;
  /** The wrapped script. */
  readonly text: string;
  readonly nonce: string;
  /** For sudo's prompt; `null` when there is none. */
  readonly password: string | null;
  readonly startTimeout: number;
  readonly timeout: number;
  readonly maxBytes: number;
  readonly onLine?: ((line: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called when the shell has started. */
  onStarted(): void;
  /** Runs a command beside, to end a sudo that waits. Never rejects. */
  beside(command: string): Promise<void>;
}

/** What came of it. `stderr` of a shell that did not start is all that came before it. */
export type Outcome =
  | {
      readonly kind: 'ended';
      readonly ending: Ending;
      readonly stdout: Buffer;
      readonly stderr: Buffer;
      readonly truncated: boolean;
    }
  | {
      readonly kind: 'not-started';
      readonly why: 'ended' | 'too-late' | 'second-prompt';
      readonly ending: Ending | null;
      readonly stdout: Buffer;
      readonly stderr: Buffer;
    }
  | { readonly kind: 'too-late'; readonly stdout: Buffer; readonly stderr: Buffer }
  | { readonly kind: 'interrupted' };

/** Milliseconds for a shell to start after a message that the account or the password has expired. */
const afterExpiry = 2_000;

/**
 * Runs one script on one channel: waits for the start marker, answers sudo's prompt at most once and only before the
 * marker, sends the script only after it, gathers both streams. Never rejects; closes the channel unless it has ended.
 */
export async function converse(channel: Channel, agenda: Agenda): Promise<Outcome> {
  const { start, maxBytes, signal } = agenda;
  const out = createMarkedStream(start.marker);
  const err = createMarkedStream(start.marker);
  const stdout = createGather(maxBytes);
  const stderr = createGather(maxBytes);
  const onLines = agenda.onLine === undefined ? null : createLines(agenda.nonce, agenda.onLine);
  let phase: 'starting' | 'stopping' | 'running' | 'over' = 'starting';
  let prompts = 0;
  let errMarked = false;
  let expiring = false;

  return new Promise((resolve) => {
    let timer: NodeJS.Timeout | undefined;
    const settle = (outcome: Outcome): void => {
      if (phase === 'over') return;
      phase = 'over';
      clearTimeout(timer);
      signal?.removeEventListener('abort', interrupt);
      if (outcome.kind !== 'ended' && !(outcome.kind === 'not-started' && outcome.why === 'ended')) channel.close();
      resolve(outcome);
    };
    const isListening = (): boolean => phase === 'starting' || phase === 'running';
    // Some servers join both streams: then the marker is missing on this one, and nothing of it is left out.
    const errBytes = (): Buffer => (errMarked ? stderr.bytes() : err.head());
    const notStarted = (why: 'ended' | 'too-late' | 'second-prompt', ending: Ending | null = null): void =>
      settle({ kind: 'not-started', why, ending, stdout: out.head(), stderr: errBytes() });
    /** A sudo that waits for a password, or for another answer, is ended before the channel is. */
    const giveUp = (tell: () => void): void => {
      const mayAsk = phase === 'starting' && start.prompt !== null;
      const command = mayAsk ? stopCommand(start.marker, err.head().toString('latin1')) : null;
      if (command === null) return tell();
      phase = 'stopping';
      clearTimeout(timer);
      void agenda.beside(command).then(tell);
    };
    const interrupt = (): void => giveUp(() => settle({ kind: 'interrupted' }));
    const wait = (milliseconds: number, late: () => void): void => {
      clearTimeout(timer);
      timer = setTimeout(late, milliseconds);
    };

    const begin = (): void => {
      phase = 'running';
      agenda.onStarted();
      wait(agenda.timeout, () => settle({ kind: 'too-late', stdout: stdout.bytes(), stderr: errBytes() }));
      channel.write(agenda.text);
      channel.end();
    };
    const answerPrompt = (prompt: string): void => {
      const seen = err.head().toString('latin1').split(prompt).length - 1;
      if (seen <= prompts) return;
      prompts = seen;
      if (seen > 1 || agenda.password === null) giveUp(() => notStarted('second-prompt'));
      else channel.write(`${agenda.password}\n`);
    };

    /** sudo then asks for a new password, in words of its own. A banner may say the same, so there is some time left. */
    const noticeExpiry = (): void => {
      if (phase !== 'starting' || expiring || sudoProblem(err.head().toString('latin1'))?.kind !== 'expired') return;
      expiring = true;
      wait(Math.min(agenda.startTimeout, afterExpiry), () => giveUp(() => notStarted('too-late')));
    };

    channel.onStdout((bytes) => {
      const body = isListening() ? out.push(bytes) : null;
      if (body === null) return;
      if (phase === 'starting') begin();
      stdout.push(body);
      onLines?.(body);
    });
    channel.onStderr((bytes) => {
      const body = isListening() ? err.push(bytes) : null;
      if (body !== null) {
        errMarked = true;
        stderr.push(body);
      } else if (phase === 'starting' && start.prompt !== null) {
        answerPrompt(start.prompt);
        noticeExpiry();
      }
    });
    void channel.ended.then((ending) => {
      if (phase === 'starting') notStarted('ended', ending);
      else if (phase === 'running') {
        const truncated = stdout.truncated() || stderr.truncated();
        settle({ kind: 'ended', ending, stdout: stdout.bytes(), stderr: errBytes(), truncated });
      }
    });
    wait(agenda.startTimeout, () => giveUp(() => notStarted('too-late')));
    if (signal?.aborted) interrupt();
    else signal?.addEventListener('abort', interrupt, { once: true });
  });
}
