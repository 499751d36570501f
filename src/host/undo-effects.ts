import type { Effect } from '../resources/effect.ts';
import { mergeEffects, withoutTokens } from '../resources/effect-order.ts';
import type { Change } from '../resources/resource.ts';
import { unitPath } from '../resources/systemd-unit.ts';
import type { HostRecord } from './record.ts';
import { knownPlaybooks } from './undo-owned.ts';

type UdevEffect = Extract<Effect, { kind: 'udev' }>;

/** Restarting it loads what is listed still, and unloads nothing: no part of an undo. */
const loading = 'systemd-modules-load.service';

/**
 * What is to be done when files go back to what they were: all but the reboot, which is left to the operator. What was wished
 * of arguments does not count any more, and devices go back to whichever driver the kernel chooses, but for those that are
 * `kept`, by address.
 */
export function quickEffects(effects: readonly Effect[], kept: ReadonlySet<string> = new Set()): readonly Effect[] {
  return effects.flatMap((effect): readonly Effect[] => {
    if (effect.kind === 'reboot' || (effect.kind === 'service' && effect.unit === loading)) return [];
    if (effect.kind === 'udev') return [withoutGrants(effect)];
    if (effect.kind === 'devices') {
      const devices = effect.devices.filter(({ address }) => !kept.has(address));
      return devices.length === 0
        ? []
        : [{ ...effect, devices: devices.map((device) => ({ ...device, driver: null })) }];
    }
    if (effect.kind !== 'boot-configuration') return [effect];
    return [{ ...withoutTokens(effect, effect.present), absent: [] }];
  });
}

/** Units whose files are removed are stopped: so say the effects of all changes. */
export function withStopped(changes: readonly Change[]): readonly Change[] {
  const actions = changes.flatMap((change) => change.actions);
  const removed = new Set(actions.flatMap((action) => (action.kind === 'remove' ? [action.path] : [])));
  const stopped = (effect: Effect): Effect =>
    effect.kind === 'service' && removed.has(unitPath(effect.unit))
      ? { ...effect, reason: `${effect.unit} goes`, gone: true }
      : effect;
  return changes.map((change) => ({ ...change, effects: change.effects.map(stopped) }));
}

/** What rules have given to a group is root's again; what it was given back already is nobody's affair any more. */
function withoutGrants({ usb = [], ...effect }: UdevEffect): UdevEffect {
  const granted = usb.filter((one) => one.granted).map((one) => ({ ...one, granted: false }));
  return { ...effect, ...(granted.length > 0 && { usb: granted }) };
}

/** Whether a change of a file counts at the next boot alone. */
export function lastsUntilReboot(effects: readonly Effect[]): boolean {
  return effects.some((effect) => effect.kind === 'reboot');
}

/**
 * What earlier runs left due, once a playbook is undone: nothing of it asks for its tokens any more, nor for the absence of
 * any, which whoever wishes for it finds out anew. A reboot for arguments alone is not due when nobody owns any.
 */
export function pendingWithout(record: HostRecord, playbook: string, letGo: readonly string[]): readonly Effect[] {
  const alone = knownPlaybooks(record).every((name) => name === playbook);
  return mergeEffects(
    record.pending.flatMap((effect): readonly Effect[] => {
      if (effect.kind !== 'boot-configuration' && effect.kind !== 'reboot') return [effect];
      const left = withoutTokens(effect, letGo);
      const asked = effect.present.length + effect.absent.length > 0;
      if (effect.kind === 'reboot' && alone && asked && left.present.length === 0) return [];
      return [{ ...left, absent: [] }];
    }),
  );
}
