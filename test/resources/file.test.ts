import { applyPatch } from 'diff';
import { describe, expect, it } from 'vitest';
import { VfleetError } from '../../src/errors.ts';
import { file } from '../../src/resources/file.ts';
import type { Change, FileState } from '../../src/resources/resource.ts';
import { factsOf } from '../boot/facts.ts';
import { stateOf } from '../boot/files.ts';

const context = { host: 'node01', facts: factsOf({}), ownedArguments: {} };
const path = '/etc/motd';

function change(resource: ReturnType<typeof file>, before?: string | Buffer | FileState): Change | null {
  const [target = path] = resource.read(context.facts).files ?? [];
  return resource.change(stateOf(before === undefined ? {} : { [target]: before }), context);
}

it('creates a file, replaces a foreign one and shows both', () => {
  expect(change(file(path, 'hello\n'))).toEqual({
    resource: 'file /etc/motd',
    summary: 'create /etc/motd',
    diffs: ['/etc/motd: new file, mode 0644, owner root:root\n--- /dev/null\n+++ /etc/motd\n@@ -0,0 +1,1 @@\n+hello\n'],
    actions: [{ kind: 'write', path, text: 'hello\n', mode: '0644', owner: 'root:root' }],
    effects: [],
    notes: [],
  });
  const [diff = ''] = change(file(path, 'a\nB\nc'), 'a\nb\nc\n')?.diffs ?? [];
  expect(applyPatch('a\nb\nc\n', diff)).toBe('a\nB\nc');
});

it('does nothing about a file that is as wished', () => {
  expect(change(file(path, 'x'), 'x')).toBeNull();
  expect(change(file(path, 'x', { mode: '644', owner: 'root:root' }), 'x')).toBeNull();
  expect(change(file(path, ''), '')).toBeNull();
});

it('leaves mode and owner alone unless they are named', () => {
  const before: FileState = { kind: 'file', bytes: Buffer.from('x'), mode: '0600', owner: 'a:b' };
  expect(change(file(path, 'y'), before)?.actions).toMatchObject([{ mode: '0600', owner: 'a:b' }]);
  const other = change(file(path, 'x', { mode: '0640', owner: 'root:adm' }), before);
  expect(other?.diffs).toEqual(['/etc/motd: mode 0600 -> 0640\n/etc/motd: owner a:b -> root:adm\n']);
  expect(other?.summary).toBe('/etc/motd: mode 0640, owner root:adm');
});

it('shows bytes that are no text as their digests', () => {
  const [diff = ''] = change(file(path, 'x'), Buffer.from([0xff, 0, 1]))?.diffs ?? [];
  expect(diff).toMatch(/^\/etc\/motd: binary, sha256:[0-9a-f]{16} -> sha256:2d711642b726b044\n$/);
});

it.each([
  ['a directory', { kind: 'other', type: 'a directory' }],
  [
    'a symbolic link to ../run/motd',
    { kind: 'other', type: 'a symbolic link to ../run/motd', bytes: Buffer.from('x') },
  ],
] as const)('refuses %s at the path', (type, before) => {
  expect(() => change(file(path, 'x'), before)).toThrow(
    `node01: /etc/motd: expected a regular file, or nothing, found ${type}`,
  );
});

it('renders a template, and names the host where it cannot', () => {
  const template = { source: 'rack {{rack}}\n', name: 'motd.hbs' };
  expect(change(file(path, { template, data: { rack: 'r12' } }))?.actions).toMatchObject([{ text: 'rack r12\n' }]);
  expect(() => change(file(path, { template, data: { rak: 1 } }))).toThrow(
    /^node01: motd\.hbs:1:8 \{\{rack\}\}.*did you mean "rak"/,
  );
});

describe('what is due by default', () => {
  it.each([
    ['/etc/modprobe.d/kvm.conf', ['initramfs', 'reboot']],
    ['/etc/modules-load.d/x.conf', ['service systemd-modules-load.service']],
    ['/etc/sysctl.d/90-x.conf', ['service systemd-sysctl.service']],
    ['/etc/dracut.conf.d/vfio.conf', ['initramfs']],
    ['/etc/initramfs-tools/modules', ['initramfs']],
    ['/etc/default/grub', ['boot-configuration', 'reboot']],
    ['/etc/default/grub.d/x.cfg', ['boot-configuration', 'reboot']],
    ['/etc/default/grub-other', []],
    ['/etc/modprobe.conf', []],
  ])('%s', (at, kinds) => {
    const effects = change(file(at, 'x'))?.effects ?? [];
    expect(effects.map((effect) => (effect.kind === 'service' ? `service ${effect.unit}` : effect.kind))).toEqual(
      kinds,
    );
  });

  it('gives way to what the playbook says', () => {
    expect(change(file('/etc/modprobe.d/kvm.conf', 'x', { effects: [] }))?.effects).toEqual([]);
  });
});

it.each([
  ['a relative path', () => file('etc/motd', '')],
  ['the root', () => file('/', '')],
  ['a folder', () => file('/etc/', '')],
  ['dots', () => file('/etc/../x', '')],
  ['a glob', () => file('/etc/*.conf', '')],
  ['a line end', () => file('/etc/a\nb', '')],
  ['a NUL in the text', () => file(path, 'a\0b')],
  ['a mode of letters', () => file(path, '', { mode: 'u+x' })],
  ['an owner with no group', () => file(path, '', { owner: 'root' })],
])('refuses %s', (_why, make) => {
  expect(make).toThrow(VfleetError);
  expect(make).toThrow(expect.objectContaining({ code: 'file.invalid' }));
});
