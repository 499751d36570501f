import type { BlsFile } from './bls-files.ts';
import type { LineToken } from './edit-line.ts';
import { entryPairs } from './entry-pairs.ts';
import { runGrubConfig } from './grub-config.ts';
import type { EnvironmentBlock } from './grub-environment.ts';
import type { SourceToken } from './grub-sources.ts';
import { kernelLine } from './kernel-line.ts';
import { parseLoaderEntry } from './loader-entry.ts';

/** An entry with the arguments that GRUB would boot it with. */
export interface BlsLine {
  readonly path: string;
  readonly title: string;
  readonly id: string;
  readonly default: boolean;
  readonly hasOptions: boolean;
  /** As they stand in the entry, variables and all. */
  readonly own: readonly LineToken[];
  /** With the values of variables in their place; those that nobody knows are `opaque`. */
  readonly tokens: readonly SourceToken[];
}

export interface BlsSources {
  readonly config: Pick<BlsFile, 'path' | 'text'>;
  readonly environment: (Pick<BlsFile, 'text'> & { readonly block: EnvironmentBlock }) | null;
  readonly entries: readonly Pick<BlsFile, 'path' | 'text'>[];
}

/** How arguments stand in an entry, and in the variables that it names. */
export const entrySyntax = kernelLine('grub', true);

/**
 * What GRUB makes of entries, as `create_entry` in grub-core/commands/blscfg.c does: the first `options` line, and
 * `default_kernelopts` where there is none; `grub.cfg` sets variables after, or in the place of, those of `grubenv`.
 */
export function blsLines({ config, environment, entries }: BlsSources): readonly BlsLine[] {
  const parsed = entries.map(({ path, text }) => ({ ...parseLoaderEntry(idOf(path), text), path, text }));
  const run = runGrubConfig({ config: config.text, environment: environment?.text ?? '', entries: parsed });
  const chosen = run.entries.find((entry) => entry.default)?.id;
  const place = (name: string, value: string): Place => {
    const kept = environment?.block.lines.find((line) => line.name === name && line.value === value);
    if (environment && kept) return { path: environment.block.path, line: kept.line };
    return { path: config.path, line: lineOf(config.text, new RegExp(`^\\s*set ${name}=`)) };
  };
  const resolve = (tokens: readonly SourceToken[], depth: number): readonly SourceToken[] =>
    tokens.flatMap((token) => {
      const name = /^\$(?:\{(\w+)\}|(\w+))$/.exec(token.text)?.slice(1).find(Boolean);
      // What nothing has set is empty.
      const value = token.opaque && name !== undefined && depth < 4 ? (run.variables.get(name) ?? '') : null;
      if (name === undefined || value === null || run.variables.get(name) === null) return [token];
      return resolve(located(entrySyntax.tokens(value), place(name, value)), depth + 1);
    });
  return parsed.map(({ path, text, title, id }) => {
    const options = optionsOf(text);
    const own = entrySyntax.tokens(options ?? '$default_kernelopts');
    const at = { path, line: lineOf(text, /^[ \t]*options(?:[ \t]|$)/) };
    return {
      path,
      title,
      id,
      default: id === chosen,
      hasOptions: options !== null,
      own,
      tokens: resolve(located(own, at), 0),
    };
  });
}

/** Whether an entry takes its arguments from a variable. */
export function hasVariable(line: BlsLine, name: string): boolean {
  return line.own.some(({ text, opaque }) => opaque && (text === `$${name}` || text === `\${${name}}`));
}

interface Place {
  readonly path: string;
  readonly line: number;
}

function located(tokens: readonly LineToken[], place: Place): readonly SourceToken[] {
  return tokens.map(({ text, argument, opaque }) => ({ text, argument, opaque, ...place }));
}

/** Of several lines the first counts. */
function optionsOf(text: string): string | null {
  return entryPairs(text, 'grub').find(([key]) => key === 'options')?.[1] ?? null;
}

function lineOf(text: string, pattern: RegExp): number {
  return text.split('\n').findIndex((line) => pattern.test(line)) + 1;
}

function idOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1, -'.conf'.length);
}
