import { describe, expect, it } from 'vitest';
import { VfleetError } from '../../src/errors.ts';
import type { Facts, ModuleFact } from '../../src/facts/facts.ts';
import { vfioModules } from '../../src/facts/modules.ts';
import { modulesToLoad } from '../../src/resources/modules-to-load.ts';
import type { Change, FileState } from '../../src/resources/resource.ts';
import { factsOf } from '../boot/facts.ts';
import { stateOf } from '../boot/files.ts';
import { run, shells } from './shells.ts';

const path = '/etc/modules-load.d/vfio.conf';
const names = ['vfio', 'vfio_iommu_type1', 'vfio_pci', 'vfio_virqfd'];

/** Facts of a host whose VFIO modules are in such a state; `absent` is for `vfio_virqfd` alone. */
function host(running: ModuleFact['running'], virqfd: 'available' | 'absent' | 'builtin' = 'available'): Facts {
  const vfio = names.map((name): ModuleFact => {
    const isLast = name === 'vfio_virqfd';
    const next = running === 'builtin' ? 'builtin' : 'available';
    return { name, running: isLast && virqfd !== 'available' ? virqfd : running, next: isLast ? virqfd : next };
  });
  return factsOf({ modules: { loaded: [], vfio } });
}

function change(
  facts: Facts,
  before?: string | Buffer | FileState,
  modules = vfioModules(facts),
  loaded = '',
): Change | null {
  const state = stateOf(before === undefined ? {} : { [path]: before }, { loaded: { code: 0, stdout: loaded } });
  return modulesToLoad('vfio.conf', modules).change(state, { host: 'node01', facts, ownedArguments: {} });
}

function text(result: Change | null): string | null {
  const [action] = result?.actions ?? [];
  return action?.kind === 'write' ? action.text : null;
}

describe('a fresh file is exactly what the guide says', () => {
  it.each([
    [
      'a kernel with vfio_virqfd (CentOS 7, openEuler 22.03, Debian 12)',
      host('available'),
      'vfio\nvfio_iommu_type1\nvfio_pci\nvfio_virqfd\n',
    ],
    ['a kernel without it (Debian 13)', host('available', 'absent'), 'vfio\nvfio_iommu_type1\nvfio_pci\n'],
    ['VFIO built in (Ubuntu 22.04)', host('builtin', 'builtin'), 'vfio\nvfio_iommu_type1\nvfio_pci\n'],
  ])('%s', (_why, facts, wanted) => {
    expect(text(change(facts))).toBe(wanted);
  });
});

describe('an existing file', () => {
  const facts = host('loaded', 'absent');
  it.each([
    ['as wished', 'vfio\nvfio_iommu_type1\nvfio_pci\n', null],
    ['in another order and spelling', '# mine\nvfio-pci\n vfio_iommu_type1\nvfio\n', null],
    [
      'with comments and foreign modules',
      '# mine\n; too\n\nkvm\nvfio\n',
      '# mine\n; too\n\nkvm\nvfio\nvfio_iommu_type1\nvfio_pci\n',
    ],
    [
      'with a module that the kernel lacks',
      'vfio\nvfio_iommu_type1\nvfio_pci\nvfio_virqfd\n# end',
      'vfio\nvfio_iommu_type1\nvfio_pci\n# end',
    ],
    ['with that module in a comment', 'vfio\nvfio_iommu_type1\nvfio_pci\n#vfio_virqfd\n', null],
    ['with no final newline', 'kvm', 'kvm\nvfio\nvfio_iommu_type1\nvfio_pci\n'],
    ['with CR LF', 'vfio\r\nvfio_iommu_type1\r\nvfio_pci\r\n', null],
  ])('%s', (_why, before, wanted) => {
    const result = change(facts, before);
    expect(text(result)).toBe(wanted);
    if (wanted !== null) expect(change(facts, wanted)).toBeNull();
    else expect(result).toBeNull();
  });

  it('keeps bytes that are no UTF-8', () => {
    const before = Buffer.concat([Buffer.from([0x23, 0xd6, 0xd0, 0x0a]), Buffer.from('vfio\nvfio_pci\n')]);
    const [action] = change(facts, before)?.actions ?? [];
    expect(action?.kind === 'write' && Buffer.from(action.text, action.encoding ?? 'utf8')).toEqual(
      Buffer.concat([before, Buffer.from('vfio_iommu_type1\n')]),
    );
  });

  it('is refused when it is no file', () => {
    expect(() => change(facts, { kind: 'other', type: 'a directory' })).toThrow(/vfio\.conf: expected a regular file/);
  });
});

describe('the service', () => {
  const whole = 'vfio\nvfio_iommu_type1\nvfio_pci\nvfio_virqfd\n';
  it('is due while a module is not loaded, also with the file in place', () => {
    expect(change(host('available'), whole)).toMatchObject({
      summary: 'load vfio vfio_iommu_type1 vfio_pci vfio_virqfd now',
      actions: [],
      diffs: [],
      effects: [{ kind: 'service', unit: 'systemd-modules-load.service' }],
    });
  });

  it('is not due when they are loaded or built in, or only the next kernel has them', () => {
    expect(change(host('loaded'), whole)).toBeNull();
    expect(change(host('builtin', 'builtin'), 'vfio\nvfio_iommu_type1\nvfio_pci\n')).toBeNull();
    expect(change(host('absent'), whole)).toBeNull();
    expect(change(host('loaded'))?.effects).toEqual([]);
  });

  it('goes by the probe for modules of which facts know nothing', () => {
    const facts = factsOf({});
    expect(change(facts, 'kvm\n', ['kvm'], 'kvm\n')).toBeNull();
    expect(change(facts, 'kvm\n', ['kvm'], '')?.effects).toMatchObject([{ kind: 'service' }]);
  });
});

it('refuses a module that the kernel which will boot lacks', () => {
  expect(() => change(host('available', 'absent'), undefined, names)).toThrow(
    /^node01: module vfio_virqfd: .* no such module in 6\.1\.0-18-amd64; next: use vfioModules\(host\.facts\)/,
  );
});

it.each([
  ['a path', 'x/y.conf', ['vfio']],
  ['an ending that systemd ignores', 'vfio', ['vfio']],
  ['a hidden file', '.conf', ['vfio']],
  ['a module with options', 'x.conf', ['vfio ids=1']],
  ['an empty module', 'x.conf', ['']],
])('refuses %s', (_why, name, modules) => {
  expect(() => modulesToLoad(name, modules)).toThrow(VfleetError);
});

it('tells checks what should be loaded', () => {
  expect(modulesToLoad('x.conf', ['kvm']).wants?.(factsOf({}))).toEqual({ modules: ['kvm'] });
});

it.each(shells.map((shell) => ({ shell, name: shell.join(' ') })))(
  'finds loaded modules, under $name',
  async ({ shell }) => {
    const probe = modulesToLoad('x.conf', ['kernel', 'no-such-module']).read(factsOf({})).probes?.['loaded'];
    // `/sys/module/kernel` is there on every Linux.
    expect(probe && (await run(probe, shell)).stdout.toString()).toBe('kernel\n');
  },
);

describe('the kernel that it was decided for', () => {
  const kernels = (next: string | null) => ({ running: '6.1.0-18-amd64', installed: [], next });
  const notes = (next: string | null, facts = host('available')) => change({ ...facts, kernel: kernels(next) })?.notes;

  it('is named where it is not the one that runs', () => {
    expect(notes('6.1.0-18-amd64')).toEqual([]);
    expect(notes('6.12.9-amd64')).toEqual([
      'decided for 6.12.9-amd64, the kernel that will boot (6.1.0-18-amd64 runs now)',
    ]);
  });

  it('is assumed to be the running one where nobody knows, and that is said', () => {
    const { modules } = host('available');
    const unknown = { modules: { ...modules, vfio: modules.vfio.map((module) => ({ ...module, next: null })) } };
    const facts = { ...factsOf(unknown), kernel: kernels(null) };
    expect(vfioModules(facts)).toEqual(names);
    expect(change(facts)?.notes).toEqual([
      'which kernel will boot is not known: taken for 6.1.0-18-amd64, which runs now',
    ]);
  });
});
