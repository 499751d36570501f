import { createHash } from 'node:crypto';
import { VfleetError } from '../../errors.ts';
import { knownName } from './host-pattern.ts';
import { judge, keyType, type Verdict } from './known-hosts.ts';
import type { KnownHostsStore } from './known-hosts-store.ts';
import type { SshTarget } from './target.ts';

/** A key as OpenSSH shows it: `SHA256:…`. */
export function fingerprint(key: Buffer): string {
  return `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;
}

/**
 * Accepts the key that a host shows, or explains why not. Errors: `ssh.host-key-unknown`, `ssh.host-key-changed`,
 * `ssh.host-key-revoked`, `ssh.known-hosts`.
 */
export async function verifyHostKey(store: KnownHostsStore, target: SshTarget, key: Buffer): Promise<void> {
  const { address, port, knownHostsFiles, pinnedFingerprints = [] } = target;
  const verdict = judge(await store.of(knownHostsFiles, address, port), key);
  if (verdict.kind === 'revoked') throw refused(target, verdict, key);
  if (pinnedFingerprints.length > 0) {
    if (!pinnedFingerprints.includes(fingerprint(key))) throw notPinned(target, key, pinnedFingerprints);
    return;
  }
  if (verdict.kind === 'known') return;
  if (!isNew(verdict) || target.hostKeyPolicy === 'strict') throw refused(target, verdict, key);
  if (knownHostsFiles.length === 0) return;
  // Another host behind the same name may have been added in the meantime.
  const before = await store.add(knownHostsFiles, address, port, key);
  if (before.kind !== 'known' && !isNew(before)) throw refused(target, before, key);
}

/** Known by a key of another type is not new: that host could have shown the known key, which was asked for first. */
function isNew(verdict: Verdict): boolean {
  return verdict.kind === 'unknown' && verdict.others.length === 0;
}

function refused(target: SshTarget, verdict: Exclude<Verdict, { kind: 'known' }>, key: Buffer): VfleetError {
  const { host, address, port } = target;
  const name = knownName(address, port);
  const thing = `host key of ${name}`;
  const shown = `${keyType(key)} key ${fingerprint(key)}`;
  const file = target.knownHostsFiles[0] ?? '~/.ssh/known_hosts';
  if (verdict.kind === 'revoked') {
    return new VfleetError({
      code: 'ssh.host-key-revoked',
      host,
      thing,
      expected: 'a key that is not revoked',
      found: `${shown}, revoked in ${verdict.entry.position}`,
      next: 'do not log in; give the host a new key',
    });
  }
  if (verdict.kind === 'changed') {
    const { position, key: old } = verdict.entry;
    return new VfleetError({
      code: 'ssh.host-key-changed',
      host,
      thing,
      expected: `the key ${fingerprint(old)} of ${position}`,
      found: `another ${shown}: the host was reinstalled, or somebody is in between`,
      next: `find out which; if it was reinstalled: ssh-keygen -f ${fileOf(position)} -R '${name}'`,
    });
  }
  const others = verdict.others.map((entry) => `${entry.type} (${entry.position})`).join(', ');
  return new VfleetError({
    code: 'ssh.host-key-unknown',
    host,
    thing,
    expected: others === '' ? `a key that is in ${file}` : `a key of a known type: ${others}`,
    found: `unknown ${shown}`,
    next: `compare it with the host's own (ssh-keygen -lf on its console), then: ${scan(target)} >> ${file}`,
  });
}

function scan({ address, port, jump }: SshTarget): string {
  const command = `ssh-keyscan -p ${port} -H ${address}`;
  return jump === null ? command : `ssh -p ${jump.port} ${jump.user}@${jump.address} ${command}`;
}

function notPinned(target: SshTarget, key: Buffer, pinned: readonly string[]): VfleetError {
  return new VfleetError({
    code: 'ssh.host-key-changed',
    host: target.host,
    thing: `host key of ${knownName(target.address, target.port)}`,
    expected: `${pinned.join(' or ')}, as pinned in the inventory`,
    found: `${keyType(key)} key ${fingerprint(key)}`,
    next: 'find out why; if the host was reinstalled, correct the pinned fingerprint',
  });
}

function fileOf(position: string): string {
  return position.replace(/:\d+$/, '');
}
