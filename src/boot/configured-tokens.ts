import type { BootFacts, ConfiguredPlace } from '../facts/facts.ts';
import { parseArguments } from './arguments.ts';
import { lineOf } from './contradiction.ts';
import { parseGrubDefault } from './grub-default.ts';
import { evaluate } from './grub-sources.ts';

/** One place that sets kernel arguments, with the arguments as the kernel gets them; what code sets is left out. */
export interface ConfiguredTokens {
  readonly path: string;
  /** `GRUB_CMDLINE_LINUX`, or `cmdline` for a file that is one line of arguments, `kernelopts` of `grubenv`. */
  readonly variable: string;
  readonly tokens: readonly string[];
}

/** Whether a place is one line of arguments as the kernel gets them, and no word in shell syntax. */
export function isLine({ variable }: Pick<ConfiguredPlace, 'variable'>): boolean {
  return variable === 'cmdline' || variable === 'kernelopts';
}

/** The arguments of every place that facts found. */
export function configuredTokens({ configured }: BootFacts): readonly ConfiguredTokens[] {
  return (configured ?? []).map(({ path, variable, value }) => {
    if (isLine({ variable })) return { path, variable, tokens: parseArguments(value).map(({ token }) => token) };
    const statements = parseGrubDefault(`${variable}=${value}\n`);
    return { path, variable, tokens: lineOf(evaluate([{ path, statements }], variable).tokens) };
  });
}
