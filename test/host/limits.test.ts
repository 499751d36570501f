import { describe, expect, it } from 'vitest';
import { createLimits, inTurn } from '../../src/host/limits.ts';
import type { Connection } from '../../src/transport/transport.ts';

const connection: Connection = {
  open: () => Promise.reject(new Error('not needed')),
  closed: new Promise(() => {}),
  close: async () => {},
};

describe('log-ins, of which one may be made at once', () => {
  const { connecting } = createLimits({ connecting: 1, applying: null, rebooting: null });
  const never = new AbortController().signal;

  it('wait for each other, also those that are made anew, and say so', async () => {
    const order: string[] = [];
    const said: string[] = [];
    const logInOf = (host: string) =>
      inTurn(
        host,
        connecting,
        async () => {
          order.push(`${host} begins`);
          await Promise.resolve();
          order.push(`${host} is in`);
          return connection;
        },
        (text) => said.push(`${host}: ${text}`),
      );
    const [first, second] = [logInOf('node01'), logInOf('node02')];
    await Promise.all([first(never), second(never)]);
    await Promise.all([second(never), first(never)]);
    expect(order).toEqual(
      ['node01', 'node02', 'node02', 'node01'].flatMap((host) => [`${host} begins`, `${host} is in`]),
    );
    const text = 'waiting to log in: 1 do so already, as many as may';
    expect(said).toEqual([`node02: ${text}`, `node01: ${text}`]);
    expect(connecting.taken).toBe(0);
  });

  it('give their place back when they fail', async () => {
    const failing = inTurn(
      'node01',
      connecting,
      () => Promise.reject(new Error('no answer')),
      () => {},
    );
    await expect(failing(never)).rejects.toThrow('no answer');
    expect(connecting.taken).toBe(0);
  });

  it('are not made any more when nobody wants them by then', async () => {
    const give = await connecting.take(never);
    const stop = new AbortController();
    let made = 0;
    const logIn = inTurn(
      'node01',
      connecting,
      async () => {
        made += 1;
        return connection;
      },
      () => {},
    );
    const waiting = logIn(stop.signal);
    stop.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'interrupted' });
    give?.();
    expect([made, connecting.taken]).toEqual([0, 0]);
  });
});
