import type { Statement, Word } from './grub-script.ts';
import { releaseOfImage } from './release.ts';

/** What a menu entry's body boots. */
export interface Linux {
  readonly kernel: string | null;
  /** As they stand in the text, variables not resolved. */
  readonly arguments: string;
}

const loaders = new Set(['linux', 'linux16', 'linuxefi']);
/** Under Xen the hypervisor is the image, and Linux its first module (`20_linux_xen`). */
const modules = new Set(['module', 'module2']);

/** The kernel and its arguments in the body of a menu entry; the first counts. */
export function linuxOf(body: readonly Statement[]): Linux {
  const commands = body.flatMap(commandsOf).filter((command) => releaseOfCommand(command) !== undefined);
  const first = commands.find((command) => loaders.has(nameOf(command))) ?? commands[0];
  if (first === undefined) return { kernel: null, arguments: '' };
  return { kernel: releaseOfCommand(first) ?? null, arguments: argumentsOf(first) };
}

type Command = Extract<Statement, { kind: 'command' }>;

function commandsOf(statement: Statement): readonly Command[] {
  if (statement.kind === 'command') return [statement];
  if (statement.kind === 'if') {
    return [...statement.branches.flatMap((branch) => branch.body), ...statement.otherwise].flatMap(commandsOf);
  }
  return statement.body.flatMap(commandsOf);
}

function nameOf(command: Command): string {
  return command.words[0]?.raw ?? '';
}

/** `undefined`: the command boots no Linux. `null`: one whose name tells no release. */
function releaseOfCommand(command: Command): string | null | undefined {
  const image = textOf(command.words[1]);
  if (modules.has(nameOf(command))) return releaseOfImage(image) ?? undefined;
  return loaders.has(nameOf(command)) ? releaseOfImage(image) : undefined;
}

function argumentsOf(command: Command): string {
  const image = command.words[1];
  const first = command.words[0];
  if (image === undefined || first === undefined) return '';
  // `text` starts where the first word starts, so offsets count from there.
  const start = first.end - first.raw.length;
  const text = command.text.slice(image.end - start).trim();
  // The first word after a Xen module's path is a placeholder for the image's name.
  return modules.has(nameOf(command)) ? text.replace(/^placeholder\s*/, '') : text;
}

function textOf(word: Word | undefined): string {
  return (word?.parts ?? []).map((part) => ('text' in part ? part.text : '')).join('');
}
