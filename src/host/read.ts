import { VfleetError } from '../errors.ts';
import type { Phase } from '../events/event.ts';
import type { Script } from '../shell/script.ts';
import type { Output } from '../shell/shell.ts';
import type { HostContext } from './context.ts';

/**
 * Runs a script that writes nothing; when the link is lost under it, once more on a new connection. Nothing that writes
 * comes through here: of that nobody would know how far it came.
 */
export async function runRead(context: HostContext, phase: Phase, script: Script): Promise<Output> {
  const { host, shell, bus, clock, reboot, abandon } = context;
  try {
    return await shell.run(script, { signal: abandon });
  } catch (thrown) {
    if (!(thrown instanceof VfleetError && thrown.code === 'ssh.lost') || abandon.aborted) throw thrown;
    bus.emit({ type: 'phase', host: host.name, phase, detail: 'the link was lost; reading again on a new one' });
    // A channel may be lost alone.
    await shell.disconnect();
    await clock.sleep(reboot.firstPause, abandon);
    return shell.run(script, { signal: abandon });
  }
}
