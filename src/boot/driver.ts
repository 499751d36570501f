import type { BootLoader, Facts } from '../facts/facts.ts';
import type { Effect } from '../resources/effect.ts';
import type { FileState, Read, State } from '../resources/resource.ts';
import type { Script } from '../shell/script.ts';
import type { ArgumentWish } from './wish.ts';

/** What a driver plans with. Pure data. */
export interface BootInput {
  readonly host: string;
  readonly facts: Facts;
  readonly state: State;
  /** Tokens that earlier runs added for this wish, and that are the runner's to replace. */
  readonly owned: readonly string[];
}

/** What is to be done about the configured arguments. */
export interface BootPlan {
  /** The file to write, or with no `after` to remove; `null`: the arguments are configured as wished. */
  readonly file: ConfiguredFile | null;
  /** Those of the wished tokens that are in a place because the runner put them there. */
  readonly ownedTokens: readonly string[];
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly notes: readonly string[];
  /** All arguments that are then configured, as the kernel gets them; `null` where code configures some of them. */
  readonly line: readonly string[] | null;
}

export interface ConfiguredFile {
  readonly path: string;
  readonly before: FileState;
  readonly after: string | null;
  /** How `after` becomes bytes: a file that is not UTF-8 is kept byte for byte. */
  readonly encoding: 'utf8' | 'latin1';
}

/** How kernel arguments are configured on one family of boot loaders. Its functions are pure. */
export interface BootDriver {
  readonly loader: BootLoader;
  read(facts: Facts): Read;
  /** Errors: `boot.source`, `boot.contradiction`, `boot.stub`. */
  plan(wish: ArgumentWish, input: BootInput): BootPlan;
  /** Runs the distribution's own tool. Takes seconds to a minute. */
  regenerate(facts: Facts): Script;
  /** Prints what was generated, in the section `boot-entries`, for `judgeReadBack`. */
  readBack(facts: Facts): Script;
  /** What is wrong with what was generated: each boot entry with the tokens that it lacks. Empty: nothing. */
  judgeReadBack(text: string, effect: Extract<Effect, { kind: 'boot-configuration' }>): readonly string[];
}
