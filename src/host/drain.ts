import type { Hook, HookHost } from '../hooks/hook.ts';
import { runHook } from '../hooks/run-hook.ts';
import { hold } from './hold.ts';
import { writeRecord } from './record-write.ts';
import type { Session } from './session.ts';

/**
 * Takes the host out of service, once in a run, right before a reboot that is due. That it is drained is written down first:
 * a run that dies in between leaves a host of which the next one knows it. Errors: `hook.drain-failed`, `hook.drain-timeout`.
 */
export async function drain(session: Session): Promise<void> {
  const { hooks, run } = session.context;
  if (hooks?.drain === undefined || session.drained) return;
  session.enter('drain');
  session.begun = true;
  await writeRecord(session, { ...session.record, drained: { run } });
  session.drained = true;
  await work(session, 'drain', hooks.drain);
}

/**
 * Takes a host that was drained, by this run or by one that died, back into service. A host that failed stays drained.
 * Errors: `hook.undrain-failed`, `hook.undrain-timeout`.
 */
export async function undrain(session: Session): Promise<void> {
  const { hooks, bus } = session.context;
  const { drained, ...rest } = session.record;
  if (drained === undefined) return;
  session.drained = true;
  if (hooks?.undrain === undefined) {
    const text = `run ${drained.run} has drained it, and there is no hook to undrain it: it stays out of service`;
    bus.emit({ type: 'warning', host: session.name, text });
    return;
  }
  session.enter('undrain');
  session.stopHere();
  await hold(session);
  await work(session, 'undrain', hooks.undrain);
  await writeRecord(session, rest);
  session.drained = false;
}

async function work(session: Session, name: 'drain' | 'undrain', hook: Hook): Promise<void> {
  const { bus, shell, clock, abandon } = session.context;
  await bus.intend({ type: 'hook-intent', host: session.name, hook: name });
  session.stale = true;
  const sleep = (milliseconds: number, signal: AbortSignal): Promise<void> => clock.sleep(milliseconds, signal);
  await runHook({ name, hook, host: hookHost(session), shell, sleep, abandon });
  bus.emit({ type: 'hook-done', host: session.name, hook: name });
}

function hookHost({ context }: Session): Omit<HookHost, 'signal' | 'exec' | 'controller'> {
  const { host, bus, run } = context;
  const { name, rack, groups, vars } = host;
  const { address, port } = host.ssh;
  const say = (line: string): void => bus.emit({ type: 'progress', host: name, line });
  return { name, address, port, rack, groups, vars, run, say };
}
