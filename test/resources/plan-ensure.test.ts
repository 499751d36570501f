import { describe, expect, it } from 'vitest';
import { command } from '../../src/resources/command.ts';
import type { Effect } from '../../src/resources/effect.ts';
import { mergeEffects, withoutTokens } from '../../src/resources/effect-order.ts';
import { file } from '../../src/resources/file.ts';
import { kernelArguments } from '../../src/resources/kernel-arguments.ts';
import { modulesToLoad } from '../../src/resources/modules-to-load.ts';
import { digestOf, type EnsurePlan, planEnsure } from '../../src/resources/plan-ensure.ts';
import type { Resource } from '../../src/resources/resource.ts';
import { sh } from '../../src/shell/script.ts';
import { factsOf } from '../boot/facts.ts';
import { stateOf } from '../boot/files.ts';

const facts = factsOf({});
const files = { '/etc/default/grub': 'GRUB_CMDLINE_LINUX=""\n' };

function plan(...resources: readonly Resource[]): EnsurePlan {
  const states = new Map(resources.map((resource) => [resource.name, stateOf(files)]));
  return planEnsure(resources, states, { host: 'node01', facts, ownedArguments: {} });
}

it('puts together what all resources would do', () => {
  const result = plan(
    kernelArguments({ iommu: 'pt' }),
    modulesToLoad('x.conf', ['kvm']),
    file('/etc/default/grub', files['/etc/default/grub']),
    command('go', sh`true`, { always: true }),
  );
  expect(result.changes.map((change) => change.resource)).toEqual([
    'kernel arguments',
    'modules to load x.conf',
    'command go',
  ]);
  expect(result.actions.map((action) => action.kind)).toEqual(['write', 'write', 'run']);
  expect(result.effects.map((effect) => effect.kind)).toEqual(['boot-configuration', 'reboot']);
  expect(result.ownedArguments).toEqual({ '/etc/default/grub.d/99-vfleet.cfg': ['iommu=pt'] });
  expect(plan().ownedArguments).toBeNull();
});

it('refuses two resources that are after the same thing', () => {
  expect(() => plan(file('/etc/a', 'x'), file('/etc/a', 'y'))).toThrow(
    /node01: file \/etc\/a: expected one resource of this name/,
  );
  expect(() => plan(file('/etc/modules-load.d/x.conf', 'x'), modulesToLoad('x.conf', ['kvm']))).toThrow(
    /node01: \/etc\/modules-load\.d\/x\.conf: .*found file \/etc\/modules-load\.d\/x\.conf and modules to load x\.conf/,
  );
});

it('names the host when a resource refuses', () => {
  const state = new Map([['kernel arguments', stateOf({})]]);
  const wrong = factsOf({ boot: { loader: 'unknown' } });
  const act = () =>
    planEnsure([kernelArguments({ iommu: 'pt' })], state, { host: 'node07', facts: wrong, ownedArguments: {} });
  expect(act).toThrow(/^node07: /);
});

it('refuses a change that needs an initramfs nobody can build, before anything is written', () => {
  const resource = file('/etc/modprobe.d/vfio.conf', 'options vfio-pci ids=10de:2204\n');
  const states = new Map([[resource.name, stateOf({})]]);
  const act = (boot: Parameters<typeof factsOf>[0]['boot']) => () =>
    planEnsure([resource], states, { host: 'node07', facts: factsOf({ boot: boot ?? {} }), ownedArguments: {} });
  for (const boot of [
    { loader: 'ostree', initramfs: 'dracut' },
    { initramfs: 'mkinitcpio' },
    { initramfs: 'none' },
  ] as const) {
    expect(act(boot)).toThrow(/^node07: the initramfs: .*nothing was changed/);
    expect(act(boot)).toThrow(expect.objectContaining({ code: 'initramfs.unsupported' }));
  }
  expect(act({ initramfs: 'dracut' })().effects.map(({ kind }) => kind)).toEqual(['initramfs', 'reboot']);
  // What needs none is not held up.
  const plain = file('/etc/motd', 'x');
  const facts = factsOf({ boot: { initramfs: 'none' } });
  expect(
    planEnsure([plain], new Map([[plain.name, stateOf({})]]), { host: 'h', facts, ownedArguments: {} }).changes,
  ).toHaveLength(1);
});

it('refuses where an earlier run has left an initramfs due that nobody can build, and says the way out', () => {
  const act = (resources: readonly Resource[], initramfs: 'none' | 'dracut', initramfsDue: boolean) => () =>
    planEnsure(resources, new Map(resources.map(({ name }) => [name, stateOf({})])), {
      ...{ host: 'node07', facts: factsOf({ boot: { initramfs } }), ownedArguments: {} },
      initramfsDue,
    });
  const messageOf = (run: () => unknown): string => {
    try {
      run();
      return 'no error';
    } catch (error) {
      return String(error);
    }
  };
  const said = messageOf(act([file('/etc/modprobe.d/vfio.conf', 'x\n')], 'none', false));
  expect(said).toMatch(/node07: the initramfs: .*found no tool that builds one/);
  expect(said).not.toContain('vfleet undo');
  expect(messageOf(act([file('/etc/motd', 'x')], 'none', true))).toMatch(
    /node07: the initramfs: .*found no tool that builds one.*`vfleet undo` of the playbook.*strikes it.*nothing was changed/,
  );
  expect(act([file('/etc/motd', 'x')], 'none', false)().changes).toHaveLength(1);
  expect(act([file('/etc/motd', 'x')], 'dracut', true)().changes).toHaveLength(1);
});

it('gives equal changes equal digests, and others others', () => {
  const digests = [
    plan(file('/etc/a', 'x')),
    plan(file('/etc/a', 'x')),
    plan(file('/etc/a', 'y')),
    plan(file('/etc/a', 'x', { mode: '0600' })),
    plan(file('/etc/a', 'x', { effects: [{ kind: 'initramfs', reason: 'r' }] })),
    plan(command('a', sh`true`, { always: true })),
    plan(command('a', sh`false`, { always: true })),
  ].map(({ changes: [change] }) => change && digestOf(change));
  expect(digests[0]).toBe(digests[1]);
  expect(new Set(digests).size).toBe(6);
  expect(digests[0]).toMatch(/^[0-9a-f]{64}$/);
});

describe('mergeEffects', () => {
  it('joins what a tool is to add and to take out, and the later wish counts', () => {
    const due = { kind: 'boot-configuration', reason: 'r', absent: [] } as const;
    const earlier: Effect = { ...due, present: ['iommu=pt', 'a'], add: ['iommu=pt', 'a'], remove: ['iommu=nopt'] };
    const undo: Effect = { ...due, present: [], remove: ['iommu=pt'] };
    expect(mergeEffects([earlier, undo])).toMatchObject([{ add: ['a'], remove: ['iommu=nopt', 'iommu=pt'] }]);
    const back: Effect = { ...due, present: ['iommu=nopt'] };
    expect(mergeEffects([earlier, back])).toEqual([{ ...due, present: ['a', 'iommu=nopt'], add: ['iommu=pt', 'a'] }]);
  });

  const service = (unit: string): Effect => ({ kind: 'service', reason: 'r', unit });
  const boot = (present: string[], absent: string[] = [], reason = 'b') => ({
    kind: 'boot-configuration' as const,
    reason,
    present,
    absent,
  });
  const reboot: Effect = { kind: 'reboot', reason: 'x', present: [], absent: [] };
  const initramfs: Effect = { kind: 'initramfs', reason: 'i' };

  it('keeps one of each kind, in fixed order, and one service for each unit', () => {
    const merged = mergeEffects([service('a'), boot(['a']), service('b'), initramfs, service('a'), initramfs]);
    expect(merged).toEqual([initramfs, boot(['a']), service('a'), service('b')]);
  });

  it('restarts nothing before a reboot', () => {
    expect(mergeEffects([reboot, service('a'), initramfs])).toEqual([initramfs, reboot]);
  });

  it('wants the arguments of all, where two name one the later ones', () => {
    const merged = mergeEffects([
      boot(['iommu=pt', 'a', 'console=tty0', 'console=ttyS0'], ['b']),
      boot(['iommu=nopt', 'b'], ['a'], 'c'),
    ]);
    expect(merged).toEqual([boot(['console=tty0', 'console=ttyS0', 'iommu=nopt', 'b'], ['a'], 'b; c')]);
  });

  it('demands literally what the latest wish for a name does, and nothing that is no longer wished for', () => {
    const on = { ...boot(['intel_iommu=on', 'a=1']), exact: ['intel_iommu=on', 'a=1'] };
    expect(mergeEffects([on, boot(['b'])])).toMatchObject([{ exact: ['intel_iommu=on', 'a=1'] }]);
    expect(mergeEffects([on, boot(['intel_iommu=on'])])).toMatchObject([{ exact: ['a=1'] }]);
    expect(mergeEffects([boot(['b']), on])).toMatchObject([{ exact: ['intel_iommu=on', 'a=1'] }]);
    expect(mergeEffects([on, boot(['intel_iommu=on'], ['a'])])[0]).not.toHaveProperty('exact');
    expect(withoutTokens(on, ['a=1'])).toEqual({ ...boot(['intel_iommu=on']), exact: ['intel_iommu=on'] });
    expect(withoutTokens(on, on.present)).toEqual(boot([]));
  });

  it('is the same when done twice', () => {
    const merged = mergeEffects([service('a'), boot(['a']), initramfs, boot(['b'])]);
    expect(mergeEffects(merged)).toEqual(merged);
    expect(mergeEffects([...merged, ...merged])).toEqual(merged);
  });
});
