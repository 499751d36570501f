import { generateKeyPairSync, randomBytes } from 'node:crypto';

/** An ed25519 key pair, as OpenSSH stores it. */
export interface KeyPair {
  /** The text of a private key file, `openssh-key-v1`, not encrypted. Source: OpenSSH `PROTOCOL.key`. */
  readonly privateKey: string;
  /** `ssh-ed25519 AAAA… comment`, without a line end. */
  readonly publicLine: string;
}

const type = 'ssh-ed25519';

/**
 * Makes a key pair, in well under a millisecond. Written here because `utils.generateKeyPair` of ssh2 1.17 strips
 * leading zero bytes from the public key, which spoils one ed25519 key in 256.
 */
export function makeKeyPair(comment: string): KeyPair {
  const { d, x } = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' });
  if (d === undefined || x === undefined) throw new Error('an ed25519 key without its parts');
  return formatKeyPair(Buffer.from(d, 'base64url'), Buffer.from(x, 'base64url'), comment);
}

/** The pair of a private seed and its public key, 32 bytes each. */
export function formatKeyPair(seed: Buffer, publicKey: Buffer, comment: string): KeyPair {
  const blob = Buffer.concat([field(type), field(publicKey)]);
  const check = randomBytes(4);
  const secret = Buffer.concat([check, check, blob, field(Buffer.concat([seed, publicKey])), field(comment)]);
  const padding = Buffer.from([1, 2, 3, 4, 5, 6, 7].slice(0, (8 - (secret.length % 8)) % 8));
  const file = Buffer.concat([
    Buffer.from('openssh-key-v1\0'),
    field('none'),
    field('none'),
    field(''),
    Buffer.from([0, 0, 0, 1]),
    field(blob),
    field(Buffer.concat([secret, padding])),
  ]);
  const lines = file.toString('base64').match(/.{1,70}/g) ?? [];
  const body = ['-----BEGIN OPENSSH PRIVATE KEY-----', ...lines, '-----END OPENSSH PRIVATE KEY-----', ''];
  return { privateKey: body.join('\n'), publicLine: `${type} ${blob.toString('base64')} ${comment}` };
}

/** A line of known_hosts that pins a server's key. Source: sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT". */
export function knownHostsLine(address: string, port: number, key: Pick<KeyPair, 'publicLine'>): string {
  const [kind, blob] = key.publicLine.split(' ');
  return `[${address}]:${port} ${kind} ${blob}`;
}

function field(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}
