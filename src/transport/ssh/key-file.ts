import { open } from 'node:fs/promises';
import { getuid } from 'node:process';
import ssh2, { type ParsedKey } from 'ssh2';
import { VfleetError } from '../../errors.ts';

/** A private key file as it can be used. */
export type KeyFile =
  | { readonly kind: 'ready'; readonly path: string; readonly key: ParsedKey }
  /** Protected by a passphrase. `publicKey` in wire form, where the file tells it: an agent may hold the key. */
  | { readonly kind: 'locked'; readonly path: string; readonly publicKey: Buffer | null };

/** Loads private keys, each file once: parsing one blocks the process, and hundreds of hosts share it. */
export interface KeyFiles {
  /** Errors: `ssh.key-file` when it is missing, unreadable, open to others, or no private key. */
  load(path: string): Promise<KeyFile>;
}

export function createKeyFiles(): KeyFiles {
  const cache = new Map<string, Promise<KeyFile>>();
  return {
    load(path) {
      const known = cache.get(path) ?? load(path);
      cache.set(path, known);
      // A mistake may be corrected while the process runs.
      known.catch(() => cache.delete(path));
      return known;
    },
  };
}

async function load(path: string): Promise<KeyFile> {
  const text = await readPrivate(path);
  const parsed = ssh2.utils.parseKey(text);
  if (parsed instanceof Error) {
    if (/encrypted|passphrase/i.test(parsed.message)) return { kind: 'locked', path, publicKey: publicHalf(text) };
    throw problem(path, 'a private key in OpenSSH or PEM form', parsed.message, `convert it: ssh-keygen -p -f ${path}`);
  }
  const key: unknown = Array.isArray(parsed) ? parsed[0] : parsed;
  if (!isPrivate(key)) {
    throw problem(path, 'a private key', 'a public key', 'name the file without .pub');
  }
  return { kind: 'ready', path, key };
}

/** The rule of OpenSSH: a key of one's own that others can read is not used. Source: authfile.c `sshkey_perm_ok`. */
async function readPrivate(path: string): Promise<string> {
  let file: Awaited<ReturnType<typeof open>> | undefined;
  try {
    file = await open(path, 'r');
    const text = await file.readFile('latin1');
    // Nobody should be told to change the mode of a file that is no key at all.
    if (!/^-----BEGIN [A-Z ]*PRIVATE KEY-----|^PuTTY-User-Key-File-|^(?:ssh|ecdsa)-/m.test(text)) {
      throw problem(path, 'a private key', 'something else', 'correct ssh.keyFile in the inventory');
    }
    const { mode, uid } = await file.stat();
    if ((mode & 0o077) !== 0 && uid === getuid?.()) {
      const found = `mode ${(mode & 0o7777).toString(8).padStart(4, '0')}`;
      throw problem(path, 'a key that only its owner can read', found, `chmod 600 ${path}`);
    }
    return text;
  } catch (cause) {
    if (cause instanceof VfleetError) throw cause;
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
    const found = code === 'ENOENT' ? 'no such file' : code;
    throw problem(path, 'a private key that can be read', found, 'correct ssh.keyFile in the inventory', cause);
  } finally {
    await file?.close();
  }
}

function isPrivate(key: unknown): key is ParsedKey {
  const candidate = key as Partial<ParsedKey> | null | undefined;
  return typeof candidate?.isPrivateKey === 'function' && candidate.isPrivateKey();
}

const magic = 'openssh-key-v1\0';

/** The public key, which the OpenSSH format keeps in clear. Source: OpenSSH PROTOCOL.key. */
function publicHalf(text: string): Buffer | null {
  const encoded = /-----BEGIN OPENSSH PRIVATE KEY-----([\s\S]+)-----END/.exec(text)?.[1];
  const bytes = Buffer.from(encoded ?? '', 'base64');
  if (!bytes.toString('latin1').startsWith(magic)) return null;
  let at = magic.length;
  const next = (): Buffer => {
    const length = bytes.readUInt32BE(at);
    at += 4 + length;
    return bytes.subarray(at - length, at);
  };
  try {
    // Cipher, derivation, its options, the number of keys; then the first public key.
    for (let i = 0; i < 3; i++) next();
    at += 4;
    return next();
  } catch {
    return null;
  }
}

function problem(path: string, expected: string, found: string, next: string, cause?: unknown): VfleetError {
  return new VfleetError({ code: 'ssh.key-file', thing: path, expected, found, next, cause });
}
