import type { BootFacts } from '../facts/facts.ts';
import { parseArguments } from './arguments.ts';
import { lineOf } from './contradiction.ts';
import { parseGrubDefault } from './grub-default.ts';
import { evaluate } from './grub-sources.ts';

/** One place that sets kernel arguments, with the arguments as the kernel gets them; what code sets is left out. */
export interface ConfiguredTokens {
  readonly path: string;
  /** `GRUB_CMDLINE_LINUX`, or `cmdline` for a file that is one line of arguments. */
  readonly variable: string;
  readonly tokens: readonly string[];
}

/** The arguments of every place that facts found. */
export function configuredTokens({ configured }: BootFacts): readonly ConfiguredTokens[] {
  return (configured ?? []).map(({ path, variable, value }) => {
    if (variable === 'cmdline') return { path, variable, tokens: parseArguments(value).map(({ token }) => token) };
    const statements = parseGrubDefault(`${variable}=${value}\n`);
    return { path, variable, tokens: lineOf(evaluate([{ path, statements }], variable).tokens) };
  });
}
