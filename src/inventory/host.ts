import type { RolloutWish } from '../rollout/wish.ts';

/** How a script gets root: logged in as root, `sudo -n`, or sudo with a password. `none`: it does not. */
export type Elevation = 'root' | 'sudo' | 'none';

/** Everything that a log-in needs, normalised from `ssh: { … }` and from the `ansible_*` variables. */
export interface SshSettings {
  readonly address: string;
  readonly port: number;
  /** `null`: the name of the user who runs vfleet. */
  readonly user: string | null;
  /** Absolute path of a private key. */
  readonly keyFile: string | null;
  /** Log-in password. */
  readonly password: string | null;
  /** The jump host: the name of an inventory host, or `[user@]address[:port]`. */
  readonly jump: string | null;
  readonly elevate: Elevation;
  /** Password for sudo. */
  readonly elevatePassword: string | null;
  /** The known_hosts file of this host, beside the user's own. */
  readonly knownHosts: string | null;
}

/** Where a value comes from. */
export interface Origin {
  /** `host node01`, `group r12`, `group all`, `-e`. */
  readonly scope: string;
  /** `inventory/group_vars/r12.yaml:3:5`. */
  readonly position: string;
}

/** One host of the inventory, with all its values merged. */
export interface InventoryHost {
  readonly name: string;
  /** The failure domain; `null` when the inventory names none. */
  readonly rack: string | null;
  /** Every group that holds it, nearest first; `all` is the last. */
  readonly groups: readonly string[];
  readonly ssh: SshSettings;
  /** The playbook's variables, `ansible_*` and `ssh` left out. */
  readonly vars: Readonly<Record<string, unknown>>;
  /** Origin of each variable, of `rack`, and of each ssh setting as `ssh.user`. */
  readonly origins: Readonly<Record<string, Origin>>;
}

/** A loaded inventory: immutable; select returns hosts of it. */
export interface Inventory {
  /** The file or folder that it was loaded from, as the user gave it. */
  readonly source: string;
  readonly hosts: readonly InventoryHost[];
  /** Groups with their direct children and direct hosts, `all` first. */
  readonly groups: readonly InventoryGroup[];
  /** How its operators wish a rollout over it to go: `rollout:` under `all:`. */
  readonly rollout: RolloutWish;
  /** Things that are not wrong, but probably not meant. */
  readonly warnings: readonly string[];
}

export interface InventoryGroup {
  readonly name: string;
  readonly children: readonly string[];
  readonly hosts: readonly string[];
}
