/** Something that an earlier preparation of a host has left, by hand or by the Cloudpods installer. */
export interface Leftover {
  /** The file, with the line or the variable where only that is meant. */
  readonly place: string;
  /** What stands there. */
  readonly found: string;
  /** What it does on this host today. */
  readonly today: string;
  /** Why that matters; `null`: it does no harm. */
  readonly why: string | null;
  /** What vfleet does about it. */
  readonly fate: string;
}

/** A leftover of which it is not said yet what is done about it. */
export interface Finding extends Omit<Leftover, 'fate'> {
  readonly path: string;
  /** What `--adopt` takes over: the whole file, as the installer writes it, or the lines or arguments that are wished for. */
  readonly adopts: 'file' | 'lines' | 'arguments' | 'nothing';
  /** What somebody has to do about it, because vfleet never does. */
  readonly repair?: string;
}
