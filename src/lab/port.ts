import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { VfleetError } from '../errors.ts';

/** The address that lab nodes listen on. */
export const labAddress = '127.0.0.1';

/** A port that stays a node's own while the node is down and refuses connections. */
export interface ReservedPort {
  readonly port: number;
  release(): void;
}

/** Whoever listens here on a port holds that port of `labAddress`. All of 127/8 is loopback on Linux. */
const reservationAddress = '127.0.0.2';

/**
 * Reserves a port outside the range of outgoing connections: inside it, a client that knocks at a node that is down can
 * by chance be given that very port, connect to itself, and keep the node from coming back.
 * Source: `net.ipv4.ip_local_port_range`, kernel Documentation/networking/ip-sysctl.rst.
 * Errors: `lab.no-port`.
 */
export async function reservePort(): Promise<ReservedPort> {
  const range = await candidates();
  for (let tries = 0; tries < 500; tries++) {
    const port = randomInt(range.from, range.to);
    const holder = await listen(reservationAddress, port);
    if (holder === null) continue;
    const service = await listen(labAddress, port);
    if (service === null) {
      holder.close();
      continue;
    }
    service.close();
    await once(service, 'close');
    holder.unref();
    return { port, release: () => void holder.close() };
  }
  throw new VfleetError({
    code: 'lab.no-port',
    thing: `ports ${range.from} to ${range.to} of ${labAddress}`,
    expected: 'a free one',
    found: 'none in 500 tries',
    next: 'stop other labs on this machine',
  });
}

async function candidates(): Promise<{ readonly from: number; readonly to: number }> {
  const text = await readFile('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').catch(() => '');
  const [low = 32768, high = 60999] = text.trim().split(/\s+/).filter(Boolean).map(Number);
  if (low - 10240 >= 2000) return { from: 10240, to: low };
  if (65536 - high >= 2000) return { from: high + 1, to: 65536 };
  return { from: 10240, to: 65536 };
}

/** A server that listens there; `null`: the port is taken. */
async function listen(address: string, port: number): Promise<Server | null> {
  const server = createServer((socket) => socket.destroy());
  return new Promise((resolve) => {
    server.once('error', () => resolve(null));
    server.listen(port, address, () => resolve(server));
  });
}
