import { VfleetError } from '../errors.ts';
import { cyclePower } from '../hooks/power.ts';
import type { Session } from './session.ts';

/** What is known of a host that is waited for: of its session, or of what comes before there is one. */
type AwaitedHost = Pick<Session, 'context' | 'name' | 'enter' | 'powerCycled'>;

/**
 * Waits for a reboot; a host that does not answer when its time is over has its power cycled, once in a run and where that is
 * configured, and is waited for once more. A host that answers is left alone: it may still be writing.
 */
export async function withPower<Value>(session: AwaitedHost, wait: () => Promise<Value>): Promise<Value> {
  const { power, bus } = session.context;
  try {
    return await wait();
  } catch (thrown) {
    const isLost = thrown instanceof VfleetError && thrown.code === 'reboot.lost';
    if (!isLost || power === undefined || session.powerCycled) throw thrown;
    await cycle(session, power, thrown);
    const back = await wait().catch((again: unknown) => {
      throw again instanceof VfleetError && again.code === 'reboot.lost' ? stillLost(again) : again;
    });
    const text = 'it did not come back from its reboot by itself; it did after its power was cycled';
    bus.emit({ type: 'warning', host: session.name, text });
    return back;
  }
}

async function cycle(
  session: AwaitedHost,
  power: NonNullable<Session['context']['power']>,
  last: VfleetError,
): Promise<void> {
  const { bus, abandon } = session.context;
  session.enter('reboot', 'it does not come back: its power is cycled');
  await bus.intend({ type: 'hook-intent', host: session.name, hook: 'power' });
  try {
    await cyclePower(power, session.name, abandon);
  } catch (thrown) {
    if (!(thrown instanceof VfleetError)) throw thrown;
    // It is lost all the same; why nobody could help is told with it.
    const found = [last.parts.found, `${thrown.parts.thing}: ${thrown.parts.found}`].filter(Boolean).join('; ');
    throw new VfleetError({ ...last.parts, found });
  }
  session.powerCycled = true;
  bus.emit({ type: 'hook-done', host: session.name, hook: 'power' });
}

function stillLost({ parts }: VfleetError): VfleetError {
  return new VfleetError({ ...parts, found: `${parts.found}, also after its power was cycled` });
}
