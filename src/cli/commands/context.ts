import type { Environment } from '../environment.ts';

/** What a command is given beside its arguments. */
export interface CommandContext {
  readonly environment: Environment;
  /** Of vfleet. */
  readonly version: string;
  /** Tells how the command ended. */
  readonly exit: (code: number) => void;
}
