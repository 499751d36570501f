import type { BootLoader, Facts } from '../facts/facts.ts';
import type { Effect } from '../resources/effect.ts';
import type { FileState, Read, State } from '../resources/resource.ts';
import type { Script } from '../shell/script.ts';
import type { OwnedArguments } from './owned.ts';
import type { ArgumentWish } from './wish.ts';

/** What a driver plans with. Pure data. */
export interface BootInput {
  readonly host: string;
  readonly facts: Facts;
  readonly state: State;
  /** Tokens that earlier runs added for this wish, and that are the runner's to replace, by place. */
  readonly owned: OwnedArguments;
}

/** What is to be done about the configured arguments. */
export interface BootPlan {
  /** The files to write, or with no `after` to remove, in that order. None: the arguments are configured as wished. */
  readonly files: readonly ConfiguredFile[];
  /** Those of the wished tokens that are in a place because the runner put them there, for every place there is. */
  readonly ownedTokens: OwnedArguments;
  readonly added: readonly string[];
  readonly removed: readonly string[];
  /** What the boot loader's own tool changes when it regenerates, where no file shows it. */
  readonly byTool?: ToolEdit;
  /** What will boot lacks what is configured, by what the driver read; absent: the entries among the facts tell. */
  readonly outdated?: boolean;
  readonly notes: readonly string[];
  /** All arguments that are then configured, as the kernel gets them; `null` where code configures some of them. */
  readonly line: readonly string[] | null;
  /** The file that has all of `line` for every boot entry; absent: `/etc/default/grub` and what it takes in. */
  readonly lineIn?: string;
}

/** What the boot loader's own tool does to the arguments that it keeps. */
export interface ToolEdit {
  /** The tool's name: `rpm-ostree kargs`. */
  readonly tool: string;
  /** All arguments that it keeps now, and then. */
  readonly before: readonly string[];
  readonly after: readonly string[];
  /** Tokens that the tool puts at the end, and those, as they stand, that it takes out first. */
  readonly add: readonly string[];
  readonly remove: readonly string[];
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
  /** The boot entries are generated from what is configured: arguments that only they have are lost by that. */
  readonly generates: boolean;
  /** What is made is final only after an orderly shutdown: reading it back does not prove what will boot. */
  readonly stages?: true;
  read(facts: Facts): Read;
  /** Errors: `boot.source`, `boot.contradiction`, `boot.stub`. */
  plan(wish: ArgumentWish, input: BootInput): BootPlan;
  /**
   * Tokens that stand, before anything is changed, in the places where the driver takes out what the runner owns. Absent:
   * nothing that stands anywhere may become the runner's.
   */
  standing?(input: BootInput): OwnedArguments;
  /** Runs the distribution's own tool. Takes seconds to a minute. */
  regenerate(facts: Facts, effect: BootEffect): Script;
  /** Prints what was generated, in the section `boot-entries`, for `judgeReadBack`. */
  readBack(facts: Facts): Script;
  /** What is wrong with what was generated: each boot entry with the tokens that it lacks. Empty: nothing. */
  judgeReadBack(text: string, effect: BootEffect): readonly string[];
}

/** The regeneration that is due, with what every boot entry must show afterwards. */
export type BootEffect = Extract<Effect, { kind: 'boot-configuration' }>;
