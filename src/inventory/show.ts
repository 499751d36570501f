import { foldNames } from '../names.ts';
import { isSecretName } from './ansible.ts';
import type { Inventory, InventoryHost } from './host.ts';
import { sshKeys, sshSecrets } from './ssh-schema.ts';
import { isUnsupported } from './unsupported.ts';

/** What stands for a secret, whatever its length. */
const MASK = '********';

/**
 * The groups of an inventory as a tree, each with its racks and its own hosts, consecutive names as one. A group in
 * several groups is drawn in full where it comes first. Lines are joined by newlines, with none at the end.
 */
export function inventoryTree(inventory: Inventory): string {
  const groups = new Map(inventory.groups.map((group) => [group.name, group]));
  const members = new Map<string, InventoryHost[]>();
  for (const host of inventory.hosts) {
    for (const group of host.groups) {
      const names = members.get(group) ?? [];
      names.push(host);
      members.set(group, names);
    }
  }
  const drawn = new Set<string>();
  const draw = (name: string): readonly string[] => {
    const all = members.get(name) ?? [];
    const racks = [...new Set(all.map((host) => host.rack).filter((rack) => rack !== null))];
    const title = [`${name}: ${all.length} ${all.length === 1 ? 'host' : 'hosts'}`, ...rackLabel(racks)].join(', ');
    if (drawn.has(name)) return [`${title} (above)`];
    drawn.add(name);
    const group = groups.get(name);
    const below = (group?.children ?? []).map(draw);
    // Hosts of `all` itself are drawn in `ungrouped`.
    const own = name === 'all' ? [] : (group?.hosts ?? []);
    const leaves = foldNames(own).map((line) => [line]);
    return [title, ...branches([...leaves, ...below])];
  };
  return draw('all').join('\n');
}

function rackLabel(racks: readonly string[]): readonly string[] {
  if (racks.length === 0) return [];
  return racks.length === 1 ? [`rack ${racks[0]}`] : [`${racks.length} racks: ${foldNames(racks).join(' ')}`];
}

function branches(children: readonly (readonly string[])[]): readonly string[] {
  return children.flatMap((lines, index) => {
    const last = index === children.length - 1;
    return lines.map((line, row) => (row === 0 ? (last ? '└─ ' : '├─ ') : last ? '   ' : '│  ') + line);
  });
}

/** Where one value of a host comes from. */
export interface Explained {
  /** `rack`, `ssh.user`, or the name of a variable. */
  readonly name: string;
  /** As shown to people: JSON, a secret masked. */
  readonly value: string;
  /** `group r12`, or `default`. */
  readonly scope: string;
  /** `inventory/group_vars/r12.yaml:3:5`; empty for a default. */
  readonly position: string;
}

/** Each value of a host with its origin: rack, ssh settings, variables by name. Secrets are masked. */
export function explainValues(host: InventoryHost): readonly Explained[] {
  const explain = (name: string, value: unknown, secret: boolean): Explained => {
    const origin = Object.hasOwn(host.origins, name) ? host.origins[name] : undefined;
    const shown = secret && value !== null ? MASK : display(value);
    return { name, value: shown, scope: origin?.scope ?? 'default', position: origin?.position ?? '' };
  };
  return [
    explain('rack', host.rack, false),
    ...sshKeys.map((key) => explain(`ssh.${key}`, host.ssh[key], sshSecrets.has(key))),
    ...Object.keys(host.vars)
      .toSorted()
      .map((name) => explain(name, host.vars[name], isSecretName(name))),
  ];
}

/** A host with its groups and each value with its origin, as aligned lines. */
export function explainHost(host: InventoryHost): string {
  const rows = explainValues(host).map(({ name, value, scope, position }) => [name, value, scope, position]);
  const widths = [0, 1, 2].map((column) => Math.min(40, Math.max(...rows.map((row) => (row[column] ?? '').length))));
  const lines = rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  return [`${host.name} (groups: ${host.groups.join(', ')})`, ...lines.map((line) => `  ${line}`)].join('\n');
}

function display(value: unknown): string {
  if (value === null) return '-';
  if (isUnsupported(value)) return value.kind === 'vault' ? '(vault)' : `(Jinja) ${JSON.stringify(value.text)}`;
  return JSON.stringify(value, masked) ?? String(value);
}

/** The same values for programs: each as the JSON value that it is. */
export function explainJson(host: InventoryHost): readonly (Omit<Explained, 'value'> & { readonly value: unknown })[] {
  return explainValues(host).map((explained) => ({ ...explained, value: valueOf(explained, host) }));
}

function valueOf({ name, value }: Explained, host: InventoryHost): unknown {
  const plain =
    name === 'rack' ? host.rack : name.startsWith('ssh.') ? Reflect.get(host.ssh, name.slice(4)) : host.vars[name];
  if (plain === null || value === MASK) return plain === null ? null : MASK;
  return JSON.parse(JSON.stringify({ value: plain }, masked)).value;
}

/** Masks secrets inside of a variable, and names what only Ansible can compute. */
function masked(key: string, value: unknown): unknown {
  if (isUnsupported(value)) return value.kind === 'vault' ? '(vault)' : value.text;
  return isSecretName(key) && value !== null ? MASK : value;
}
