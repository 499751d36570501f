import { VfleetError } from '../errors.ts';
import type { Facts } from '../facts/facts.ts';
import type { HostContext } from './context.ts';
import { interruptedAt } from './interrupt.ts';
import { isAway } from './reboot.ts';

/**
 * How long a host that was asked to reboot may still answer in the boot from before, in milliseconds: the request sleeps for a
 * second, and then systemd ends sessions and sshd among the first. After that it is asked again.
 */
const goingDown = 10_000;

/**
 * The first facts of a run. A host of which an earlier part of the run has asked a reboot may still be going down, or away
 * with it: it is waited for as long as by the one who asked, and is lost after that. One that was lost already is asked once.
 * Errors: `reboot.lost`, `host.lost`, `interrupted`, those of the probe.
 */
export async function probeWhenBack(context: HostContext, probe: () => Promise<Facts>): Promise<Facts> {
  const { host, shell, bus, clock, reboot, stop, abandon, rebootAsked } = context;
  let isLost = context.lostEarlier === true;
  const begun = clock.now();
  let pause = reboot.firstPause;
  for (;;) {
    try {
      const facts = await probe();
      isLost = false;
      const isBefore = rebootAsked !== undefined && facts.identity.bootId === rebootAsked;
      if (!isBefore || stop.aborted || clock.now() - begun > goingDown) return facts;
      bus.emit({
        type: 'phase',
        host: host.name,
        phase: 'reboot',
        detail: 'this run has asked for it, and it still runs',
      });
    } catch (thrown) {
      const isWaitedFor = rebootAsked !== undefined || isLost;
      if (!isWaitedFor || !(thrown instanceof VfleetError) || !isAway(thrown)) throw thrown;
      if (stop.aborted || abandon.aborted) throw interruptedAt(host.name, true);
      if (isLost) throw stillLost(thrown, context.run);
      if (clock.now() - begun > reboot.deadline) throw notBack(thrown, reboot.deadline);
      const detail = `not back yet from the reboot that this run asked for: ${thrown.parts.found ?? thrown.message}`;
      bus.emit({ type: 'phase', host: host.name, phase: 'reboot', detail });
    }
    await shell.disconnect();
    await clock.sleep(pause, abandon);
    pause = Math.min(pause * 1.5, reboot.longestPause);
  }
}

function stillLost({ parts, message }: VfleetError, run: string): VfleetError {
  return new VfleetError({
    code: 'host.lost',
    host: parts.host,
    thing: 'the host',
    expected: 'that it answers again: an earlier part of this run has lost it',
    found: parts.found ?? message,
    next: `look at its console; when it is up again, \`vfleet resume ${run}\` goes on from here`,
  });
}

function notBack({ parts, message }: VfleetError, deadline: number): VfleetError {
  return new VfleetError({
    code: 'reboot.lost',
    host: parts.host,
    thing: 'the reboot that an earlier part of this run asked for',
    expected: `a log-in within ${Math.round(deadline / 6_000) / 10} minutes`,
    found: parts.found ?? message,
    next: 'look at its console; when it is up again, run `vfleet apply` again: it goes on from here',
  });
}
