import { describe, expect, it } from 'vitest';
import { sameName } from '../../src/boot/arguments.ts';
import { wrongValue } from '../../src/boot/kernel-parameter.ts';

describe('the name of a parameter', () => {
  it.each([
    ['vfio-pci.ids', 'vfio_pci.ids', true],
    ['rdblacklist', 'rd.driver.blacklist', true],
    ['rd_LVM_LV', 'rd.lvm.lv', true],
    ['rd.lvm.lv', 'rd.lvm.vg', false],
    ['iommu', 'iommu.passthrough', false],
    ['constructor', 'toString', false],
  ])('%s and %s: one: %s', (one, other, is) => {
    expect(sameName(one, other)).toBe(is);
  });
});

describe('a value', () => {
  it.each([
    ['amd_iommu', 'on', /AMD IOMMU is on by default/, /drop it/],
    ['amd-iommu', 'fullflush,on', /AMD IOMMU is on by default/, /drop it/],
    ['intel_iommu', 'on,pt', /does not know/, /iommu=pt/],
    ['iommu', 'on', /does not know/, /intel_iommu=on/],
    ['vfio_iommu_type1.allow_unsafe_interrupts', 'true', /not every kernel/, /1 or 0/],
    ['vfio-iommu-type1.allow-unsafe-interrupts', '2', /not every kernel/, /1 or 0/],
    ['iommu.passthrough', '', /not every kernel/, /1 or 0/],
  ])('%s=%s is known to be wrong, and what is right instead', (name, value, found, next) => {
    expect(wrongValue(name, value)).toEqual({
      found: expect.stringMatching(found) as unknown,
      next: expect.stringMatching(next) as unknown,
    });
  });

  it.each([
    ['amd_iommu', 'fullflush,pgtbl_v2'],
    ['intel_iommu', 'on,sm_on'],
    ['intel_iommu', 'a_word_of_a_kernel_to_come'],
    ['iommu', 'pt'],
    ['iommu.passthrough', '1'],
    ['iommu.strict', 'off'],
    ['vfio_iommu_type1.allow_unsafe_interrupts', 'Y'],
    ['console', 'on'],
  ])('%s=%s is left to the kernel', (name, value) => {
    expect(wrongValue(name, value)).toBeNull();
  });
});
