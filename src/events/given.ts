import type { Task } from '../host/context.ts';
import type { RebootPolicy } from '../host/reboot.ts';

/** What a run was asked for: by it `resume` goes on, and `retry` begins again. No secret is in it. */
export interface Given {
  /** Folder in which relative paths hold. */
  readonly folder: string;
  /** As given; `null`: the default, which is `defaultInventory`. */
  readonly inventory: string | null;
  readonly defaultInventory: string;
  readonly limit: readonly string[];
  /** As given; `null`: the command has no playbook file, or only the name of one. */
  readonly playbook: string | null;
  /** Words of this command alone. */
  readonly words: readonly string[];
  /** Arguments of `-e` in which there is no secret; files are named only. */
  readonly extraVars: readonly string[];
  /** Names of variables that were given with `-e`, and of which the value is stored nowhere. */
  readonly secrets: readonly string[];
  /** Other options of the command, by their names. */
  readonly options: Readonly<Record<string, unknown>>;
  readonly task?: Task;
  readonly reboot?: Partial<RebootPolicy>;
  readonly guestsAllowed: boolean;
  readonly rebootAgain: boolean;
  readonly adopt: boolean;
  /** What was shown, and must be done exactly, is in the folder of the run. */
  readonly planned: boolean;
  readonly pins: RunPins;
}

/** What a run was made of; whoever goes on with it must be made of the same. */
export interface RunPins {
  readonly vfleet: string;
  /** `null`: without a playbook file. */
  readonly playbookDigest: string | null;
  readonly templatesDigest: string;
  /** Of the validated variables, by host. */
  readonly varsDigests: Readonly<Record<string, string>>;
  /** Of what else the inventory says of each host: rack, groups, how to log in. */
  readonly hostDigests: Readonly<Record<string, string>>;
}
