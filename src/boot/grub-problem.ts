import { VfleetError } from '../errors.ts';
import type { Statement } from './grub-default.ts';

/** What makes `grub-mkconfig` fail, or read something else than a person does. */
export interface Problem {
  readonly line: number;
  readonly text: string;
  readonly problem: string;
  readonly remedy: string;
}

/** Commands that such files have: reserved words and builtins (POSIX.1-2017, XCU 2.4, 2.14) and the usual tests. */
const commands: ReadonlySet<string> = new Set(
  `if then else elif fi for while until do done case esac { } ! [ [[ test : . source export readonly unset set shift eval
   echo printf true false return local declare typeset alias umask command trap read`.split(/\s+/),
);

/** The first problem of a file; `null`: it can be read as the shell reads it. */
export function problemOf(text: string, statements: readonly Statement[]): Problem | null {
  const nul = text.indexOf('\0');
  if (nul >= 0) return at(text, nul, 'a NUL byte', 'restore the file from a backup');
  const carriage = /\r(?:\n|$)/.exec(text);
  if (carriage) {
    // The shell takes the carriage return for a part of the value, so a kernel would get `iommu=pt\r`.
    return at(
      text,
      carriage.index,
      'a line that ends in CR LF',
      "convert the file, for example with: sed -i 's/\\r$//'",
    );
  }
  const last = statements.at(-1);
  if (last !== undefined && last.kind !== 'space' && /(?<!\\)(?:\\\\)*\\$/.test(text)) {
    // It would continue the line with whatever is put behind.
    return at(text, text.length - 1, 'a backslash with nothing after it', 'remove it');
  }
  for (const statement of statements) {
    const { line } = statement;
    if (statement.kind === 'unclosed') {
      return { line, text: lineAt(text, line), problem: statement.problem, remedy: 'close or remove it' };
    }
    if (statement.kind !== 'code' || statement.word === null || isCommand(statement.raw, statement.word)) continue;
    const remedy = 'write NAME="value", with no blanks around the equals sign, or remove the line';
    return { line, text: lineAt(text, line), problem: `"${statement.word}", which is no assignment`, remedy };
  }
  return null;
}

/** Refuses a file that has a problem. Errors: `boot.source`. */
export function refuseProblem(
  path: string,
  text: string,
  statements: readonly Statement[],
  host: string | undefined,
): void {
  const found = problemOf(text, statements);
  if (found === null) return;
  throw new VfleetError({
    code: 'boot.source',
    host,
    thing: `${path}:${found.line} ${JSON.stringify(found.text.slice(0, 120))}`,
    expected: 'shell assignments, which grub-mkconfig can read',
    found: found.problem,
    next: `${found.remedy}; nothing was changed`,
  });
}

function isCommand(raw: string, word: string): boolean {
  // A program by its path, a function definition, a subshell.
  return commands.has(word) || /^\/[\w./-]+$/.test(word) || /^\s*(?:\w+\s*\(\s*\)|\()/.test(raw);
}

function at(text: string, index: number, problem: string, remedy: string): Problem {
  const line = text.slice(0, index).split('\n').length;
  return { line, text: lineAt(text, line), problem, remedy };
}

function lineAt(text: string, line: number): string {
  return (text.split('\n')[line - 1] ?? '').trimEnd();
}
