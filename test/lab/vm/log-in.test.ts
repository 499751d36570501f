import { describe, expect, it } from 'vitest';
import { sshArguments } from '../../../src/lab/vm/log-in.ts';

describe('the arguments of ssh', () => {
  const args = sshArguments('/my labs/one', 12345).join('\n');

  it("take no part of the user's own configuration, and believe the lab's host keys only", () => {
    expect(args).toContain('-F\nnone');
    expect(args).toContain('StrictHostKeyChecking=yes');
    expect(args).toContain('UserKnownHostsFile="/my labs/one/known_hosts"');
    expect(args).toContain('IdentitiesOnly=yes');
    expect(args).toMatch(/-i\n\/my labs\/one\/id_ed25519\n-p\n12345\n/);
    // A percent sign would begin a token of ssh_config(5).
    expect(sshArguments('/100%', 1).join('\n')).toContain('-i\n/100%%/id_ed25519');
    expect(args).toMatch(/\nvfleet@127\.0\.0\.1$/);
  });
});
