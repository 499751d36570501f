import { generateKeyPairSync, randomBytes } from 'node:crypto';
import ssh2, { type ParsedKey } from 'ssh2';
import { describe, expect, it } from 'vitest';
import { formatKeyPair, knownHostsLine, makeKeyPair } from '../../src/lab/keys.ts';

function parsed(text: string): ParsedKey {
  const key = ssh2.utils.parseKey(text);
  if (key instanceof Error) throw key;
  return key;
}

function works(privateKey: string, publicLine: string): boolean {
  const text = randomBytes(40);
  const signature: unknown = parsed(privateKey).sign(text);
  return Buffer.isBuffer(signature) && parsed(publicLine).verify(text, signature) === true;
}

describe('a key pair', () => {
  it('signs, and its public line verifies', () => {
    const { privateKey, publicLine } = makeKeyPair('a comment');
    expect(works(privateKey, publicLine)).toBe(true);
    expect(publicLine).toMatch(/^ssh-ed25519 \S+ a comment$/);
    expect(parsed(privateKey).comment).toBe('a comment');
  });

  it('works when the public key begins with a zero byte', () => {
    for (;;) {
      const { d = '', x = '' } = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' });
      const [seed, publicKey] = [Buffer.from(d, 'base64url'), Buffer.from(x, 'base64url')];
      if (publicKey[0] !== 0) continue;
      const { privateKey, publicLine } = formatKeyPair(seed, publicKey, 'zero');
      expect(works(privateKey, publicLine)).toBe(true);
      return;
    }
  });

  it('fills its secret part up to whole blocks, whatever the comment', () => {
    for (let length = 0; length < 9; length++) {
      const { privateKey, publicLine } = makeKeyPair('c'.repeat(length));
      expect(works(privateKey, publicLine)).toBe(true);
    }
  });

  it('has a line for known_hosts', () => {
    const key = makeKeyPair('n1');
    expect(`${knownHostsLine('127.0.0.1', 2022, key)} n1`).toBe(`[127.0.0.1]:2022 ${key.publicLine}`);
  });
});
