import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));
const own: readonly string[] = [`${root}src/`, `${root}dist/`];

/** A place in a playbook, or in a file that it imports, where its author must look. */
export interface Position {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** Whether the error was thrown in a call from there, and not in something that was awaited there. */
  readonly direct: boolean;
}

/**
 * The innermost line of a stack that is neither of vfleet, nor of a library, nor of Node; `null` when there is none.
 * Columns are left out: those of a transpiled file are others.
 */
export function positionOf(thrown: unknown): Position | null {
  if (!(thrown instanceof Error)) return null;
  const { message, stack = '' } = thrown;
  // A message may have lines that look like those of a stack, which begins with it.
  const frames = stack.slice(stack.indexOf(message) + message.length);
  for (const frame of frames.split('\n')) {
    const found = /^\s+at (?<how>async )?(?:.*\()?(?<file>(?:file:\/\/)?\/.+?):(?<line>\d+):\d+\)?$/.exec(
      frame,
    )?.groups;
    if (found === undefined) continue;
    const { how, file = '', line } = found;
    const path = file.startsWith('file:') ? fileURLToPath(file) : file;
    if (own.some((folder) => path.startsWith(folder)) || path.includes('/node_modules/')) continue;
    return { file: path, line: Number(line), direct: how === undefined };
  }
  return null;
}
