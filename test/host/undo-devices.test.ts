import { describe, expect, it } from 'vitest';
import { refuseHeldDevices } from '../../src/host/undo-devices.ts';
import { mergeEffects } from '../../src/resources/effect-order.ts';
import { pciBinding } from '../../src/resources/pci-binding.ts';
import type { State } from '../../src/resources/resource.ts';
import { stateOf } from '../boot/files.ts';
import { host as factsOfHost, pci } from '../devices/facts.ts';
import { applied, type Host, hostOf, textsOf, undone, undoPlan } from './model.ts';

const [one, two] = ['One', 'Two'] as const;
const nic = pci('0000:18:00.0 020000 8086:1572 - 20');
const other = pci('0000:19:00.0 020000 8086:1572 - 21');
const facts = factsOfHost([nic, other]);
const withDriverctl = factsOfHost([nic, other], { driverctl: true });
const start = hostOf({ '/etc/motd': 'hello\n' });

const binding = (name: string, ...addresses: readonly string[]) =>
  pciBinding(
    addresses.map((address) => ({ address })),
    { name },
  );

/** What an undo gives back. */
function givenBack(host: Host, playbook: string, found = facts): readonly string[] {
  const effects = mergeEffects(undoPlan(host, found, playbook).changes.flatMap((change) => change.effects));
  return effects.flatMap((effect) =>
    effect.kind === 'devices' ? effect.devices.map(({ address, driver }) => `${address} ${driver}`) : [],
  );
}

describe('an undo of bound devices', () => {
  const bound = applied(start, facts, one, [binding('one', nic.address, other.address)]);

  it('removes the rule, rebuilds the initramfs that may have it, and gives the devices back', () => {
    expect(Object.keys(textsOf(bound))).toContain('/etc/udev/rules.d/82-vfleet-one.rules');
    expect(textsOf(undone(bound, facts, one))).toEqual(textsOf(start));
    expect(givenBack(bound, one)).toEqual(['0000:18:00.0 null', '0000:19:00.0 null']);
    const effects = undoPlan(bound, facts, one).changes.flatMap((change) => change.effects);
    expect(mergeEffects(effects).map(({ kind }) => kind)).toEqual(['initramfs', 'udev', 'devices']);
  });

  it('gives back nothing twice where a newer version of the playbook has given it back', () => {
    const fewer = applied(bound, facts, one, [binding('one', nic.address)]);
    expect(fewer.record.pending).toContainEqual(
      expect.objectContaining({
        devices: expect.arrayContaining([{ address: other.address, id: '8086:1572', driver: null }]),
      }),
    );
    expect(textsOf(undone(fewer, facts, one))).toEqual(textsOf(start));
  });

  it('leaves what another playbook binds, too', () => {
    const both = applied(bound, facts, two, [binding('two', nic.address)]);
    expect(givenBack(both, one)).toEqual(['0000:19:00.0 null']);
    expect(givenBack(both, two)).toEqual([]);
    expect(givenBack(undone(both, facts, two), one)).toEqual(['0000:18:00.0 null', '0000:19:00.0 null']);
  });

  it('gives back what another playbook has bound early once, and names no more', () => {
    const early = (...addresses: readonly string[]) =>
      pciBinding(
        addresses.map((address) => ({ address })),
        { name: 'one', early: true },
      );
    const first = applied(start, facts, one, [early(nic.address, other.address)]);
    const both = applied(first, facts, two, [binding('two', other.address)]);
    const fewer = applied(both, facts, one, [early(nic.address)]);
    expect(givenBack(both, two)).toEqual([]);
    expect(givenBack(fewer, two)).toEqual(['0000:19:00.0 null']);
  });

  it('does so with driverctl for each device', () => {
    const host = applied(start, withDriverctl, one, [binding('one', nic.address, other.address)]);
    const both = applied(host, withDriverctl, two, [binding('two', nic.address)]);
    expect(textsOf(both)['/etc/driverctl.d/pci-0000:18:00.0']).toBe('vfio-pci\n');
    expect(givenBack(both, one, withDriverctl)).toEqual(['0000:19:00.0 null']);
    const left = undone(both, withDriverctl, one);
    expect(Object.keys(textsOf(left))).toEqual(['/etc/motd', '/etc/driverctl.d/pci-0000:18:00.0']);
    expect(textsOf(undone(left, withDriverctl, two))).toEqual(textsOf(start));
  });

  it.each([
    ['by a rule', facts, {}],
    ['early', facts, { early: true }],
    ['by driverctl', withDriverctl, {}],
  ] as const)('does not touch what was given back long before: bound %s', (_how, found, options) => {
    const named = (...addresses: readonly string[]) =>
      pciBinding(
        addresses.map((address) => ({ address })),
        { name: 'one', ...options },
      );
    const first = applied(start, found, one, [named(nic.address, other.address)]);
    const fewer = applied(first, found, one, [named(nic.address)]);
    expect(givenBack(first, one, found)).toEqual(['0000:18:00.0 null', '0000:19:00.0 null']);
    expect(givenBack(fewer, one, found)).toEqual(['0000:18:00.0 null']);
  });

  describe('while a process has one open', () => {
    const held = factsOfHost([{ ...nic, driver: 'vfio-pci' }, other]);
    const found = (open: string) => ({
      states: new Map<string, State>([
        ['open device nodes', stateOf({}, { open: { code: 0, stdout: `root\n${open}` } })],
      ]),
      seen: { files: new Map(), globs: new Map() },
    });
    const changes = undoPlan(bound, facts, one).changes;

    it('is refused', () => {
      expect(() => refuseHeldDevices(changes, found('open 4242 /dev/vfio/20 qemu\n'), held, 'node01')).toThrow(
        /^node01: 0000:18:00\.0: .*qemu \(4242\) has \/dev\/vfio\/20 open; next: shut the guest down/,
      );
    });

    it('is not, where it has another one open', () => {
      expect(() => refuseHeldDevices(changes, found('open 4242 /dev/vfio/7 qemu\n'), held, 'node01')).not.toThrow();
    });
  });
});

describe('two bindings of one playbook with driverctl', () => {
  const paths = [nic, other].map(({ address }) => `/etc/driverctl.d/pci-${address}`);
  const both = applied(start, withDriverctl, one, [binding('a', nic.address), binding('b', other.address)]);
  const given = ({ record }: Host) =>
    record.pending.flatMap((effect) => (effect.kind === 'devices' ? effect.devices : []));

  it('leave each other alone, also in the next run', () => {
    const again = applied(both, withDriverctl, one, [binding('a', nic.address), binding('b', other.address)]);
    expect(Object.keys(textsOf(again))).toEqual(expect.arrayContaining(paths));
    expect(given(again).map(({ driver }) => driver)).toEqual(['vfio-pci', 'vfio-pci']);
  });

  it('give back what is theirs alone', () => {
    const fewer = applied(both, withDriverctl, one, [binding('a'), binding('b', other.address)]);
    expect(Object.keys(textsOf(fewer))).toEqual(['/etc/motd', paths[1]]);
    expect(given(fewer)).toContainEqual({ address: nic.address, id: '8086:1572', driver: null });
    expect(textsOf(undone(fewer, withDriverctl, one))).toEqual(textsOf(start));
  });

  it('leave what another playbook binds, too', () => {
    const shared = applied(both, withDriverctl, two, [binding('c', nic.address)]);
    const fewer = applied(shared, withDriverctl, one, [binding('a'), binding('b', other.address)]);
    expect(Object.keys(textsOf(fewer))).toEqual(expect.arrayContaining(paths));
    expect(given(fewer)).not.toContainEqual(expect.objectContaining({ address: nic.address, driver: null }));
  });
});
