import { isMap, isScalar } from 'yaml';
import { didYouMean } from '../nearest.ts';
import { isSecretName, readAnsible } from './ansible.ts';
import { type Entry, entriesOf, kindOf, type YamlFile } from './document.ts';
import { type Place, type Problems, positionOf } from './problem.ts';
import { isRollout, rolloutElsewhere } from './rollout.ts';
import { type SshKey, sshAccepts, sshExpected, sshKeys, sshSecrets } from './ssh-schema.ts';
import { isUnsupported } from './unsupported.ts';
import { valueOf } from './value.ts';

/** A value with the place where it is written. */
export interface Sourced {
  readonly value: unknown;
  /** Of the key: `inventory/racks.yaml:8:9`. */
  readonly position: string;
  readonly place: Place;
  readonly path: readonly string[];
}

/** What one map of variables says: of a host, under `vars`, or in a file of `group_vars` or `host_vars`. */
export interface Body {
  /** The playbook's variables. */
  readonly vars: Map<string, Sourced>;
  /** `rack`, `ssh.user` and the like, `ansible_user` and the like; validated. */
  readonly settings: Map<string, Sourced>;
  /** `ansible_group_priority`, where a group says it. */
  priority: Sourced | null;
}

/** A body that says nothing yet. */
export function emptyBody(): Body {
  return { vars: new Map(), settings: new Map(), priority: null };
}

/** Reads the entries of a map of variables into a body. */
export function readBody(
  body: Body,
  entries: readonly Entry[],
  yaml: YamlFile,
  path: readonly string[],
  problems: Problems,
): void {
  for (const entry of entries) {
    const inner = [...path, entry.key];
    if (entry.key === 'ssh') readSsh(body, entry, yaml, inner, problems);
    else if (entry.key === 'rack') readRack(body, entry, yaml, inner, problems);
    else if (entry.key === '__proto__') problems.add('inventory.key', entry.place, path, 'not a usable variable name');
    else if (entry.key === 'rollout' && isRollout(entry.value))
      problems.add('inventory.unknown-key', entry.place, inner, rolloutElsewhere);
    else if (entry.key.startsWith('ansible_')) readAnsibleEntry(body, entry, yaml, inner, problems);
    else body.vars.set(entry.key, sourced(entry, valueOf(entry.value, yaml, inner, problems), inner));
  }
}

function readSsh(body: Body, ssh: Entry, yaml: YamlFile, path: readonly string[], problems: Problems): void {
  const map = ssh.value;
  if (!isMap(map)) {
    const example = 'ssh: { user: admin, port: 22 }';
    problems.add('inventory.type', placeOf(ssh, yaml), path, `expected a map as ${example}, found ${kindOf(map)}`);
    return;
  }
  for (const entry of entriesOf(map, yaml, path, problems)) {
    const inner = [...path, entry.key];
    const key = sshKeys.find((known) => known === entry.key);
    if (key === undefined) {
      problems.add('inventory.unknown-key', entry.place, inner, `unknown key${sshHint(entry.key)}`);
      continue;
    }
    const value = valueOf(entry.value, yaml, inner, problems);
    if (isUnsupported(value) || sshAccepts(key, value)) {
      setOnce(body, `ssh.${key}`, sourced(entry, value, inner), problems);
    } else {
      const found = sshSecrets.has(key) ? kindOf(entry.value) : shown(entry);
      const text = `expected ${sshExpected[key]}, found ${found}`;
      problems.add('inventory.value', placeOf(entry, yaml), inner, text);
    }
  }
}

/** The names that ssh_config and Ansible users write first. */
const OTHER_NAMES: Readonly<Record<string, SshKey>> = {
  host: 'address',
  hostname: 'address',
  ip: 'address',
  identityFile: 'keyFile',
  key: 'keyFile',
  privateKey: 'keyFile',
  proxyJump: 'jump',
  bastion: 'jump',
  become: 'elevate',
  sudo: 'elevate',
  becomePassword: 'elevatePassword',
  sudoPassword: 'elevatePassword',
  username: 'user',
};

function sshHint(key: string): string {
  const meant = Object.hasOwn(OTHER_NAMES, key) ? OTHER_NAMES[key] : undefined;
  if (meant !== undefined) return `, did you mean "${meant}"?`;
  return didYouMean(key, sshKeys) || `; known are ${sshKeys.join(', ')}`;
}

function readRack(body: Body, entry: Entry, yaml: YamlFile, path: readonly string[], problems: Problems): void {
  // A rack named 07 is a number to YAML; its name is what is written.
  const value = valueOf(entry.value, yaml, path, quiet(problems));
  const number = typeof value === 'number' && isScalar(entry.value);
  const rack = number && isScalar(entry.value) ? (entry.value.source ?? String(value)) : value;
  const good = rack === null || (typeof rack === 'string' && /^[\p{L}\p{N}_][\p{L}\p{N}_. /+-]*$/u.test(rack));
  if (good || isUnsupported(rack)) setOnce(body, 'rack', sourced(entry, rack, path), problems);
  else {
    const text = `expected the name of a rack as text (letters, digits, _ . - / + and spaces), found ${shown(entry)}`;
    problems.add('inventory.value', placeOf(entry, yaml), path, text);
  }
}

function readAnsibleEntry(body: Body, entry: Entry, yaml: YamlFile, path: readonly string[], problems: Problems): void {
  const { key, place } = entry;
  // The yes and no of YAML 1.1 are understood in connection variables: no warning about them.
  const value = valueOf(entry.value, yaml, path, quiet(problems));
  if (key === 'ansible_group_priority') {
    body.priority = sourced(entry, value, path);
    return;
  }
  const reading = readAnsible(key, value);
  if (reading.kind === 'refused') problems.add('inventory.ansible-variable', place, path, reading.message);
  else if (reading.kind === 'setting') {
    body.settings.set(key, sourced(entry, reading.value, path));
  } else if (reading.kind === 'unused' && !isSecretName(key)) {
    problems.warn(place, path, 'not a connection variable; names that begin with ansible_ do not reach a playbook');
  }
}

/** The same, without the warnings about what Ansible reads otherwise. */
function quiet(problems: Problems): Problems {
  return { ...problems, warn: () => {} };
}

function setOnce(body: Body, key: string, value: Sourced, problems: Problems): void {
  const first = body.settings.get(key);
  if (first === undefined) body.settings.set(key, value);
  else problems.add('inventory.duplicate', value.place, value.path, `said twice, the first is at ${first.position}`);
}

function sourced(entry: Entry, value: unknown, path: readonly string[]): Sourced {
  return { value, position: positionOf(entry.place), place: entry.place, path };
}

function placeOf(entry: Entry, yaml: YamlFile): Place {
  return entry.value === null || kindOf(entry.value) === 'nothing' ? entry.place : yaml.place(entry.value);
}

function shown(entry: Entry): string {
  if (!isScalar(entry.value) || entry.value.value === null) return kindOf(entry.value);
  const { value } = entry.value;
  return typeof value === 'string' ? JSON.stringify(value) : `${kindOf(entry.value)}: ${String(value)}`;
}
