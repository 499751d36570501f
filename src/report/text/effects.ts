import type { Effect, HeldDevice } from '../../resources/effect.ts';
import { escapeLine } from '../escape.ts';

/** Effects as an operator reads them, in their order, each with its reason, escaped. */
export function describeEffects(effects: readonly Effect[]): string {
  const reasons = new Map<string, string[]>();
  for (const effect of effects) {
    const act = escapeLine(describeAct(effect));
    const known = reasons.get(act) ?? [];
    const reason = escapeLine(effect.reason);
    reasons.set(act, known.includes(reason) ? known : [...known, reason]);
  }
  return [...reasons].map(([act, why]) => `${act} (${why.join('; ')})`).join(', ');
}

function describeAct(effect: Effect): string {
  switch (effect.kind) {
    case 'initramfs':
      return 'regenerate the initramfs';
    case 'boot-configuration':
      return 'update the boot entries and read them back';
    case 'udev':
      return describeUdev(effect);
    case 'devices':
      return describeHeld(effect.devices);
    case 'service':
      return `${effect.gone === true ? 'stop' : 'restart'} ${effect.unit}`;
    case 'reboot':
      return 'reboot';
  }
}

/** Of USB devices those are told that change hands for good: a rule says by itself whom it lets in. */
function describeUdev({ usb = [] }: Extract<Effect, { kind: 'udev' }>): string {
  const taken = usb.filter(({ granted }) => !granted).map(({ port }) => port);
  const rest = taken.length === 0 ? '' : `; ${taken.join(', ')} to root alone, but for other rules`;
  return `let udev read its rules${rest}`;
}

function describeHeld(devices: readonly HeldDevice[]): string {
  const drivers = [...new Set(devices.map(({ driver }) => driver))];
  return drivers
    .map((driver) => {
      const addresses = devices.filter((device) => device.driver === driver).map(({ address }) => address);
      return driver === null ? `give back ${addresses.join(', ')}` : `bind ${addresses.join(', ')} to ${driver}`;
    })
    .join('; ');
}
