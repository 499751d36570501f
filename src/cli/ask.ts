import { createInterface } from 'node:readline/promises';
import { VfleetError } from '../errors.ts';

/** Where a question is asked. Default: the terminal, beside the result. */
export interface AskStreams {
  readonly input: NodeJS.ReadableStream;
  readonly output: NodeJS.WritableStream;
}

/** Asks a yes-or-no question. Anything but yes is no, the end of the input too. Errors: `interrupted` at Ctrl-C. */
export async function ask(question: string, streams?: AskStreams): Promise<boolean> {
  const answer = await answerTo(`${question} [y/N] `, streams);
  return answer !== null && /^y(?:es)?$/i.test(answer);
}

/** Asks for a number to be typed: anything else is no. Errors: `interrupted` at Ctrl-C. */
export async function askNumber(question: string, number: number, streams?: AskStreams): Promise<boolean> {
  return (await answerTo(`${question} `, streams)) === String(number);
}

/** What was typed; `null` at the end of the input. */
async function answerTo(question: string, streams?: AskStreams): Promise<string | null> {
  const { input, output } = streams ?? { input: process.stdin, output: process.stderr };
  const terminal = createInterface({ input, output });
  let interrupted = false;
  // readline leaves a question open for ever when its input ends.
  const closed = new Promise<null>((resolve) => terminal.once('close', () => resolve(null)));
  terminal.once('SIGINT', () => {
    interrupted = true;
    terminal.close();
  });
  try {
    const answer = await Promise.race([terminal.question(question), closed]);
    if (answer === null) output.write('\n');
    if (interrupted) throw new VfleetError({ code: 'interrupted', thing: 'interrupted; nothing was written' });
    return answer?.trim() ?? null;
  } finally {
    terminal.close();
  }
}
