import { describe, expect, it } from 'vitest';
import { file } from '../../src/resources/file.ts';
import { kernelArguments } from '../../src/resources/kernel-arguments.ts';
import { modulesToLoad } from '../../src/resources/modules-to-load.ts';
import { digestOf } from '../../src/resources/plan-ensure.ts';
import type { Adoption, Change, ChangeContext, Resource } from '../../src/resources/resource.ts';
import { factsOf } from '../boot/facts.ts';
import { stateOf } from '../boot/files.ts';

const grub = '/etc/default/grub';
const nobody: Adoption = { files: new Set(), tokens: [], lines: [] };

interface Given {
  readonly files: Readonly<Record<string, string>>;
  readonly adopt?: Adoption;
  readonly owned?: ChangeContext['ownedArguments'];
  readonly running?: string;
}

function change(resource: Resource, { files, adopt, owned = {}, running = 'iommu=pt quiet' }: Given): Change | null {
  const facts = factsOf({ boot: { running, loader: 'update-grub' } });
  const state = stateOf(files, { loaded: { code: 0, stdout: 'vfio\nvfio_pci\n' } });
  return resource.change(state, { host: 'node01', facts, ownedArguments: owned, adopt });
}

describe('kernel arguments that stand there already', () => {
  const wish = kernelArguments({ iommu: 'pt' });
  const files = { [grub]: 'GRUB_CMDLINE_LINUX="iommu=pt"\nGRUB_CMDLINE_LINUX_DEFAULT="quiet"\n' };
  const inDefaults = { [grub]: 'GRUB_CMDLINE_LINUX=""\nGRUB_CMDLINE_LINUX_DEFAULT="quiet iommu=pt"\n' };

  it('stay nobody’s, unless they are to be taken over: then only the record changes', () => {
    expect(change(wish, { files })).toBeNull();
    const taken = change(wish, { files, adopt: nobody });
    expect(taken).toMatchObject({ summary: `take over iommu=pt in ${grub}`, actions: [], effects: [], diffs: [] });
    expect(taken?.ownedArguments?.[grub]).toEqual(['iommu=pt']);
    expect(taken?.adopts).toEqual([{ path: grub, owns: 'parts', original: 'unknown', effects: [] }]);
  });

  it('are taken over once, and not when another playbook owns them', () => {
    expect(change(wish, { files, adopt: { ...nobody, tokens: [{ [grub]: ['iommu=pt'] }] } })).toBeNull();
  });

  it('are not taken over where they stand twice: nobody could say which one is to go', () => {
    const twice = { [grub]: 'GRUB_CMDLINE_LINUX="iommu=pt"\nGRUB_CMDLINE_LINUX_DEFAULT="iommu=pt"\n' };
    expect(change(wish, { files: twice, adopt: nobody })).toBeNull();
  });

  it('are not taken over where only a longer word says as much', () => {
    const longer = { [grub]: 'GRUB_CMDLINE_LINUX="iommu=pt,force"\n' };
    expect(change(wish, { files: longer, running: 'iommu=pt,force', adopt: nobody })).toBeNull();
  });

  it.each([
    ['GRUB_CMDLINE_LINUX', files, 'GRUB_CMDLINE_LINUX=""\nGRUB_CMDLINE_LINUX_DEFAULT="quiet"\n'],
    ['GRUB_CMDLINE_LINUX_DEFAULT', inDefaults, 'GRUB_CMDLINE_LINUX=""\nGRUB_CMDLINE_LINUX_DEFAULT="quiet"\n'],
  ])('then go from %s when a changed playbook does not wish for them', (_where, before, after) => {
    const [action] =
      change(kernelArguments({ nomodeset: true }), { files: before, owned: { [grub]: ['iommu=pt'] } })?.actions ?? [];
    expect(action).toMatchObject({ kind: 'write', path: grub, text: after });
  });

  it('show in what a saved plan compares', () => {
    const one = change(wish, { files, adopt: nobody });
    const other = change(wish, { files: inDefaults, adopt: nobody });
    const less = change(kernelArguments({ quiet: true }), { files, adopt: nobody });
    if (one === null || other === null || less === null) throw new Error('nothing is taken over');
    expect(digestOf(one)).toBe(digestOf(other));
    expect(digestOf(one)).not.toBe(digestOf(less));
  });
});

describe('a damaged argument without which the host does not boot', () => {
  const configured = [{ path: grub, variable: 'GRUB_CMDLINE_LINUX', value: '"rd.luks.name=ab=ab=cd"' }];
  const files = { [grub]: 'GRUB_CMDLINE_LINUX="rd.luks.name=ab=ab=cd"\n' };
  const planned = (running: string) => () =>
    kernelArguments({ iommu: 'pt' }).change(stateOf(files), {
      ...{ host: 'node01', ownedArguments: {} },
      facts: factsOf({ boot: { running, configured } }),
    });

  it('refuses the host when it has not booted with it, and only then', () => {
    expect(planned('rd.luks.name=ab=cd')).toThrow(
      /rd\.luks\.name=ab=ab=cd.*expected rd\.luks\.name=ab=cd.*needs to boot/,
    );
    expect(planned('rd.luks.name=ab=ab=cd')).not.toThrow();
  });
});

describe('files', () => {
  const motd = file('/etc/motd', 'hello\n');

  it('as they are wished become ours, whatever was there before them', () => {
    expect(change(motd, { files: { '/etc/motd': 'hello\n' } })).toBeNull();
    expect(change(motd, { files: { '/etc/motd': 'hello\n' }, adopt: nobody })).toMatchObject({
      ...{ actions: [], effects: [] },
      adopts: [{ path: '/etc/motd', owns: 'whole', original: 'unknown' }],
    });
    const ours = { ...nobody, files: new Set(['/etc/motd']) };
    expect(change(motd, { files: { '/etc/motd': 'hello\n' }, adopt: ours })).toBeNull();
  });

  it('that differ are written, as ever', () => {
    const changed = change(motd, { files: { '/etc/motd': 'hi\n' }, adopt: nobody });
    expect(changed?.actions).toHaveLength(1);
    expect(changed?.adopts).toBeUndefined();
  });
});

describe('lines of modules', () => {
  const path = '/etc/modules-load.d/vfio.conf';
  const wish = modulesToLoad('vfio.conf', ['vfio', 'vfio_pci']);

  it('that are wished become ours; a file of nothing else goes with them', () => {
    expect(change(wish, { files: { [path]: 'vfio\nvfio_pci\n' } })).toBeNull();
    const all = change(wish, { files: { [path]: 'vfio\nvfio_pci\n' }, adopt: nobody });
    expect(all).toMatchObject({ actions: [], ownedLines: { [path]: ['vfio', 'vfio_pci'] } });
    expect(all?.adopts).toMatchObject([{ path, owns: 'parts', original: 'absent' }]);
  });

  it('leave the lines of others to them', () => {
    const some = change(wish, { files: { [path]: '# mine\nkvm\nvfio-pci\n' }, adopt: nobody });
    expect(some).toMatchObject({
      ownedLines: { [path]: ['vfio-pci', 'vfio'] },
      adopts: [{ path, original: 'unknown' }],
    });
    expect(some?.actions).toMatchObject([{ text: '# mine\nkvm\nvfio-pci\nvfio\n' }]);
  });

  it('are taken over once', () => {
    const known = { ...nobody, lines: [{ [path]: ['vfio', 'vfio_pci'] }] };
    expect(change(wish, { files: { [path]: 'vfio\nvfio_pci\n' }, adopt: known })).toBeNull();
  });
});
