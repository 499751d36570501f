import { VfleetError } from '../errors.ts';
import { cyclePower } from '../hooks/power.ts';
import type { Session } from './session.ts';

/**
 * Waits for a reboot; a host that does not answer when its time is over has its power cycled, once in a run and where that is
 * configured, and is waited for once more. A host that answers is left alone: it may still be writing.
 */
export async function withPower(session: Session, wait: () => Promise<void>): Promise<void> {
  const { power, bus } = session.context;
  try {
    await wait();
  } catch (thrown) {
    const isLost = thrown instanceof VfleetError && thrown.code === 'reboot.lost';
    if (!isLost || power === undefined || session.powerCycled) throw thrown;
    await cycle(session, power, thrown);
    await wait().catch((again: unknown) => {
      throw again instanceof VfleetError && again.code === 'reboot.lost' ? stillLost(again) : again;
    });
    const text = 'it did not come back from its reboot by itself; it did after its power was cycled';
    bus.emit({ type: 'warning', host: session.name, text });
  }
}

async function cycle(
  session: Session,
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
