import { timingSafeEqual } from 'node:crypto';
import ssh2, { type AuthContext } from 'ssh2';

/** Whether a client proves that it has the key, or knows the password where there is one. */
export function proves(context: AuthContext, publicLine: string, password: string | null): boolean {
  if (context.method === 'password')
    return password !== null && same(Buffer.from(context.password), Buffer.from(password));
  if (context.method !== 'publickey') return false;
  const key = ssh2.utils.parseKey(publicLine);
  if (key instanceof Error || context.key.algo !== key.type) return false;
  if (!same(context.key.data, key.getPublicSSH())) return false;
  // Without a signature the client only asks whether the key would do.
  if (context.signature === undefined || context.blob === undefined) return true;
  return key.verify(context.blob, context.signature, context.hashAlgo) === true;
}

function same(left: Buffer, right: Buffer): boolean {
  return left.length === right.length && timingSafeEqual(left, right);
}
