import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Facts } from '../../src/facts/facts.ts';
import { reasonToReboot, stillRunning } from '../../src/host/left-running.ts';
import { undoFile } from '../../src/host/undo-file.ts';
import { knownPlaybooks } from '../../src/host/undo-owned.ts';
import { absent } from '../../src/resources/argument-value.ts';
import { file } from '../../src/resources/file.ts';
import { kernelArguments } from '../../src/resources/kernel-arguments.ts';
import { modulesToLoad } from '../../src/resources/modules-to-load.ts';
import type { Resource } from '../../src/resources/resource.ts';
import { systemdUnit } from '../../src/resources/systemd-unit.ts';
import { factsOf } from '../boot/facts.ts';
import { applied, edited, fileOf, type Host, hostOf, textsOf, undone, undoPlan } from './model.ts';

const grub = '/etc/default/grub';
const modules = '/etc/modules-load.d/vfio.conf';
const motd = '/etc/motd';
const [one, other] = ['One', 'Other'] as const;

/** CentOS 7: arguments stand in /etc/default/grub itself, so that playbooks share it. */
const facts: Facts = factsOf({
  boot: { loader: 'grub2-mkconfig', configPath: '/boot/grub2/grub.cfg', running: 'root=/dev/sda1 ro iommu=pt' },
});
const start = hostOf({ [grub]: 'GRUB_TIMEOUT=5\nGRUB_CMDLINE_LINUX="quiet rhgb"\n' });
const pt = kernelArguments({ iommu: 'pt' });

it('units that go are stopped, and those that stay are restarted', () => {
  const unit = 'vfleet-hugepages.service';
  const path = `/etc/systemd/system/${unit}`;
  const tune = systemdUnit(unit, '[Service]\nType=oneshot\nExecStart=/bin/true\n', { wantedBy: 'sysinit.target' });
  const effects = (before: Host) =>
    new Set(undoPlan(applied(before, facts, one, [tune]), facts, one).changes.flatMap((change) => change.effects));
  expect([...effects(start)]).toContainEqual({ kind: 'service', unit, reason: `${unit} goes`, gone: true });
  expect([...effects(start)].filter((effect) => !('gone' in effect))).toEqual([]);
  expect([...effects(hostOf({ [path]: '[Service]\nExecStart=/bin/old\n' }))]).toContainEqual({
    kind: 'service',
    unit,
    reason: `${unit} changes`,
  });
});

describe('kernel arguments', () => {
  it('that were there before are nobody’s to take away', () => {
    const there = hostOf({ [grub]: 'GRUB_CMDLINE_LINUX="iommu=pt"\n' });
    const both = applied(there, facts, one, [kernelArguments({ iommu: 'pt', intel_iommu: 'on' })]);
    const touched = edited(both, grub, `${textsOf(both)[grub]}# by hand\n`);
    expect(textsOf(undone(touched, facts, one))[grub]).toBe('GRUB_CMDLINE_LINUX="iommu=pt"\n# by hand\n');
  });

  it('that were removed come back with the file, while nobody else has changed it', () => {
    const host = applied(start, facts, one, [kernelArguments({ quiet: absent(), iommu: 'pt' })]);
    expect(textsOf(host)[grub]).toContain('"rhgb iommu=pt"');
    expect(textsOf(undone(host, facts, one))).toEqual(textsOf(start));
  });

  it('of two playbooks go one by one, and the last takes everything back to the bytes before the first', () => {
    const first = applied(start, facts, one, [pt]);
    const both = applied(first, facts, other, [kernelArguments({ nomodeset: true })]);
    expect(textsOf(undone(both, facts, other))).toEqual(textsOf(first));
    const left = undone(both, facts, one);
    expect(textsOf(left)[grub]).toContain('"quiet rhgb nomodeset"');
    expect(textsOf(undone(left, facts, other))).toEqual(textsOf(start));
  });

  it.each([{ nomodeset: true }, {}] as const)(
    'that another playbook owns too stay: it wishes for %j as well',
    (more) => {
      const debian = factsOf({});
      const host = applied(start, debian, one, [kernelArguments({ iommu: 'pt', intel_iommu: 'on' })]);
      const both = applied(host, debian, other, [kernelArguments({ iommu: 'pt', ...more })]);
      const left = textsOf(undone(both, debian, one))['/etc/default/grub.d/99-vfleet.cfg'];
      expect(left).toContain('iommu=pt');
      expect(left).not.toContain('intel_iommu');
    },
  );

  it('leave no wish behind that a later apply would be held to', () => {
    const host = applied(start, facts, one, [kernelArguments({ quiet: absent(), iommu: 'pt' })]);
    const { pending } = undone(host, facts, one).record;
    expect(pending).toMatchObject([{ kind: 'boot-configuration', present: [], absent: [] }]);
  });

  it('that the kernel still has make a reboot due until it is booted anew, or until they are wished for again', () => {
    const host = undone(applied(start, facts, one, [pt]), facts, one);
    const left = stillRunning(host.record.leftRunning, facts);
    expect(reasonToReboot(left)).toBe('the running kernel still has iommu=pt');
    const rebooted = { ...facts, identity: { ...facts.identity, bootId: 'b2' } };
    expect(stillRunning(host.record.leftRunning, rebooted)).toBeUndefined();
    expect(applied(host, facts, one, [pt]).record.leftRunning).toBeUndefined();
  });

  it('are refused to be undone where regenerating would drop what only the entries have', () => {
    const entries = [
      { title: 'CentOS', arguments: 'root=/dev/sda1 quiet rhgb iommu=pt net.ifnames=0', default: true, kernel: '3.10' },
    ] as unknown as Facts['boot']['entries'];
    const odd = { ...facts, boot: { ...facts.boot, entries } };
    const host = applied(start, facts, one, [pt]);
    const settled = { ...host, record: { ...host.record, pending: [] } };
    expect(() => undoPlan(settled, odd, one)).toThrow(/net\.ifnames=0/);
  });

  it('of a record of the first version, which knew no files, go token by token', () => {
    const host = applied(start, facts, one, [pt]);
    const record = { ...host.record, files: {}, ownedArguments: { [one]: { '*': ['iommu=pt'] } } };
    const left = undone({ ...host, record }, facts, one);
    expect(textsOf(left)).toEqual(textsOf(start));
    expect(left.record.ownedArguments).toEqual({});
  });
});

describe('lines of a list of modules', () => {
  const list = modulesToLoad('vfio.conf', ['vfio', 'kvm']);
  it('that were added go, the others stay', () => {
    const before = edited(start, modules, '# mine\nvfio\n');
    const host = applied(before, facts, one, [list]);
    const touched = edited(host, modules, `${textsOf(host)[modules]}loop\n`);
    expect(textsOf(undone(touched, facts, one))[modules]).toBe('# mine\nvfio\nloop\n');
    expect(textsOf(undone(host, facts, one))).toEqual(textsOf(before));
  });

  it('that a newer version of the playbook does not wish for any more go with its apply', () => {
    const host = applied(start, facts, one, [list]);
    const touched = edited(host, modules, `loop\n${textsOf(host)[modules]}`);
    const newer = applied(touched, facts, one, [modulesToLoad('vfio.conf', ['vfio'])]);
    expect(textsOf(newer)[modules]).toBe('loop\nvfio\n');
    expect(textsOf(undone(newer, facts, one))[modules]).toBe('loop\n');
  });
});

describe('a file that is a playbook’s as a whole', () => {
  const mine = (text: string): Resource => file(motd, text);
  it('goes back to the first foreign version, however often it was written', () => {
    const before = edited(start, motd, 'hello\n');
    const host = applied(applied(before, facts, one, [mine('1\n')]), facts, one, [mine('2\n')]);
    expect(textsOf(undone(host, facts, one))).toEqual(textsOf(before));
  });

  it('goes back to a foreign version that came in between', () => {
    const between = edited(applied(start, facts, one, [mine('1\n')]), motd, 'theirs\n');
    const host = applied(between, facts, one, [mine('2\n')]);
    expect(textsOf(undone(host, facts, one))[motd]).toBe('theirs\n');
  });

  it('stays while another playbook writes it, and while somebody else has changed it', () => {
    const both = applied(applied(start, facts, one, [mine('1\n')]), facts, other, [mine('2\n')]);
    const left = undone(both, facts, one);
    expect(textsOf(left)[motd]).toBe('2\n');
    expect(textsOf(undone(left, facts, other))).toEqual(textsOf(start));
    const touched = edited(applied(start, facts, one, [mine('1\n')]), motd, 'theirs\n');
    expect(undoPlan(touched, facts, one).changes).toMatchObject(
      [{ actions: [], notes: [/somebody has changed it/] }].map(({ actions }) => ({ actions })),
    );
    expect(textsOf(undone(touched, facts, one))[motd]).toBe('theirs\n');
    expect(textsOf(undone(touched, facts, one, { force: true }))).toEqual(textsOf(start));
  });

  it('of which the backup is gone stays', () => {
    const host = applied(edited(start, motd, 'hello\n'), facts, one, [mine('1\n')]);
    const kept = Object.entries(host.files).filter(([path]) => !path.startsWith('/var/lib/vfleet/backups'));
    const [change] = undoPlan({ ...host, files: Object.fromEntries(kept) }, facts, one).changes;
    expect(change?.actions).toEqual([]);
    expect(change?.notes.join()).toMatch(/backup \/var\/lib\/vfleet\/backups\/run-0\/etc\/motd is gone/);
  });

  it('is not written where it is as it was before already, and forgotten all the same', () => {
    const host = edited(applied(start, facts, one, [mine('1\n')]), motd, null);
    expect(undoPlan(host, facts, one).changes).toMatchObject([
      { actions: [], summary: `forget ${one}: nothing of it is left in the files` },
    ]);
    expect(undone(host, facts, one).record.files).toEqual({});
  });

  it('that is a folder by now stays, also with force', () => {
    const given = {
      path: motd,
      file: {
        digest: 'd',
        earlier: 'absent',
        original: { kind: 'absent', folders: [] },
        playbooks: [one],
        owned: 'whole',
        effects: [],
      },
      now: { kind: 'other', type: 'a directory' },
      seen: null,
      above: '/etc',
      backup: { kind: 'absent' },
      others: [],
      force: true,
    } as const;
    expect(undoFile(given)).toMatchObject({ kind: 'leave' });
    expect(undoFile({ ...given, now: fileOf('theirs\n'), seen: 'other' })).toMatchObject({ kind: 'remove' });
  });

  it('that is gone, of which power lost in the middle has left a folder made for it, goes on with that', () => {
    const folders = ['/etc/a', '/etc/a/b'];
    const gone = {
      path: '/etc/a/b/c',
      file: {
        digest: 'd',
        earlier: 'absent',
        original: { kind: 'absent', folders },
        playbooks: [one],
        owned: 'parts',
        effects: [],
      },
      now: { kind: 'absent' },
      seen: 'absent',
      backup: { kind: 'absent' },
      others: [],
      force: false,
    } as const;
    expect(undoFile({ ...gone, above: '/etc/a' })).toEqual({ kind: 'remove', folders });
    expect(undoFile({ ...gone, above: '/etc' })).toEqual({ kind: 'in-place' });
  });
});

it('a playbook that owns nothing has nothing to undo', () => {
  expect(undoPlan(applied(start, facts, one, [pt]), facts, other)).toEqual({
    ...{ changes: [], gone: [] },
    left: { arguments: [], files: [] },
  });
});

describe('what two playbooks wish for', () => {
  const all = 'intel_iommu=on iommu=pt nomodeset console=tty0 console=ttyS0';
  const entries = '/boot/loader/entries';
  const entry = (options: string): string =>
    `title Debian\nlinux /debian/linux\noptions root=/dev/sda1 ro ${options}\n`;
  const hosts: readonly (readonly [Facts, Host])[] = [
    [factsOf({ boot: { ...facts.boot, running: all } }), start],
    [factsOf({ boot: { running: all } }), hostOf({ [grub]: 'GRUB_CMDLINE_LINUX="rhgb"\n' })],
    [
      factsOf({ boot: { loader: 'systemd-boot', configPath: entries, entries: [], running: all } }),
      hostOf({ [`${entries}/a.conf`]: entry('quiet rhgb'), [`${entries}/b.conf`]: entry('iommu=pt') }),
    ],
  ];
  const both = kernelArguments({ iommu: 'pt', intel_iommu: 'on' });
  const shared: readonly Resource[] = [
    ...[pt, both, kernelArguments({ intel_iommu: 'on', nomodeset: true })],
    ...[kernelArguments({ console: ['tty0', 'ttyS0'] }), kernelArguments({ quiet: absent(), iommu: 'pt' })],
    ...[modulesToLoad('vfio.conf', ['vfio', 'kvm']), modulesToLoad('vfio.conf', ['vfio']), file(motd, 'ours\n')],
  ];
  const names = ['One', 'Other', 'Third'];

  it('belongs to both, which the record alone is told, once', () => {
    const [debian] = hosts.map(([found]) => found).slice(1);
    if (debian === undefined) throw new Error('no such host');
    for (const resource of [pt, file(motd, 'ours\n'), modulesToLoad('vfio.conf', ['vfio'])]) {
      const first = applied(start, debian, one, [resource]);
      const then = applied(first, debian, other, [resource]);
      expect(textsOf(then)).toEqual(textsOf(first));
      expect(knownPlaybooks(then.record)).toEqual([one, other]);
      expect(applied(then, debian, other, [resource]).record).toEqual(then.record);
    }
  });

  it('stays when one of them does not wish for it any more', () => {
    for (const [found, before] of hosts) {
      const host = applied(applied(before, found, one, [both]), found, other, [pt]);
      const newer = applied(host, found, one, [kernelArguments({ intel_iommu: 'on' })]);
      expect(textsOf(newer)).toEqual(textsOf(host));
      expect(textsOf(undone(newer, found, one))).toEqual(textsOf(applied(before, found, other, [pt])));
    }
  });

  it('is still gone when only one of them had taken it out', () => {
    const gone = kernelArguments({ quiet: absent() });
    const host = applied(applied(start, facts, one, [gone]), facts, other, [gone]);
    const left = undone(host, facts, one);
    expect(textsOf(left)[grub]).toContain('"rhgb"');
    expect(textsOf(undone(left, facts, other))).toEqual(textsOf(start));
  });

  it('stays until the last is undone, in whatever order, and then every byte is back', () => {
    const steps = fc.array(fc.tuple(fc.constantFrom(...names), fc.nat(shared.length - 1)), { maxLength: 8 });
    const orders = fc.shuffledSubarray(names, { minLength: names.length });
    fc.assert(
      fc.property(fc.nat(hosts.length - 1), steps, orders, (kind, all, order) => {
        const [found, before] = hosts[kind] ?? [facts, start];
        const wishes = new Map<string, Map<string, Resource>>();
        let host = before;
        for (const [name, index] of all) {
          const resource = shared[index] ?? pt;
          host = applied(host, found, name, [resource]);
          wishes.set(name, new Map(wishes.get(name)).set(resource.name, resource));
          expect(applied(host, found, name, [resource]).record).toEqual(host.record);
        }
        for (const name of order) {
          host = undone(host, found, name);
          wishes.delete(name);
          for (const [left, resources] of wishes) {
            for (const resource of resources.values()) {
              expect([left, textsOf(applied(host, found, left, [resource]))]).toEqual([left, textsOf(host)]);
            }
          }
        }
        expect(textsOf(host)).toEqual(textsOf(before));
        expect([host.record.files, knownPlaybooks(host.record)]).toEqual([{}, []]);
      }),
      { numRuns: 60 },
    );
  }, 300_000);
});

describe('arguments that come back after an undo, because they still run', () => {
  const entries = '/boot/loader/entries';
  const entry = (options: string): string =>
    `title Debian\nlinux /debian/linux\noptions root=/dev/sda1 ro ${options}\n`;
  const running = 'root=/dev/sda1 ro quiet iommu=pt';
  const booted = (bootId: string, line: string): Facts => {
    const found = factsOf({ boot: { loader: 'systemd-boot', configPath: entries, entries: [], running: line } });
    return { ...found, identity: { ...found.identity, bootId } };
  };
  const before = hostOf({ [`${entries}/a.conf`]: entry('quiet'), [`${entries}/b.conf`]: entry('quiet iommu=pt') });
  const left = undone(applied(before, booted('b1', running), one, [pt]), booted('b1', running), one);
  // What kernel-install does: the running arguments into the entry of each initramfs that is built, and of a new kernel.
  const back = edited(
    edited(left, `${entries}/a.conf`, entry('quiet iommu=pt')),
    `${entries}/c.conf`,
    entry('quiet iommu=pt'),
  );

  it.each(['b1', 'b2'])('go with one more undo, also when they were booted once more (%s)', (bootId) => {
    const again = undone(back, booted(bootId, running), one);
    expect(textsOf(again)).toEqual({ ...textsOf(before), [`${entries}/c.conf`]: entry('quiet') });
    expect(undoPlan(again, booted(bootId, running), one).changes).toEqual([]);
    expect(knownPlaybooks(again.record)).toEqual([]);
  });

  it('are nobody’s any more once a boot without them was seen', () => {
    expect(undoPlan(back, booted('b2', 'root=/dev/sda1 ro quiet'), one).changes).toEqual([]);
  });

  it('are a playbook’s that wishes for them, so that its undo takes them out', () => {
    const wished = applied(back, booted('b1', running), other, [pt]);
    expect(textsOf(wished)).toEqual(textsOf(back));
    expect(textsOf(undone(wished, booted('b1', running), other))[`${entries}/a.conf`]).toBe(entry('quiet'));
  });
});

describe('whatever was done before', () => {
  const resources: readonly Resource[] = [
    pt,
    kernelArguments({ nomodeset: true, console: ['tty0', 'ttyS0'] }),
    kernelArguments({ quiet: absent() }),
    modulesToLoad('vfio.conf', ['vfio', 'kvm']),
    modulesToLoad('vfio.conf', ['vfio']),
    file(motd, 'ours\n'),
    file(motd, 'ours too\n'),
  ];
  type Step = (host: Host) => Host;
  const byPlaybook = (name: string): fc.Arbitrary<Step> =>
    fc.record({ resource: fc.constantFrom(...resources), cut: fc.constantFrom(undefined, undefined, 0) }).map(
      ({ resource, cut }) =>
        (host) =>
          applied(host, facts, name, [resource], cut),
    );
  const byHand: fc.Arbitrary<Step> = fc.constantFrom<Step[]>(
    (host) => edited(host, grub, `${textsOf(host)[grub] ?? ''}# by hand\n`),
    (host) => edited(host, modules, `${textsOf(host)[modules] ?? ''}loop\n`),
    (host) => edited(host, motd, 'by hand\n'),
  );
  const begin = fc.constantFrom(start, edited(start, modules, '# old\nkvm\n'), edited(start, motd, 'old\n'));

  it('while nobody else writes, undoing every playbook brings every byte back, in whatever order', () => {
    const steps = fc.array(fc.oneof(byPlaybook(one), byPlaybook(other)), { maxLength: 7 });
    fc.assert(
      fc.property(begin, steps, fc.constantFrom([one, other], [other, one]), (before, all, order) => {
        const host = all.reduce((now, step) => step(now), before);
        const after = order.reduce((now, name) => undone(now, facts, name), host);
        expect(textsOf(after)).toEqual(textsOf(before));
        expect([after.record.files, knownPlaybooks(after.record)]).toEqual([{}, []]);
      }),
      { numRuns: 120 },
    );
  });

  it('an undo that loses its power after any number of files ends as one that does not', () => {
    const steps = fc.array(fc.oneof(byPlaybook(one), byPlaybook(other), byHand), { maxLength: 7 });
    fc.assert(
      fc.property(begin, steps, fc.nat(4), fc.boolean(), (before, all, cut, force) => {
        const host = all.reduce((now, step) => step(now), before);
        const whole = undone(host, facts, one, { force });
        const begun = undone(host, facts, one, { force, cut });
        const after = undone(begun, facts, one, { force });
        expect(textsOf(after)).toEqual(textsOf(whole));
        expect(after.record.pending).toEqual(whole.record.pending);
        expect(Object.keys(after.record.files)).toEqual(Object.keys(whole.record.files));
        expect(undoPlan(after, facts, one).changes).toEqual([]);
      }),
      { numRuns: 120 },
    );
  });

  it('what somebody adds by hand survives', () => {
    const steps = fc.array(fc.oneof(byPlaybook(one), byPlaybook(other)), { maxLength: 4 });
    fc.assert(
      fc.property(begin, steps, steps, (before, all, more) => {
        let host = all.reduce((now, step) => step(now), before);
        host = edited(host, grub, `${textsOf(host)[grub] ?? ''}# by hand\n`);
        host = edited(host, modules, `${textsOf(host)[modules] ?? ''}loop\n`);
        host = more.reduce((now, step) => step(now), host);
        const after = textsOf([one, other].reduce((now, name) => undone(now, facts, name), host));
        expect(after[grub]).toMatch(/^# by hand$/m);
        expect(after[modules]).toMatch(/^loop$/m);
        expect(after[grub]).not.toMatch(/iommu|nomodeset|console/);
        expect(after[modules]).not.toMatch(/^vfio$/m);
      }),
      { numRuns: 120 },
    );
  });
});
