import { valueOf as argumentOf, type CommandLine } from './command-line.ts';
import type { UdevRule, UdevToken } from './udev-rules.ts';

/** A device, or one that it hangs on. */
export interface UdevNode {
  readonly kernel: string;
  readonly subsystem: string;
  readonly driver: string | null;
  readonly attribute: (name: string) => string | null;
}

/** A device, as rules see it in an event. */
export interface UdevDevice extends UdevNode {
  readonly action: string;
  /** Where it is below `/sys`, with all that it is behind. */
  readonly devpath?: string;
  /** Of the kernel; absent: rules see no argument. */
  readonly commandLine?: CommandLine;
  /** Nearest first. */
  readonly parents?: readonly UdevNode[];
  /** Properties that udev's own rules have given it. */
  readonly properties?: Readonly<Record<string, string>>;
}

/** Whose the node of a device becomes; `null`: no rule says so, and it stays as it is. */
export interface UdevPermissions {
  readonly owner: string | null;
  readonly group: string | null;
  readonly mode: string | null;
}

/** What rules make of an event. */
export interface UdevOutcome {
  /** Attributes as they are written, while the rules are read. */
  readonly written: ReadonlyMap<string, string>;
  /** Names in `/dev`. */
  readonly links: readonly string[];
  readonly permissions: UdevPermissions;
  /** What is run after all rules are read, in order. */
  readonly run: readonly { readonly kind: 'builtin' | 'program'; readonly command: string }[];
}

/** Applies rules to an event, as udev(7) says. */
export function applyUdevRules(rules: readonly UdevRule[], device: UdevDevice): UdevOutcome {
  const written = new Map<string, string>();
  const environment = new Map([
    ['ACTION', device.action],
    ['SUBSYSTEM', device.subsystem],
    ...(device.driver === null ? [] : [['DRIVER', device.driver] as const]),
    ...Object.entries(device.properties ?? {}),
  ]);
  let run: UdevOutcome['run'] = [];
  let links: UdevOutcome['links'] = [];
  let permissions: UdevPermissions = { owner: null, group: null, mode: null };
  let label: { readonly file: string; readonly name: string } | null = null;
  for (const { file, tokens } of rules) {
    if (label !== null && label.file === file) {
      if (!tokens.some(({ key, value }) => key === 'LABEL' && value === label?.name)) continue;
    }
    label = null;
    const seen = (token: UdevToken) => valueOf(token, device, written, environment);
    const own = tokens.filter((token) => isMatch(token) && !isOfParents(token));
    if (!own.every((token) => matches(token, seen(token)))) continue;
    if (!matchesOneParent(tokens.filter(isOfParents), device)) continue;
    if (!tokens.filter(({ key }) => key === 'IMPORT').every(({ value }) => imports(value, device, environment)))
      continue;
    for (const token of tokens.filter((item) => !isMatch(item))) {
      const value = substitute(token.value, device, environment);
      if (token.key === 'ATTR') written.set(token.attribute ?? '', value);
      if (token.key === 'ENV') environment.set(token.attribute ?? '', value);
      if (token.key === 'SYMLINK') links = [...(token.operator === '+=' ? links : []), ...value.split(/\s+/)];
      if (/^(?:OWNER|GROUP|MODE)$/.test(token.key)) permissions = { ...permissions, [token.key.toLowerCase()]: value };
      if (token.key === 'GOTO') label = { file, name: token.value };
      if (token.key !== 'RUN') continue;
      const kind = token.attribute === 'builtin' ? 'builtin' : 'program';
      run = [...(token.operator === '+=' ? run : []), { kind, command: value }];
    }
  }
  return { written, links, permissions, run };
}

function isMatch({ operator }: UdevToken): boolean {
  return operator === '==' || operator === '!=';
}

/** Makes an argument of the kernel a property; false: it is not there, which is a match that fails (udev-rules.c). */
function imports(name: string, { commandLine }: UdevDevice, environment: Map<string, string>): boolean {
  const found = commandLine === undefined ? null : argumentOf(commandLine, name);
  if (found === null) return false;
  environment.set(name, found === '' ? '1' : found);
  return true;
}

/** Keys that look at the device and all that it hangs on; those of a rule must match at one and the same (udev(7)). */
function isOfParents({ key }: UdevToken): boolean {
  return /^(?:KERNELS|SUBSYSTEMS|DRIVERS|ATTRS)$/.test(key);
}

function matchesOneParent(tokens: readonly UdevToken[], device: UdevDevice): boolean {
  if (tokens.length === 0) return true;
  return [device, ...(device.parents ?? [])].some((node) =>
    tokens.every((token) => matches(token, valueAt(token, node))),
  );
}

function valueAt({ key, attribute }: UdevToken, node: UdevNode): string | null {
  if (key === 'KERNELS') return node.kernel;
  if (key === 'SUBSYSTEMS') return node.subsystem;
  return key === 'DRIVERS' ? (node.driver ?? '') : node.attribute(attribute ?? '');
}

function valueOf(
  { key, attribute }: UdevToken,
  device: UdevDevice,
  written: ReadonlyMap<string, string>,
  environment: ReadonlyMap<string, string>,
): string | null {
  switch (key) {
    case 'ACTION':
      return device.action;
    case 'SUBSYSTEM':
      return device.subsystem;
    case 'KERNEL':
      return device.kernel;
    case 'DEVPATH':
      return device.devpath ?? '';
    case 'DRIVER':
      return device.driver ?? '';
    case 'ATTR':
      return written.get(attribute ?? '') ?? device.attribute(attribute ?? '');
    case 'ENV':
      return environment.get(attribute ?? '') ?? '';
    default:
      return '';
  }
}

/** An attribute that is not there matches nothing, not even by `!=` (udev-rules.c, `token_match_attr`). */
function matches({ operator, value }: UdevToken, found: string | null): boolean {
  if (found === null) return false;
  const alike = value.split('|').some((pattern) => glob(pattern).test(found));
  return (operator === '==') === alike;
}

/** fnmatch(3) with `*`, `?` and sets. */
function glob(pattern: string): RegExp {
  const source = pattern
    .replace(/[.+^$(){}|\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${source.replaceAll('[!', '[^')}$`);
}

function substitute(text: string, device: UdevDevice, environment: ReadonlyMap<string, string>): string {
  const attribute = (name: string) => device.attribute(name) ?? '';
  return text.replace(/%%|\$\$|%k|\$kernel|(?:%s|\$attr)\{([^}]*)\}|(?:%E|\$env)\{([^}]*)\}/g, (all, attr, env) => {
    if (all === '%%') return '%';
    if (all === '$$') return '$';
    if (attr !== undefined) return attribute(attr);
    return env !== undefined ? (environment.get(env) ?? '') : device.kernel;
  });
}
