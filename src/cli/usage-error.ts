import { didYouMean } from '../nearest.ts';

/** A command line that cannot be meant: exit code 64. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/**
 * What yargs found wrong with a command line, in our words: it names what was typed and what was probably meant. `help` is
 * the help text of the command in question, `words` what was typed.
 */
export function usageError(message: string, help: string, words: readonly string[]): UsageError {
  return new UsageError(`${explain(message, help, words)}\nsee \`${command(help)} --help\``);
}

function command(help: string): string {
  return (help.split('\n')[0] ?? '').replace(/ (?:[<[]|COMMAND).*/, '');
}

function explain(message: string, help: string, words: readonly string[]): string {
  const unknown = /^Unknown arguments?: (?<names>.+)$/.exec(message)?.groups?.['names'];
  if (unknown !== undefined) return unknownWords(unknown.split(', '), help, words);
  const lonely = /^Not enough arguments following: (?<name>.+)$/.exec(message)?.groups?.['name'];
  if (lonely !== undefined) return `${dashed(lonely)}: a value is missing`;
  const value = /Argument: (?<name>\S+), Given: (?<found>.+), Choices: (?<choices>.+)$/m.exec(message)?.groups;
  if (value !== undefined)
    return `${dashed(value['name'] ?? '')}: expected one of ${value['choices']}, found ${value['found']}`;
  const missing = /^vfleet (?<command>[^<\n]+) <(?<thing>\w+)>/.exec(help)?.groups;
  if (message.startsWith('Not enough non-option arguments') && missing !== undefined)
    return `${missing['command']}: name a ${missing['thing']}`;
  return message;
}

function unknownWords(names: readonly string[], help: string, words: readonly string[]): string {
  const options = [...help.matchAll(/(?<=[\s,])--[a-z][\w-]*/g)].map(([option]) => option);
  const [, listed = ''] = /^Commands:\n((?: .*\n)+)/m.exec(help) ?? [];
  const commands = [...listed.matchAll(/^ {2}vfleet (?:lab (?:vm )?|boot )?([a-z]+)/gm)].map(([, name = '']) => name);
  const explainOne = (name: string): string => {
    if (name === 'dry-run' && command(help) === 'vfleet apply')
      return 'apply has no --dry-run; `vfleet plan` shows what it would do';
    if (!words.includes(name)) return `unknown option ${dashed(name)}${meant(dashed(name), options)}`;
    if (commands.length === 0) return `unexpected word "${name}"`;
    return `unknown command "${name}"${meant(name, commands)}`;
  };
  // yargs names `--known-host` a second time, as `knownHost`.
  return names
    .filter((name) => kebab(name) === name || !names.includes(kebab(name)))
    .map(explainOne)
    .join('\n');
}

/** Unlike in a name of somebody's own, the beginning of an option is enough to guess it. */
function meant(word: string, known: readonly string[]): string {
  const [only, ...others] = known.filter((candidate) => candidate.startsWith(word));
  if (only !== undefined && others.length === 0 && word.length > 2) return `, did you mean "${only}"?`;
  return didYouMean(word, known);
}

function kebab(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function dashed(name: string): string {
  return name.length === 1 ? `-${name}` : `--${name}`;
}
