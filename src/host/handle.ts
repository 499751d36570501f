import type { Facts } from '../facts/facts.ts';
import type { Resource } from '../resources/resource.ts';

/** One host as a playbook's `gate` and `verify` see it. */
export interface Subject<Vars, Extra> {
  /** Its name in the inventory. */
  readonly name: string;
  /** Its failure domain. */
  readonly rack: string | null;
  /** The groups that hold it, nearest first. */
  readonly groups: readonly string[];
  readonly vars: Vars;
  /** What the latest probe found: read anew after a reboot. */
  readonly facts: Facts & Extra;
}

/** One host as a playbook's `apply` sees it. */
export interface HostHandle<Vars, Extra> extends Subject<Vars, Extra> {
  /**
   * Brings resources to their wished state: one script reads all of them, one writes all changes. Falsy values are
   * left out, so that `condition && file(…)` reads well. In `plan` nothing is written.
   */
  ensure(...resources: readonly (Resource | false | null | undefined)[]): Promise<Ensured>;
  /**
   * Makes pending effects true, in fixed order: initramfs, boot configuration (read back), services, reboot (proved by
   * the boot id and the running arguments). Does nothing when nothing is due.
   */
  settle(): Promise<void>;
}

/** What `ensure` did, or in `plan` would do. */
export interface Ensured {
  readonly changed: boolean;
  /** Names of the resources that changed. */
  readonly resources: readonly string[];
}
