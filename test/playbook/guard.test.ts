import { describe, expect, it } from 'vitest';
import { VfleetError } from '../../src/errors.ts';
import type { HostHandle } from '../../src/host/handle.ts';
import { file, playbook } from '../../src/index.ts';
import { guard } from '../../src/playbook/guard.ts';
import { errorOf } from './folder.ts';

/** A host whose calls end when they are told to. */
function hostOf(acts: { ensure?: () => Promise<void>; settle?: () => Promise<void> } = {}) {
  const calls: string[] = [];
  const handle = {
    name: 'node07',
    rack: null,
    groups: ['all'],
    vars: {},
    get facts(): never {
      calls.push('facts');
      return {} as never;
    },
    async ensure() {
      calls.push('ensure');
      await acts.ensure?.();
      calls.push('ensured');
      return { changed: false, resources: [] };
    },
    async settle() {
      calls.push('settle');
      await acts.settle?.();
    },
  } satisfies HostHandle<unknown, unknown>;
  return { handle, calls };
}

const guarded = (apply: (host: HostHandle<unknown, unknown>) => Promise<void> | void) =>
  guard(playbook({ name: 'x', apply }), 'book.ts');
const broken = () => Promise.reject(new VfleetError({ code: 'host.changed', host: 'node07', thing: '/etc/motd' }));

describe('a guarded playbook', () => {
  it('sees the host as it is', async () => {
    const { handle, calls } = hostOf();
    await guarded(async (host) => {
      expect([host.name, host.rack, host.groups]).toEqual(['node07', null, ['all']]);
      void host.facts;
      await host.ensure(file('/etc/motd', 'x'), false, undefined);
      await host.settle();
    }).apply(handle);
    expect(calls).toEqual(['facts', 'ensure', 'ensured', 'settle']);
  });

  it('may end without a promise', async () => {
    await guarded(() => {}).apply(hostOf().handle);
  });

  it('passes on what happened on the host, unchanged', async () => {
    const { handle } = hostOf({ ensure: broken });
    const error = await errorOf(() => guarded(async (host) => void (await host.ensure())).apply(handle));
    expect(error.parts).toEqual({ code: 'host.changed', host: 'node07', thing: '/etc/motd' });
  });

  it('is not done when it swallowed what happened on the host', async () => {
    const { handle } = hostOf({ ensure: broken });
    const swallowing = guarded(async (host) => {
      await host.ensure().catch(() => {});
      await host.settle();
    });
    expect((await errorOf(() => swallowing.apply(handle))).code).toBe('host.changed');
  });

  it('must await: it ends only when its calls have, and is told', async () => {
    let end = (): void => {};
    const { handle, calls } = hostOf({ ensure: () => new Promise((resolve) => (end = resolve)) });
    const error = errorOf(() =>
      guarded((host) => {
        void host.ensure();
      }).apply(handle),
    );
    expect(calls).toEqual(['ensure']);
    end();
    expect((await error).code).toBe('playbook.not-awaited');
    expect(calls).toEqual(['ensure', 'ensured']);
  });

  it('must await one call before the next', async () => {
    const { handle, calls } = hostOf();
    const hasty = guarded(async (host) => {
      await Promise.all([host.ensure(), host.settle()]);
    });
    expect((await errorOf(() => hasty.apply(handle))).message).toMatch(
      /host\.settle\(\) is called while an earlier call/,
    );
    expect(calls).toEqual(['ensure', 'ensured']);
  });

  it('leaves no rejection behind that nobody hears of', async () => {
    const { handle } = hostOf({ ensure: broken });
    const unhandled: unknown[] = [];
    const note = (reason: unknown): void => void unhandled.push(reason);
    process.on('unhandledRejection', note);
    try {
      const forgetful = guarded((host) => {
        void host.ensure();
      });
      expect((await errorOf(() => forgetful.apply(handle))).code).toBe('host.changed');
      await new Promise(setImmediate);
      expect(unhandled).toEqual([]);
    } finally {
      process.off('unhandledRejection', note);
    }
  });

  it.each(['gate', 'verify'] as const)('explains what %s throws', async (name) => {
    const mistaken = guard(
      playbook({
        name: 'x',
        [name]: () => {
          throw new TypeError('no list');
        },
      }),
      'book.ts',
    );
    const error = await errorOf(() => mistaken[name](hostOf().handle));
    expect(error.code).toBe('playbook.threw');
    expect(error.message).toMatch(
      new RegExp(
        `guard\\.test\\.ts:\\d+: ${name} of the playbook: expected no error, found TypeError: no list; next: correct`,
      ),
    );
  });
});
