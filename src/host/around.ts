import type { Around, PlannedHook } from '../events/event.ts';
import type { Hook } from '../hooks/hook.ts';
import type { Session } from './session.ts';

/** What would run around the planned reboot of a host, or to take it back into service; `undefined`: nothing. */
export function aroundOf({ context, settled, record }: Session): Around | undefined {
  const { hooks, power } = context;
  const reboots = settled.some((effect) => effect.kind === 'reboot');
  const around: Around = {
    drain: reboots ? shown(hooks?.drain) : null,
    undrain: reboots || record.drained !== undefined ? shown(hooks?.undrain) : null,
    power:
      reboots && power !== undefined ? { program: power.command[0] ?? '', timeoutSeconds: power.timeout / 1000 } : null,
  };
  return around.drain === null && around.undrain === null && around.power === null ? undefined : around;
}

/** Says of a host that is out of service that it is, and whether an `apply` takes it back. */
export function warnDrained({ context, record, name }: Session): void {
  const { drained } = record;
  if (drained === undefined) return;
  const next =
    context.hooks?.undrain === undefined
      ? 'there is no hook to undrain it'
      : '`vfleet apply` undrains it once it is verified';
  context.bus.emit({ type: 'warning', host: name, text: `run ${drained.run} has drained it: ${next}` });
}

/** Without its text: what stands in that is nobody's but the operator's who wrote it. */
function shown(hook: Hook | undefined): PlannedHook | null {
  if (hook === undefined) return null;
  const { work, timeout, about = null } = hook;
  return {
    kind: work.kind,
    where: work.kind === 'command' ? work.where : null,
    timeoutSeconds: timeout / 1000,
    about,
  };
}
