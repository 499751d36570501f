import { VfleetError } from '../errors.ts';
import type { Ensured, HostHandle } from '../host/handle.ts';
import type { Resource } from '../resources/resource.ts';
import type { Playbook } from './define.ts';
import { positionOf } from './position.ts';

/**
 * The same playbook with its author's mistakes explained: what one of its functions throws names the file and the line,
 * and an `ensure` or `settle` that is not awaited is an error instead of a race. `path` is for messages.
 */
export function guard(playbook: Playbook, path: string): Playbook {
  return {
    ...playbook,
    gate: (host) => located(path, 'gate', () => playbook.gate(host)),
    apply: async (host) => {
      const calls = new Calls(path);
      try {
        await playbook.apply(calls.of(host));
      } catch (thrown) {
        throw explain(thrown, path, 'apply');
      } finally {
        await calls.ended();
      }
      calls.refuseLost();
    },
    verify: (host) => located(path, 'verify', () => playbook.verify(host)),
  };
}

/** The calls of one host's handle: one at a time, each awaited. */
class Calls {
  readonly #path: string;
  readonly #begun: Promise<unknown>[] = [];
  #working = false;
  #unfinished = false;
  #failure: unknown = null;

  constructor(path: string) {
    this.#path = path;
  }

  of(host: HostHandle<unknown, unknown>): HostHandle<unknown, unknown> {
    const handle: HostHandle<unknown, unknown> = Object.create(host);
    return Object.assign(handle, {
      ensure: (...resources: readonly (Resource | false | null | undefined)[]): Promise<Ensured> =>
        this.#begin('ensure', () => host.ensure(...resources)),
      settle: (): Promise<void> => this.#begin('settle', () => host.settle()),
    });
  }

  #begin<T>(name: string, act: () => Promise<T>): Promise<T> {
    const call = this.#call(name, act);
    // A call that nobody awaits must not end the program: what came of it is told by `refuseLost`.
    call.catch((thrown: unknown) => {
      this.#failure ??= thrown;
    });
    this.#begun.push(call);
    return call;
  }

  async #call<T>(name: string, act: () => Promise<T>): Promise<T> {
    if (this.#working) throw notAwaited(this.#path, `host.${name}() is called while an earlier call is at work`);
    this.#working = true;
    try {
      return await act();
    } finally {
      this.#working = false;
    }
  }

  /** Waits for what the playbook did not wait for: the host must not be left in the middle of it. */
  async ended(): Promise<void> {
    this.#unfinished = this.#working;
    await Promise.allSettled(this.#begun);
  }

  /** A host on which something failed is not done, whatever the playbook did with the error. */
  refuseLost(): void {
    if (this.#failure !== null) throw this.#failure;
    if (this.#unfinished) throw notAwaited(this.#path, 'apply ended while a call of the host was at work');
  }
}

function located<T>(path: string, name: string, act: () => T): T {
  try {
    return act();
  } catch (thrown) {
    throw explain(thrown, path, name);
  }
}

function explain(thrown: unknown, path: string, name: string): unknown {
  const position = positionOf(thrown);
  const place = position === null ? path : `${position.file}:${position.line}`;
  if (thrown instanceof VfleetError) {
    // What went wrong on a host is no mistake of the line that awaited it.
    const isMistake = thrown.parts.host === undefined && position?.direct === true;
    return isMistake ? new VfleetError({ ...thrown.parts, thing: `${place}: ${thrown.parts.thing}` }) : thrown;
  }
  const text = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown);
  return new VfleetError({
    code: 'playbook.threw',
    thing: `${place}: ${name} of the playbook`,
    expected: 'no error',
    found: text,
    next: 'correct the playbook',
    cause: thrown,
  });
}

function notAwaited(path: string, found: string): VfleetError {
  return new VfleetError({
    code: 'playbook.not-awaited',
    thing: path,
    expected: '`await` before every host.ensure() and host.settle()',
    found,
    next: 'correct the playbook',
  });
}
