import { describe, expect, it } from 'vitest';
import { findVmKind, type VmKind, vmKinds } from '../../../src/lab/vm/kind.ts';

function kind(name: string): VmKind {
  const found = findVmKind(name);
  if (typeof found === 'string') throw new Error(found);
  return found;
}

describe('the kinds of virtual nodes', () => {
  it('have names of their own, and are found by them', () => {
    expect(new Set(vmKinds.map(({ name }) => name)).size).toBe(vmKinds.length);
    for (const one of vmKinds) expect(findVmKind(one.name)).toBe(one);
  });

  it.each([
    ['debian-11-amd-uefi', { suite: 'bullseye', firmware: 'uefi' }, 'amd', true, 'virtio'],
    ['debian-12-intel-bios', { suite: 'bookworm', firmware: 'bios' }, 'intel', true, 'virtio'],
    ['debian-13-amd-uefi', { suite: 'trixie', firmware: 'uefi' }, 'amd', true, 'virtio'],
    ['debian-12-vtd-off', { suite: 'bookworm', firmware: 'bios' }, 'intel', false, 'virtio'],
    [
      'debian-12-systemd-boot',
      { suite: 'bookworm', firmware: 'uefi', loader: 'systemd-boot' },
      'intel',
      true,
      'virtio',
    ],
    ['debian-12-dracut', { suite: 'bookworm', firmware: 'uefi', initramfs: 'dracut' }, 'intel', true, 'nvme'],
    ['debian-13-nvme-root', { suite: 'trixie', firmware: 'uefi' }, 'intel', true, 'nvme'],
  ] as const)('%s is what it is called', (name, recipe, vendor, iommu, rootDisk) => {
    expect(kind(name)).toEqual({ name, recipe, vendor, iommu, rootDisk });
  });

  it('are every release with every IOMMU and firmware, without VT-d, with its root on NVMe, and by systemd-boot', () => {
    for (const release of ['debian-11', 'debian-12', 'debian-13']) {
      const suites = vmKinds.filter(({ name }) => name.startsWith(release)).map(({ recipe }) => recipe.suite);
      expect(suites).toHaveLength({ 'debian-11': 6, 'debian-12': 8 }[release] ?? 7);
      expect(new Set(suites).size).toBe(1);
    }
    const whole = vmKinds.filter(
      ({ iommu, rootDisk, recipe }) => iommu && rootDisk === 'virtio' && recipe.loader === undefined,
    );
    expect(vmKinds.filter(({ recipe }) => recipe.loader === 'systemd-boot')).toHaveLength(2);
    const combinations = whole.map(({ recipe, vendor }) => `${recipe.suite} ${recipe.firmware} ${vendor}`);
    expect(new Set(combinations).size).toBe(3 * 2 * 2);
  });

  it('are guessed at when a name is none, or listed', () => {
    expect(findVmKind('debian-12-intel-bois')).toBe(
      'no kind of node debian-12-intel-bois, did you mean "debian-12-intel-bios"?',
    );
    expect(findVmKind('solaris')).toMatch(/^no kind of node solaris; there are debian-11-.*debian-13-systemd-boot$/);
  });
});
