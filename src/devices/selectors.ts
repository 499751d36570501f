import { z } from 'zod';
import { VfleetError } from '../errors.ts';
import { hasFunction, isPlace, readAddress, readIds, readSlot } from './address.ts';
import type { DeviceSelector } from './selector.ts';
import { type Reading, readKey, readValue } from './selector-keys.ts';

const forms =
  'expected an address (0000:03:00.0), a slot (0000:03:00), ids (10de:1b06), a key and a value (driver=nouveau), or an object of such keys';

/**
 * Devices in the variables of a playbook: a list of texts and objects, or one of them; see `DeviceSelector`. What can be
 * meant in one way only is normalised: `3:0.0` to `0000:03:00.0`, upper case to lower case.
 *
 * @example
 * vars: z.object({ devices: deviceSelectors.default([]) })
 */
export const deviceSelectors = z.unknown().transform((given, context): DeviceSelector[] => {
  const list: readonly unknown[] =
    typeof given === 'string' ? given.split(',') : Array.isArray(given) ? given : [given];
  return list.flatMap((one, index) => {
    const reading = readSelector(one);
    if ('value' in reading) return [reading.value];
    const path = Array.isArray(given) ? [index] : [];
    context.addIssue({ code: 'custom', message: reading.mistake, path, input: one });
    return [];
  });
});

/** Selectors that a playbook says itself. Errors: `device.selector`. */
export function parseSelectors(given: readonly (string | DeviceSelector)[], thing: string): readonly DeviceSelector[] {
  return given.map((one) => {
    const reading = readSelector(one);
    if ('value' in reading) return reading.value;
    throw new VfleetError({
      code: 'device.selector',
      thing,
      expected: reading.mistake.replace(/^expected /, ''),
      found: JSON.stringify(one),
      next: 'see `vfleet devices` for the devices of a host',
    });
  });
}

/** One selector, from a text or an object. */
export function readSelector(given: unknown): Reading<DeviceSelector> {
  if (typeof given === 'string') return readText(given.trim());
  if (typeof given === 'number') return { mistake: `${forms}, in quotes where YAML reads it as a number` };
  if (typeof given !== 'object' || given === null || Array.isArray(given)) return { mistake: forms };
  return readEntries(Object.entries(given).filter(([, value]) => value !== undefined && value !== null));
}

function readText(given: string): Reading<DeviceSelector> {
  const at = given.indexOf('=');
  if (at > 0) return readEntries([[given.slice(0, at).trim(), given.slice(at + 1)]]);
  if (isPlace(given)) {
    // Two numbers alone may be a slot of domain 0, or half of something else.
    if (!hasFunction(given) && given.split(':').length === 2) {
      const slot = readSlot(given);
      return {
        mistake: `${forms}; ${'value' in slot ? `for all functions of that slot write ${slot.value}` : slot.mistake}`,
      };
    }
    return hasFunction(given) ? under('address', readAddress(given)) : under('slot', readSlot(given));
  }
  const ids = readIds(given);
  if ('value' in ids) return { value: { id: ids.value } };
  const near = /^[0-9a-fx[\]]+:[0-9a-fx[\]]+$/i.test(given)
    ? `; ids have four hex digits each, with leading zeros`
    : '';
  return { mistake: `${forms}${near}` };
}

function under(key: 'address' | 'slot', reading: Reading<string>): Reading<DeviceSelector> {
  return 'mistake' in reading ? reading : { value: { [key]: reading.value } };
}

function readEntries(entries: readonly (readonly [string, unknown])[]): Reading<DeviceSelector> {
  const selector: Record<string, unknown> = {};
  for (const [name, given] of entries) {
    const key = readKey(name);
    if ('mistake' in key) return key;
    const reading = readValue(key.value, given);
    if ('mistake' in reading) return reading;
    if (key.value in selector) return { mistake: `expected ${key.value} once` };
    selector[key.value] = reading.value;
  }
  return namesDevices(selector)
    ? { value: selector }
    : {
        mistake:
          'expected at least one of address, slot, id, class, driver, serial, physicalSlot: nothing else names a device',
      };
}

function namesDevices(selector: DeviceSelector): boolean {
  const { numaNode: _, count: _count, allow: _allow, ...naming } = selector;
  return Object.keys(naming).length > 0;
}

/** A selector in one line, as it can be written again: `address=0000:03:00.0 id=10de:1b06`. */
export function selectorText(selector: DeviceSelector): string {
  const { count: _, allow: _allow, ...naming } = selector;
  const entries = Object.entries(naming);
  const [only] = entries;
  if (entries.length === 1 && only !== undefined && ['address', 'slot', 'id'].includes(only[0])) return String(only[1]);
  return entries.map(([key, value]) => `${key}=${String(value)}`).join(' ');
}
