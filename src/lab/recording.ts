import { createHash } from 'node:crypto';
import { nonceOf } from '../shell/envelope.ts';
import type { Answer, CannedAnswer } from './canned.ts';
import type { LabNode } from './node.ts';
import type { Exchange } from './tap.ts';

/** Answers of a node, by what was asked; it survives JSON. */
export interface Recording {
  readonly version: 1;
  /** By digest of command and script; the answers to the same question in the order in which they were given. */
  readonly answers: Readonly<Record<string, readonly RecordedAnswer[]>>;
}

/** Streams as Latin-1 text, one character a byte, with `nonceMark` wherever the script's nonce was. */
export interface RecordedAnswer {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Stands for the nonce; no program prints a NUL by chance around a word. */
const nonceMark = '\0nonce\0';

/** Records what a node answers from now on. A command that died by a signal has no answer. */
export function record(node: LabNode): { readonly stop: () => Recording } {
  const answers: Record<string, RecordedAnswer[]> = {};
  const stop = node.listen((exchange: Exchange) => {
    if (exchange.end.kind === 'signal') return;
    const script = exchange.stdin.toString('latin1');
    const nonce = nonceOf(script);
    const clean = (bytes: Buffer) => withoutNonce(bytes.toString('latin1'), nonce);
    const key = questionKey(exchange.command, script);
    const list = answers[key] ?? [];
    list.push({ code: exchange.end.code, stdout: clean(exchange.stdout), stderr: clean(exchange.stderr) });
    answers[key] = list;
  });
  return {
    stop: () => {
      stop();
      return { version: 1, answers: structuredClone(answers) };
    },
  };
}

/**
 * Answers as recorded, with the nonce of the script that asks. The same question again gets the next answer that it got
 * in the recording, at last always the last one. A question that was never asked gets none.
 */
export function replay(recording: Recording): Answer {
  const asked = new Map<string, number>();
  return ({ command, script }): CannedAnswer | null => {
    const key = questionKey(command, script);
    const times = asked.get(key) ?? 0;
    asked.set(key, times + 1);
    const answers = recording.answers[key] ?? [];
    const answer = answers[Math.min(times, answers.length - 1)];
    if (answer === undefined) return null;
    const nonce = nonceOf(script) ?? nonceMark;
    const fill = (text: string) => Buffer.from(text.replaceAll(nonceMark, nonce), 'latin1');
    return { code: answer.code, stdout: fill(answer.stdout), stderr: fill(answer.stderr) };
  };
}

/** The same for the same question, whatever its nonce. */
function questionKey(command: string, script: string): string {
  const nonce = nonceOf(script);
  const parts = [command, script].map((text) => withoutNonce(text, nonce));
  return createHash('sha256').update(parts.join('\0\0')).digest('hex').slice(0, 32);
}

function withoutNonce(text: string, nonce: string | null): string {
  return nonce === null ? text : text.replaceAll(nonce, nonceMark);
}
