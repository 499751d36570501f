import { describe, expect, it } from 'vitest';
import { VfleetError } from '../../src/errors.ts';
import { createBus } from '../../src/events/bus.ts';
import type { HostContext } from '../../src/host/context.ts';
import { createLimits } from '../../src/host/limits.ts';
import { defaultRebootPolicy } from '../../src/host/reboot.ts';
import { runHost } from '../../src/host/run.ts';
import { playbook } from '../../src/playbook/define.ts';
import type { Shell } from '../../src/shell/shell.ts';

const away: Shell = {
  host: 'node01',
  run: () => Promise.reject(new VfleetError({ code: 'ssh.unreachable', thing: 'the log-in', found: 'no answer' })),
  runs: 0,
  disconnect: async () => {},
};

/** A host that is away, as a part of a run finds it; `onPause` is called each time that it is waited for. */
function contextOf(rebootAsked: string | undefined, stop: AbortController, onPause: () => void): HostContext {
  const ssh = { address: 'node01', port: 22, user: 'root', keyFile: null, password: null, jump: null };
  return {
    host: {
      ...{ name: 'node01', rack: null, groups: ['all'], vars: {}, origins: {} },
      ssh: { ...ssh, elevate: 'root', elevatePassword: null, knownHosts: null },
    },
    ...{ vars: {}, playbook: playbook({ name: 'none', async apply() {} }), mode: 'apply', run: 'run', part: 2 },
    ...{ shell: away, bus: createBus({ now: () => new Date(0) }) },
    clock: { now: () => 0, sleep: async () => onPause() },
    ...{ reboot: defaultRebootPolicy, guestsAllowed: false, rebootAgain: false, rebootAsked },
    ...{ stop: stop.signal, abandon: new AbortController().signal },
  };
}

describe('a host that was asked to reboot before its controller died', () => {
  it('has its place among those that reboot while it is waited for, and gives it back', async () => {
    const limits = createLimits({ connecting: 1, applying: null, rebooting: 1 });
    const stop = new AbortController();
    const taken: number[] = [];
    const onPause = (): void => {
      taken.push(limits.rebooting.taken);
      if (taken.length === 3) stop.abort();
    };
    const end = await runHost({ ...contextOf('some boot', stop, onPause), limits });
    expect(taken).toEqual([1, 1, 1]);
    expect(limits.rebooting.taken).toBe(0);
    expect(end.failure?.code).toBe('interrupted');
  });

  it('takes none where nobody asked it', async () => {
    const limits = createLimits({ connecting: 1, applying: null, rebooting: 0 });
    const end = await runHost({ ...contextOf(undefined, new AbortController(), () => {}), limits });
    expect(end.state).toBe('unreachable');
  });
});

describe('a host that an earlier part of the run has lost', () => {
  it.each([['some boot'], [undefined]])('is asked once, and stays lost: reboot asked of %s', async (rebootAsked) => {
    let pauses = 0;
    const context = contextOf(rebootAsked, new AbortController(), () => {
      pauses += 1;
    });
    const end = await runHost({ ...context, lostEarlier: true });
    expect([end.state, end.failure?.code, pauses]).toEqual(['lost', 'host.lost', 0]);
  });

  it('is only not looked at when somebody asks to stop first', async () => {
    const stop = new AbortController();
    stop.abort();
    const end = await runHost({ ...contextOf(undefined, stop, () => {}), lostEarlier: true });
    expect(end.failure?.code).toBe('interrupted');
  });
});

describe('a host that an earlier part of the run has drained', () => {
  const context = contextOf(undefined, new AbortController(), () => {});

  it('keeps its slot when it does not answer any more', async () => {
    const end = await runHost({ ...context, drainedEarlier: true });
    expect(end).toMatchObject({ state: 'unreachable', drained: true, holdsSlot: true });
  });

  it('is told from one that nobody has drained', async () => {
    const end = await runHost(context);
    expect(end.state).toBe('unreachable');
    expect(end.holdsSlot ?? false).toBe(false);
  });
});
