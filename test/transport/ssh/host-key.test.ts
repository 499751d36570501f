import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fingerprint, verifyHostKey } from '../../../src/transport/ssh/host-key.ts';
import { createKnownHostsStore } from '../../../src/transport/ssh/known-hosts-store.ts';
import type { SshTarget } from '../../../src/transport/ssh/target.ts';
import { makeKey } from './ssh-server.ts';

const key = makeKey();
const other = makeKey();
const line = (pair: { readonly public: string }): string => pair.public.split(' ').slice(0, 2).join(' ');
let folder = '';
let file = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'vfleet-known-'));
  file = join(folder, 'known_hosts');
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

function target(own: Partial<SshTarget> = {}): SshTarget {
  return {
    host: 'node01',
    address: '10.0.0.1',
    port: 22,
    user: 'root',
    keyFile: null,
    password: null,
    agent: null,
    jump: null,
    knownHostsFiles: [file],
    hostKeyPolicy: 'strict',
    connectTimeout: 1000,
    ...own,
  };
}

const store = (warnings: string[] = []) => createKnownHostsStore((text) => warnings.push(text));

describe('strict', () => {
  it('names fingerprint and command for an unknown key, and writes nothing', async () => {
    await expect(verifyHostKey(store(), target({ port: 2222 }), key.wire)).rejects.toMatchObject({
      code: 'ssh.host-key-unknown',
      message: expect.stringMatching(
        new RegExp(
          `^node01: host key of \\[10.0.0.1\\]:2222: .*${fingerprint(key.wire).replaceAll('+', '\\+')}.*ssh-keyscan -p 2222 -H 10.0.0.1 >> ${file}$`,
        ),
      ),
    });
    expect(() => statSync(file)).toThrow(/ENOENT/);
  });

  it('names the place of the old key, both fingerprints and the command for a changed key', async () => {
    writeFileSync(file, `# mine\n10.0.0.1 ${line(other)}\n`);
    const error = await verifyHostKey(store(), target(), key.wire).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'ssh.host-key-changed' });
    for (const part of [
      `${file}:2`,
      fingerprint(key.wire),
      fingerprint(other.wire),
      `ssh-keygen -f ${file} -R '10.0.0.1'`,
    ]) {
      expect(String(error)).toContain(part);
    }
  });

  it('refuses a revoked key in any of the files', async () => {
    const second = join(folder, 'global');
    writeFileSync(file, `10.0.0.1 ${line(key)}\n`);
    writeFileSync(second, `@revoked * ${line(key)}\n`);
    const both = target({ knownHostsFiles: [file, second], pinnedFingerprints: [fingerprint(key.wire)] });
    await expect(verifyHostKey(store(), both, key.wire)).rejects.toMatchObject({ code: 'ssh.host-key-revoked' });
  });

  it('takes a key of any of the files, of which one may be missing', async () => {
    writeFileSync(file, `10.0.0.1 ${line(key)}\n`);
    await verifyHostKey(store(), target({ knownHostsFiles: [join(folder, 'none'), file] }), key.wire);
  });

  it('reports lines that are no entries once, and goes on', async () => {
    writeFileSync(file, `garbage\n10.0.0.1 ${line(key)}\n`);
    const warnings: string[] = [];
    const one = store(warnings);
    await verifyHostKey(one, target(), key.wire);
    appendFileSync(file, 'more garbage\n');
    await verifyHostKey(one, target(), key.wire);
    expect(warnings).toEqual([
      `${file}:1: not a host, a key type and a key`,
      `${file}:3: not a host, a key type and a key`,
    ]);
  });

  it('sees what other programs add', async () => {
    const one = store();
    await expect(verifyHostKey(one, target(), key.wire)).rejects.toThrow(/unknown/);
    writeFileSync(file, `10.0.0.1 ${line(key)}\n`);
    await verifyHostKey(one, target(), key.wire);
  });

  it('refuses everything when a file cannot be read', async () => {
    mkdirSync(file);
    const readable = join(folder, 'readable');
    writeFileSync(readable, `10.0.0.1 ${line(key)}\n`);
    const both = target({ knownHostsFiles: [readable, file], hostKeyPolicy: 'accept-new' });
    await expect(verifyHostKey(store(), both, key.wire)).rejects.toMatchObject({
      code: 'ssh.known-hosts',
      parts: { thing: file, found: 'EISDIR' },
    });
  });

  it.skipIf(process.getuid?.() === 0)('refuses everything when it may not read a file', async () => {
    writeFileSync(file, `10.0.0.1 ${line(key)}\n`);
    chmodSync(file, 0);
    await expect(verifyHostKey(store(), target(), key.wire)).rejects.toMatchObject({ code: 'ssh.known-hosts' });
  });
});

describe('accept-new', () => {
  const acceptNew = (own: Partial<SshTarget> = {}): SshTarget => target({ hostKeyPolicy: 'accept-new', ...own });

  it('remembers a new host, in a file and folder of its own making', async () => {
    file = join(folder, 'new', 'ssh', 'known_hosts');
    await verifyHostKey(store(), acceptNew({ port: 2222 }), key.wire);
    expect(readFileSync(file, 'utf8')).toBe(`[10.0.0.1]:2222 ${line(key)}\n`);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(join(folder, 'new', 'ssh')).mode & 0o777).toBe(0o700);
    await verifyHostKey(store(), target({ port: 2222 }), key.wire);
  });

  it('ends a last line that has no newline', async () => {
    writeFileSync(file, `10.9.9.9 ${line(other)}`);
    await verifyHostKey(store(), acceptNew(), key.wire);
    expect(readFileSync(file, 'utf8')).toBe(`10.9.9.9 ${line(other)}\n10.0.0.1 ${line(key)}\n`);
  });

  it('remembers hundreds of hosts at once, each once, and keeps them when others add', async () => {
    const one = store();
    const hosts = Array.from({ length: 300 }, (_, i) => acceptNew({ address: `10.0.${i >> 8}.${i & 255}` }));
    await Promise.all([...hosts, ...hosts].map((host) => verifyHostKey(one, host, key.wire)));
    expect(readFileSync(file, 'utf8').trim().split('\n')).toHaveLength(300);
    appendFileSync(file, `later ${line(key)}\n`);
    await verifyHostKey(one, target({ address: 'later' }), key.wire);
    await Promise.all(hosts.map((host) => verifyHostKey(one, { ...host, hostKeyPolicy: 'strict' }, key.wire)));
  });

  it('believes one of two keys that are shown for the same new host', async () => {
    const one = store();
    const ended = await Promise.allSettled([key, other].map((pair) => verifyHostKey(one, acceptNew(), pair.wire)));
    expect(ended.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(readFileSync(file, 'utf8').trim().split('\n')).toHaveLength(1);
  });

  it('refuses a changed key, and a key of another type than the known one', async () => {
    writeFileSync(file, `10.0.0.1 ${line(other)}\n`);
    await expect(verifyHostKey(store(), acceptNew(), key.wire)).rejects.toMatchObject({ code: 'ssh.host-key-changed' });
    await expect(verifyHostKey(store(), acceptNew(), makeKey('ecdsa').wire)).rejects.toMatchObject({
      code: 'ssh.host-key-unknown',
      message: expect.stringContaining(`ssh-ed25519 (${file}:1)`),
    });
    expect(readFileSync(file, 'utf8')).toBe(`10.0.0.1 ${line(other)}\n`);
  });

  it('does not log in where it cannot write', async () => {
    file = join('/proc', 'vfleet-known_hosts');
    await expect(verifyHostKey(store(), acceptNew(), key.wire)).rejects.toMatchObject({ code: 'ssh.known-hosts' });
  });
});

describe('pinned fingerprints', () => {
  it('take their key and no other, whatever known_hosts says', async () => {
    writeFileSync(file, `10.0.0.1 ${line(other)}\n`);
    const pinned = target({ pinnedFingerprints: [fingerprint(key.wire)] });
    await verifyHostKey(store(), pinned, key.wire);
    await expect(verifyHostKey(store(), pinned, other.wire)).rejects.toMatchObject({ code: 'ssh.host-key-changed' });
  });
});
