import type { Script } from '../shell/script.ts';
import type { Output } from '../shell/shell.ts';

/** A host as a hook sees it. */
export interface HookHost {
  readonly name: string;
  /** Address that is logged in to. */
  readonly address: string;
  readonly port: number;
  readonly rack: string | null;
  readonly groups: readonly string[];
  /** Its variables in the inventory. */
  readonly vars: Readonly<Record<string, unknown>>;
  /** Name of the run. */
  readonly run: string;
  /** Aborted when the hook's time is over, or the run is given up. */
  readonly signal: AbortSignal;
  /** Runs a script on the host, elevated as everything else. */
  exec(script: Script): Promise<Output>;
  /** Runs a program on the controller, with no shell between; gives its standard output. Errors: `hook.command`. */
  controller(program: string, ...args: readonly string[]): Promise<string>;
  /** Shows a line while the hook is at work. */
  say(line: string): void;
}

/** A hook in TypeScript: it has done its work when the promise resolves. It may run twice, and must bear that. */
export type HookFunction = (host: HookHost) => Promise<void> | void;

/** A hook as it may be given. */
export type HookInput =
  | HookFunction
  | {
      /** Text for `sh -c`, or a function. Of the host it knows the variables `VFLEET_HOST`, `VFLEET_ADDRESS` and so on. */
      readonly run: string | HookFunction;
      /** Where a command runs. Default: on the host. */
      readonly where?: 'host' | 'controller';
      /** As `90s`, `5m`, `1h`. Default: 30 minutes. */
      readonly timeout?: string;
      /** What it does, in a few words, for `vfleet plan`: `libvirt: shuts running guests down`. */
      readonly about?: string;
    };

/** What stands around the reboot of a host. */
export interface HooksInput {
  /** Takes the host out of service, right before a reboot that is due. */
  readonly drain?: HookInput;
  /** Takes it back, after it was verified and has soaked. */
  readonly undrain?: HookInput;
}

/** A hook, normalised. */
export interface Hook {
  readonly work:
    | { readonly kind: 'function'; readonly call: HookFunction }
    | { readonly kind: 'command'; readonly text: string; readonly where: 'host' | 'controller' };
  /** Milliseconds. */
  readonly timeout: number;
  readonly about?: string;
}

export interface Hooks {
  readonly drain?: Hook;
  readonly undrain?: Hook;
}

/** How to turn a machine off and on from outside. */
export interface Power {
  /** Program and arguments, all filled in. */
  readonly command: readonly string[];
  /** Variables of its environment; secrets belong here. */
  readonly environment: Readonly<Record<string, string>>;
  /** Milliseconds. */
  readonly timeout: number;
}
