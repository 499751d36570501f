import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { greets, sshArguments } from '../../../src/lab/vm/log-in.ts';

let stop: (() => void) | null = null;
afterEach(() => stop?.());

/** A server on loopback that does that with whoever connects. */
async function server(welcome: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const listening = createServer((socket) => {
    sockets.add(socket.on('error', () => {}));
    welcome(socket);
  }).listen(0, '127.0.0.1');
  await once(listening, 'listening');
  stop = () => {
    for (const socket of sockets) socket.destroy();
    listening.close();
  };
  return (listening.address() as AddressInfo).port;
}

describe('an SSH server', () => {
  it('greets when it says its first line', async () => {
    const port = await server((socket) => socket.write('SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n'));
    expect(await greets(port)).toBe(true);
  });

  it.each([
    ['says nothing, as the port of a node that still boots', () => {}],
    ['hangs up', (socket: Socket) => socket.end()],
    ['breaks the connection', (socket: Socket) => socket.resetAndDestroy()],
    ['is another server', (socket: Socket) => socket.write('220 mail ESMTP\r\n')],
  ])('does not greet when what listens there %s', async (_, welcome) => {
    expect(await greets(await server(welcome), 100)).toBe(false);
  });

  it('does not greet where nobody listens', async () => {
    const port = await server(() => {});
    stop?.();
    expect(await greets(port)).toBe(false);
  });
});

describe('the arguments of ssh', () => {
  const args = sshArguments('/my labs/one', 12345).join('\n');

  it("take no part of the user's own configuration, and believe the lab's host keys only", () => {
    expect(args).toContain('-F\nnone');
    expect(args).toContain('StrictHostKeyChecking=yes');
    expect(args).toContain('UserKnownHostsFile="/my labs/one/known_hosts"');
    expect(args).toContain('IdentitiesOnly=yes');
    expect(args).toMatch(/-i\n\/my labs\/one\/id_ed25519\n-p\n12345\n/);
    expect(args).toMatch(/\nvfleet@127\.0\.0\.1$/);
  });
});
