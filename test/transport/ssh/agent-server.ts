import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import ssh2, { type ParsedKey } from 'ssh2';

/** An SSH agent of this process that holds some private keys. */
export interface TestAgent {
  readonly path: string;
  stop(): Promise<void>;
}

export async function startAgent(path: string, keys: readonly ParsedKey[]): Promise<TestAgent> {
  const sockets = new Set<Socket>();
  const listener = createServer((socket) => {
    sockets.add(socket.on('error', () => {}));
    const protocol = new ssh2.AgentProtocol(false);
    protocol.on('error', () => {});
    protocol.on('identities', (request) => protocol.getIdentitiesReply(request, [...keys]));
    protocol.on('sign', (request, publicKey, data, { hash }) => {
      const key = keys.find((candidate) => candidate.getPublicSSH().equals(publicKey.getPublicSSH()));
      if (key === undefined) protocol.failureReply(request);
      else protocol.signReply(request, key.sign(data, hash));
    });
    socket.pipe(protocol).pipe(socket);
  });
  listener.listen(path);
  await once(listener, 'listening');
  return {
    path,
    async stop() {
      for (const socket of sockets) socket.destroy();
      listener.close();
      await once(listener, 'close');
    },
  };
}
