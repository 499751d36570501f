import { resolve } from 'node:path';
import { ansibleNames } from './ansible.ts';
import type { Elevation, Origin, SshSettings } from './host.ts';
import type { Held } from './layers.ts';
import type { Problems } from './problem.ts';
import { type SshKey, sshKeys, sshSecrets } from './ssh-schema.ts';
import { explainUnsupported, isUnsupported } from './unsupported.ts';

/** What the machine that vfleet runs on adds to an inventory. */
export interface Surroundings {
  /** The home folder, for `~`. */
  readonly home: string;
  /** The name of the user who runs vfleet, for the default of `elevate`. */
  readonly user: string;
  /** The folder that relative paths in the inventory count from. */
  readonly folder: string;
}

/** What a host's settings come to. */
export interface Settled {
  readonly ssh: SshSettings;
  readonly rack: string | null;
  /** Of `rack` and of each `ssh.KEY` that the inventory sets. */
  readonly origins: Readonly<Record<string, Origin>>;
}

type Picked = Partial<Record<SshKey, Held>>;

/** Settles log-in settings and rack of a host from all that holds for it. */
export function settle(
  name: string,
  settings: ReadonlyMap<string, Held>,
  around: Surroundings,
  problems: Problems,
): Settled {
  const picked: Picked = {};
  for (const key of sshKeys) {
    const held = usable(pick(key, settings, problems), problems);
    if (held !== null && held.value !== null) picked[key] = held;
  }
  const text = (key: SshKey): string | null => {
    const value = picked[key]?.value;
    return typeof value === 'string' ? value : null;
  };
  const file = (key: SshKey): string | null => {
    const path = text(key);
    return path === null ? null : resolve(around.folder, path.replace(/^~(?=\/|$)/, around.home));
  };
  const user = text('user');
  const port = picked.port?.value;
  const rack = usable(settings.get('rack') ?? null, problems);
  const ssh: SshSettings = {
    address: text('address') ?? name,
    port: typeof port === 'number' ? port : 22,
    user,
    keyFile: file('keyFile'),
    password: text('password'),
    jump: text('jump'),
    elevate: elevation(text('elevate'), user ?? around.user),
    elevatePassword: text('elevatePassword'),
    knownHosts: file('knownHosts'),
  };
  const origins: Record<string, Origin> = {};
  for (const key of sshKeys) {
    const held = picked[key];
    if (held !== undefined) origins[`ssh.${key}`] = held.origin;
  }
  if (typeof rack?.value === 'string') origins['rack'] = rack.origin;
  return { ssh, rack: typeof rack?.value === 'string' ? rack.value : null, origins };
}

/** Of the spellings of one setting the one that holds: the native one or the last of Ansible's, whichever ranks higher. */
function pick(key: SshKey, settings: ReadonlyMap<string, Held>, problems: Problems): Held | null {
  const native = settings.get(`ssh.${key}`) ?? null;
  const names = ansibleNames[key].map((name) => settings.get(name)).filter((held) => held !== undefined);
  // Arguments that say nothing of a jump host leave it to the other variable, as they do on a command line.
  const ansible = names.findLast((held) => key !== 'jump' || held.value !== null) ?? names.at(-1) ?? null;
  if (native === null || ansible === null) return native ?? ansible;
  if (native.rank === ansible.rank && native.value !== ansible.value) {
    const other = ansible.said.path.at(-1) ?? '';
    const text = `said twice: ${other} at ${ansible.said.position} has another value`;
    problems.add('inventory.duplicate', native.said.place, native.said.path, text);
  }
  return native.rank >= ansible.rank ? native : ansible;
}

function usable(held: Held | null, problems: Problems): Held | null {
  if (held === null || !isUnsupported(held.value)) return held;
  const { said, value } = held;
  const { found, next } = explainUnsupported(value);
  const key = said.path.at(-1) ?? '';
  const about = sshSecrets.has(key) || /pass/.test(key) ? 'use a key or an agent, or sudo without a password' : next;
  problems.add('inventory.unsupported-value', said.place, said.path, `needed, but it is ${found}; ${about}`);
  return null;
}

/**
 * `ansible_become: false` says that nothing more than the log-in user is wanted, which for root is root. A native
 * `elevate` holds as it is written.
 */
function elevation(said: string | null, user: string): Elevation {
  if (said === 'root' || said === 'sudo' || said === 'none') return said;
  if (user === 'root') return 'root';
  return said === 'no-become' ? 'none' : 'sudo';
}
