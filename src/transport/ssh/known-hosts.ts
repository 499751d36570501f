import { knownName } from './host-pattern.ts';
import type { HostEntries } from './known-hosts-index.ts';

/** One line of a known_hosts file. */
export interface KnownHost {
  readonly marker: 'none' | 'revoked' | 'cert-authority';
  /** The first field: names, patterns, or one hashed name. */
  readonly names: string;
  /** Key type: `ssh-ed25519`. */
  readonly type: string;
  /** The key as it goes over the wire. */
  readonly key: Buffer;
  /** `file:line`. */
  readonly position: string;
}

/** A known_hosts file. `problems`: lines that are no entry, as `file:line: why`; OpenSSH skips them as well. */
export interface KnownHosts {
  readonly entries: readonly KnownHost[];
  readonly problems: readonly string[];
}

/** Reads a known_hosts file. Pure. Source: sshd(8), SSH_KNOWN_HOSTS FILE FORMAT. */
export function parseKnownHosts(text: string, path: string): KnownHosts {
  const entries: KnownHost[] = [];
  const problems: string[] = [];
  text.split('\n').forEach((line, i) => {
    const trimmed = line.trim();
    if (trimmed === '' || trimmed.startsWith('#')) return;
    const position = `${path}:${i + 1}`;
    const entry = parseLine(trimmed, position);
    if (typeof entry === 'string') problems.push(`${position}: ${entry}`);
    else entries.push(entry);
  });
  return { entries, problems };
}

function parseLine(line: string, position: string): KnownHost | string {
  const fields = line.split(/[ \t]+/);
  const mark = fields[0]?.startsWith('@') ? fields.shift() : undefined;
  if (mark !== undefined && mark !== '@revoked' && mark !== '@cert-authority') return `unknown marker ${mark}`;
  const [names, type, encoded] = fields;
  if (names === undefined || type === undefined || encoded === undefined) return 'not a host, a key type and a key';
  const key = Buffer.from(encoded, 'base64');
  if (keyType(key) !== type) return `the key is not of type ${type}`;
  const marker = mark === '@revoked' ? 'revoked' : mark === '@cert-authority' ? 'cert-authority' : 'none';
  return { marker, names, type, key, position };
}

/** The type that a key in wire form says it is; `null` when it says none. Source: RFC 4253, 6.6. */
export function keyType(key: Buffer): string | null {
  if (key.length < 4) return null;
  const length = key.readUInt32BE(0);
  return length === 0 || length > 64 || key.length < 4 + length ? null : key.toString('latin1', 4, 4 + length);
}

/** What known_hosts says of a key that a host shows. */
export type Verdict =
  | { readonly kind: 'known' }
  | { readonly kind: 'revoked'; readonly entry: KnownHost }
  /** There is another key of the same type. */
  | { readonly kind: 'changed'; readonly entry: KnownHost }
  /** There is none of this type; `others` are keys of other types. */
  | { readonly kind: 'unknown'; readonly others: readonly KnownHost[] };

/**
 * Judges a key. Keys are compared by type: a known RSA key does not make an ed25519 key wrong. A host on a port other than
 * 22 may also be known by its name without the port. Keys of certificate authorities vouch for nothing here, as no
 * host certificates are read. Source: OpenSSH sshconnect.c `check_host_key`, hostfile.c `check_hostkeys`.
 */
export function judge({ exact, plain }: HostEntries, key: Buffer): Verdict {
  const same = (entry: KnownHost): boolean => entry.key.equals(key);
  const revoked = [...exact, ...plain].find((entry) => entry.marker === 'revoked' && same(entry));
  if (revoked !== undefined) return { kind: 'revoked', entry: revoked };
  const trusted = exact.filter(isTrusted);
  if ([...trusted, ...plain.filter(isTrusted)].some(same)) return { kind: 'known' };
  const type = keyType(key);
  const changed = trusted.find((entry) => entry.type === type);
  return changed === undefined ? { kind: 'unknown', others: trusted } : { kind: 'changed', entry: changed };
}

/** Key types that are known for a host: to be asked for first, so that it does not show one that nobody can judge. */
export function knownTypes({ exact, plain }: HostEntries): readonly string[] {
  const trusted = exact.filter(isTrusted);
  return [...new Set((trusted.length > 0 ? trusted : plain.filter(isTrusted)).map((entry) => entry.type))];
}

/** A line that makes a key known. */
export function printKnownHost(address: string, port: number, key: Buffer): string {
  return `${knownName(address, port)} ${keyType(key) ?? 'unknown'} ${key.toString('base64')}`;
}

function isTrusted(entry: KnownHost): boolean {
  return entry.marker === 'none';
}
