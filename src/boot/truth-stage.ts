import type { BootEntry, Facts } from '../facts/facts.ts';
import { leftoverArguments, parseArgument, parseArguments, sameName } from './arguments.ts';
import { kernelToken } from './grub-word.ts';
import type { Configured, PlacedToken } from './truth-places.ts';
import { type ArgumentWish, missingInOrder } from './wish.ts';

/** Kernel arguments of one name in all three: wanted, written to every boot entry, running. */
export interface ArgumentTruth {
  readonly name: string;
  /** Tokens; `absent`: it should not be there; `null`: nobody wants anything. */
  readonly wanted: readonly string[] | 'absent' | null;
  /** What configures it; `null`: unknown. */
  readonly configured: readonly PlacedToken[] | null;
  /** The boot entries of this system's kernels; `null`: unknown. */
  readonly entries: readonly EntryTruth[] | null;
  readonly running: readonly string[];
  readonly runs: boolean;
  /** Why the three differ, and what to do; empty: they agree. */
  readonly gaps: readonly Gap[];
}

/** One boot entry, as far as it is about one name. */
export interface EntryTruth {
  readonly title: string;
  readonly kernel: string | null;
  readonly default: boolean;
  readonly tokens: readonly string[];
  /** It says what it should: what is wanted, or else what is configured. */
  readonly has: boolean;
}

/** What is known beside facts. */
export interface TruthContext {
  /** The host has booted since all was written, for nothing else: so no reboot is due. */
  readonly rebooted?: boolean | undefined;
  /** Tokens that were configured when the host booted, and that an undo or a restore has taken out since. */
  readonly takenOut?: readonly string[] | undefined;
}

/** What `explainBoot` looks at; facts are such. */
export type BootView = Pick<Facts, 'boot' | 'kernel'>;

/** Everything that was found, and the name that is looked at. */
export interface Stages {
  readonly name: string;
  readonly facts: BootView;
  readonly configured: Configured | null;
  readonly entries: readonly BootEntry[] | null;
  readonly running: readonly string[];
}

/** Why two of the three differ. Stable names, for programs. */
export type GapCause =
  | 'misspelt'
  | 'wrong-value'
  | 'damaged'
  | 'unknown'
  | 'not-configured'
  | 'still-configured'
  | 'not-read'
  | 'overridden'
  | 'not-generated'
  | 'some-entries'
  | 'newer-kernel'
  | 'later-kernels'
  | 'entries-only'
  | 'running-only'
  | 'taken-out'
  | 'other-variable'
  | 'reboot-due'
  | 'other-entry'
  | 'other-loader';

/** A difference, its cause, and the next step; both for people. */
export interface Gap {
  readonly cause: GapCause;
  readonly found: string;
  readonly next: string;
}

/** What is known of one name before its gaps are. */
export type Truth = Omit<ArgumentTruth, 'gaps'>;

/** Whether a line has a wish in effect. */
export function isFulfilled(wish: ArgumentWish, line: readonly string[]): boolean {
  return missingInOrder(wish, line).length === 0 && leftoverArguments(wish.absent, line.join(' ')).length === 0;
}

/** Tokens as the kernel gets them. */
export function tokensOf(line: string): readonly string[] {
  return parseArguments(line).map((argument) => kernelToken(argument.token));
}

/** Whether a token is of that name. */
export function isNamed(token: string, name: string): boolean {
  return sameName(parseArgument(token).name, name);
}

/** How a boot entry is named. */
export function titleOf({ title }: Pick<BootEntry, 'title'>): string {
  return `"${title}"`;
}

/** A gap, said in order. */
export function gap(cause: GapCause, found: string, next: string): Gap {
  return { cause, found, next };
}
