import type { Algorithms, ServerHostKeyAlgorithm } from 'ssh2';

/** Signature algorithms by the type of the key that they use, in order of preference. Source: RFC 8332, RFC 8709. */
const hostKeys: readonly (readonly [string, readonly ServerHostKeyAlgorithm[]])[] = [
  ['ssh-ed25519', ['ssh-ed25519']],
  ['ecdsa-sha2-nistp256', ['ecdsa-sha2-nistp256']],
  ['ecdsa-sha2-nistp384', ['ecdsa-sha2-nistp384']],
  ['ecdsa-sha2-nistp521', ['ecdsa-sha2-nistp521']],
  ['ssh-rsa', ['rsa-sha2-512', 'rsa-sha2-256']],
];

/**
 * What is offered: no SHA-1, no CBC, no finite-field group below 2048 bits. Host key types that are known come first.
 * Every OpenSSH since 7.2 (CentOS 7 has 7.4) speaks several of each.
 */
export function algorithms(knownTypes: readonly string[]): Algorithms {
  const known = hostKeys.filter(([type]) => knownTypes.includes(type));
  const others = hostKeys.filter(([type]) => !knownTypes.includes(type));
  return {
    kex: [
      'curve25519-sha256',
      'curve25519-sha256@libssh.org',
      'ecdh-sha2-nistp256',
      'ecdh-sha2-nistp384',
      'ecdh-sha2-nistp521',
      'diffie-hellman-group16-sha512',
      'diffie-hellman-group18-sha512',
      'diffie-hellman-group14-sha256',
    ],
    serverHostKey: [...known, ...others].flatMap(([, names]) => names),
    cipher: ['aes128-gcm@openssh.com', 'aes256-gcm@openssh.com', 'aes128-ctr', 'aes192-ctr', 'aes256-ctr'],
    hmac: ['hmac-sha2-256-etm@openssh.com', 'hmac-sha2-512-etm@openssh.com', 'hmac-sha2-256', 'hmac-sha2-512'],
    compress: ['none'],
  };
}
