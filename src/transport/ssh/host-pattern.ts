import { createHmac } from 'node:crypto';

/**
 * Whether the first field of a known_hosts line names a host: a comma list of names and patterns with `*` and `?`, where a
 * negated one (`!`) that matches rules the whole line out, or one hashed name. Names are compared without case.
 * `name` is an address, or `[address]:port` where the port is not 22. Source: sshd(8), SSH_KNOWN_HOSTS FILE FORMAT;
 * OpenSSH hostfile.c `match_maybe_hashed`, match.c `match_pattern_list`.
 */
export function namesHost(field: string, name: string): boolean {
  const wanted = name.toLowerCase();
  if (field.startsWith('|')) return matchesHash(field, wanted);
  let found = false;
  for (const entry of field.toLowerCase().split(',')) {
    const negated = entry.startsWith('!');
    if (!matchesPattern(negated ? entry.slice(1) : entry, wanted)) continue;
    if (negated) return false;
    found = true;
  }
  return found;
}

/** The name under which known_hosts keeps a host. Source: OpenSSH misc.c `put_host_port`. */
export function knownName(address: string, port: number): string {
  return port === 22 ? address.toLowerCase() : `[${address.toLowerCase()}]:${port}`;
}

function matchesHash(field: string, name: string): boolean {
  const [, version, salt, hash, ...rest] = field.split('|');
  if (version !== '1' || salt === undefined || hash === undefined || rest.length > 0) return false;
  return createHmac('sha1', Buffer.from(salt, 'base64')).update(name).digest('base64') === hash;
}

/** In time that grows with the product of the lengths, whatever the pattern is. */
function matchesPattern(pattern: string, name: string): boolean {
  if (!/[*?]/.test(pattern)) return pattern === name;
  let p = 0;
  let n = 0;
  let star = -1;
  let resume = 0;
  while (n < name.length) {
    if (pattern[p] === '*') {
      star = p++;
      resume = n;
    } else if (pattern[p] === '?' || pattern[p] === name[n]) {
      p += 1;
      n += 1;
    } else if (star !== -1) {
      // The last star takes one character more.
      p = star + 1;
      n = ++resume;
    } else return false;
  }
  while (pattern[p] === '*') p += 1;
  return p === pattern.length;
}
