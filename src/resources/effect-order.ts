import { parseArgument, sameName } from '../boot/arguments.ts';
import type { Effect } from './effect.ts';

type DevicesEffect = Extract<Effect, { kind: 'devices' }>;
type UdevEffect = Extract<Effect, { kind: 'udev' }>;
type ArgumentEffect = Extract<Effect, { present: readonly string[] }>;

const order: readonly Effect['kind'][] = ['initramfs', 'boot-configuration', 'udev', 'service', 'devices', 'reboot'];

/** What a reboot does by itself. */
const atBoot: readonly Effect['kind'][] = ['udev', 'service', 'devices'];

/**
 * Effects as `settle` consumes them: one of each kind (of services: one for each unit), in fixed order. Of arguments
 * that are named twice the later effect counts. A reboot restarts every service, so that none is restarted before it; and
 * it applies udev's rules, by which devices find their drivers.
 */
export function mergeEffects(effects: readonly Effect[]): readonly Effect[] {
  const merged = new Map<string, Effect>();
  const reboots = effects.some((effect) => effect.kind === 'reboot');
  for (const effect of effects) {
    if (reboots && atBoot.includes(effect.kind)) continue;
    const key = effect.kind === 'service' ? `service ${effect.unit}` : effect.kind;
    const before = merged.get(key);
    merged.set(key, before === undefined ? effect : union(before, effect));
  }
  return [...merged.values()].sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind));
}

/** An effect that no longer asks for some tokens; whatever else it asks for stays. */
export function withoutTokens(effect: ArgumentEffect, letGo: readonly string[]): ArgumentEffect {
  const { exact: before = [], ...rest } = effect;
  const exact = before.filter((token) => !letGo.includes(token));
  const present = effect.present.filter((token) => !letGo.includes(token));
  return { ...rest, present, ...(exact.length > 0 && { exact }) };
}

function unionOfRules(before: UdevEffect, after: UdevEffect, reason: string): UdevEffect {
  const later = after.usb ?? [];
  const usb = [...(before.usb ?? []).filter(({ port }) => later.every((one) => one.port !== port)), ...later];
  const subsystems = [...new Set([...before.subsystems, ...after.subsystems])];
  return { kind: 'udev', reason, subsystems, ...(usb.length > 0 && { usb }) };
}

function union(before: Effect, after: Effect): Effect {
  const reason = before.reason.split('; ').includes(after.reason) ? before.reason : `${before.reason}; ${after.reason}`;
  if (before.kind === 'udev' && after.kind === 'udev') return unionOfRules(before, after, reason);
  if (before.kind === 'devices' && after.kind === 'devices')
    return { ...after, reason, devices: laterOf(before, after) };
  if (!hasArguments(before) || !hasArguments(after)) return { ...after, reason };
  const named = [...after.present.map((token) => parseArgument(token).name), ...after.absent];
  const settled = (name: string): boolean => !named.some((other) => sameName(other, name));
  const exact = [...exactOf(before).filter((token) => settled(parseArgument(token).name)), ...exactOf(after)];
  const remove = [...new Set([...removeOf(before), ...removeOf(after)])].filter(
    (token) => !after.present.includes(token),
  );
  const add = [...new Set([...addOf(before), ...addOf(after)])].filter((token) => !remove.includes(token));
  const keep = [...keepOf(before).filter((token) => !removeOf(after).includes(token)), ...keepOf(after)];
  return {
    ...after,
    reason,
    present: [...before.present.filter((token) => settled(parseArgument(token).name)), ...after.present],
    absent: [...before.absent.filter(settled), ...after.absent],
    ...(exact.length > 0 && { exact }),
    ...(remove.length > 0 && { remove }),
    ...(keep.length > 0 && { keep }),
    ...(add.length > 0 && { add }),
    ...((isGuarded(before) || isGuarded(after)) && { guarded: true }),
  } as Effect;
}

/** Of a device that is named twice the later wish counts. */
function laterOf(before: DevicesEffect, after: DevicesEffect): DevicesEffect['devices'] {
  const named = new Set(after.devices.map(({ address }) => address));
  return [...before.devices.filter(({ address }) => !named.has(address)), ...after.devices];
}

function exactOf(effect: Effect): readonly string[] {
  return hasArguments(effect) ? (effect.exact ?? []) : [];
}

function removeOf(effect: Effect): readonly string[] {
  return effect.kind === 'boot-configuration' ? (effect.remove ?? []) : [];
}

function keepOf(effect: Effect): readonly string[] {
  return effect.kind === 'boot-configuration' ? (effect.keep ?? []) : [];
}

function addOf(effect: Effect): readonly string[] {
  return effect.kind === 'boot-configuration' ? (effect.add ?? []) : [];
}

function isGuarded(effect: Effect): boolean {
  return effect.kind === 'boot-configuration' && effect.guarded === true;
}

function hasArguments(effect: Effect): effect is ArgumentEffect {
  return effect.kind === 'boot-configuration' || effect.kind === 'reboot';
}
