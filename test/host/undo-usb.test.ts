import { expect, it } from 'vitest';
import { mergeEffects } from '../../src/resources/effect-order.ts';
import { usbAccess } from '../../src/resources/usb-access.ts';
import { host as factsOfHost, usb } from '../devices/facts.ts';
import { applied, hostOf, textsOf, undone, undoPlan } from './model.ts';

const name = 'USB';
const facts = factsOfHost([], { usb: [usb('1-2.3'), usb('1-2.4', { device: 3 })] });
const [one, two] = ['1-2.3', '1-2.4'].map((port) => ({ port, id: '0403:6001' })) as [
  { port: string; id: string },
  { port: string; id: string },
];
const start = hostOf({ '/etc/motd': 'hello\n' });

it('an undo makes root the owner of what was given away last, and of nothing else', () => {
  const both = applied(start, facts, name, [usbAccess([one, two])]);
  const fewer = applied(both, facts, name, [usbAccess([one])]);
  const grants = (from: typeof both) =>
    mergeEffects(undoPlan(from, facts, name).changes.flatMap((change) => change.effects)).flatMap((effect) =>
      effect.kind === 'udev' ? (effect.usb ?? []) : [],
    );
  expect(grants(both)).toEqual([one, two].map((device) => ({ ...device, granted: false })));
  expect(grants(fewer)).toEqual([{ ...one, granted: false }]);
  expect(textsOf(undone(fewer, facts, name))).toEqual(textsOf(start));
});

it('what another playbook wishes, too, stays given', () => {
  const rules = [usbAccess([one])];
  const shared = applied(applied(start, facts, name, rules), facts, 'Other', rules);
  expect(undoPlan(shared, facts, name).changes.flatMap((change) => change.effects)).toEqual([]);
});
