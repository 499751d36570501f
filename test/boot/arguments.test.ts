import { describe, expect, it } from 'vitest';
import {
  contradicts,
  leftoverArguments,
  missingArguments,
  parseArgument,
  parseArguments,
} from '../../src/boot/arguments.ts';

describe('parseArguments', () => {
  it('separates at the first equals sign only', () => {
    expect(parseArguments('resume=UUID=6f96 rd.luks.name=a=b quiet')).toEqual([
      { token: 'resume=UUID=6f96', name: 'resume', value: 'UUID=6f96' },
      { token: 'rd.luks.name=a=b', name: 'rd.luks.name', value: 'a=b' },
      { token: 'quiet', name: 'quiet', value: null },
    ]);
  });

  it('keeps white space inside double quotes, as the kernel does', () => {
    expect(parseArguments('dyndbg="file x +p" "a=b c" ro').map(({ name, value }) => [name, value])).toEqual([
      ['dyndbg', 'file x +p'],
      ['a', 'b c'],
      ['ro', null],
    ]);
  });
});

describe('missingArguments', () => {
  const missing = (wish: string[], line: string): readonly string[] => missingArguments(wish, line);

  it('lets the last of several arguments with one name win', () => {
    expect(missing(['iommu=pt'], 'iommu=pt iommu=off')).toEqual(['iommu=pt']);
    expect(missing(['iommu=pt'], 'iommu=off iommu=pt')).toEqual([]);
  });

  it('takes a comma list that says more for enough, where the kernel reads a list', () => {
    expect(missing(['intel_iommu=on'], 'intel_iommu=on,sm_on')).toEqual([]);
    expect(missing(['console=ttyS0'], 'console=ttyS0,115200')).toEqual(['console=ttyS0']);
  });

  it('asks for every one of a repeated wish', () => {
    expect(missing(['console=tty0', 'console=ttyS0'], 'console=ttyS0 quiet')).toEqual(['console=tty0']);
  });

  it('takes dashes and underscores in names for the same, and nothing shorter for a match', () => {
    expect(
      missing(['vfio_iommu_type1.allow_unsafe_interrupts=1'], 'vfio-iommu-type1.allow-unsafe-interrupts=1'),
    ).toEqual([]);
    expect(missing(['iommu=pt'], 'xiommu=pt iommu=ptx')).toEqual(['iommu=pt']);
  });
});

describe('missingArguments, where the kernel reads words one after another', () => {
  it.each([
    ['intel_iommu=on', 'intel_iommu=on intel_iommu=sm_on', []],
    ['intel_iommu=on,sm_on', 'intel_iommu=sm_on intel_iommu=on', []],
    ['intel_iommu=on', 'intel_iommu=on intel_iommu=off', ['intel_iommu=on']],
    ['intel_iommu=on', 'intel_iommu=on,off', ['intel_iommu=on']],
    ['intel_iommu=on', 'intel_iommu=off,on', []],
    ['iommu=pt', 'iommu=pt,nopt', ['iommu=pt']],
    ['iommu=pt', 'iommu=pt iommu=merge', []],
    ['iommu.passthrough=1', 'iommu.passthrough=1 iommu.passthrough=0', ['iommu.passthrough=1']],
    ['crashkernel=256M', 'crashkernel=1G-4G:192M,256M', ['crashkernel=256M']],
  ])('%s on "%s"', (wish, line, lacking) => {
    expect(missingArguments([wish], line)).toEqual(lacking);
  });

  it('where every one counts, lets one stand anywhere, under its old name too', () => {
    const line = 'rdblacklist=nouveau rd.driver.blacklist=radeon,ast modprobe.blacklist=a rd.lvm.lv=a/b rd.lvm.lv=a/c';
    const there = ['rd.driver.blacklist=nouveau', 'rdblacklist=ast', 'modprobe.blacklist=a', 'rd.lvm.lv=a/b'];
    expect(missingArguments(there, line)).toEqual([]);
    const lacking = ['rd.driver.blacklist=b', 'modprobe.blacklist=nouveau', 'rd.lvm.lv=a/d'];
    expect(missingArguments(lacking, line)).toEqual(lacking);
  });

  it('asks for each name of an argument that is wished by both, with its own words', () => {
    const wish = ['rd.driver.blacklist=nouveau', 'rdblacklist=nouveau'];
    expect(missingArguments(wish, 'rdblacklist=nouveau')).toEqual(['rd.driver.blacklist=nouveau']);
    expect(missingArguments(wish, 'rd.driver.blacklist=floppy,nouveau')).toEqual(['rdblacklist=nouveau']);
    expect(missingArguments(wish, 'rdblacklist=nouveau rd.driver.blacklist=floppy,nouveau')).toEqual([]);
  });

  it('asks for the very token where that is wished, and for its effect', () => {
    const exact = (token: string, line: string): readonly string[] => missingArguments([token], line, [token]);
    expect(exact('intel_iommu=on', 'intel_iommu=on,sm_on')).toEqual(['intel_iommu=on']);
    expect(exact('intel_iommu=on', 'intel_iommu=on intel_iommu=sm_on')).toEqual([]);
    expect(exact('intel_iommu=on', 'intel_iommu=on intel_iommu=off')).toEqual(['intel_iommu=on']);
    expect(exact('rd.driver.blacklist=nouveau', 'rdblacklist=nouveau')).toEqual(['rd.driver.blacklist=nouveau']);
  });
});

describe('contradicts', () => {
  it.each([
    ['intel_iommu=off', 'intel_iommu=on', true],
    ['intel_iommu=sm_on', 'intel_iommu=on', false],
    ['intel_iommu=on', 'intel_iommu=on', false],
    ['iommu=nopt', 'iommu=pt', true],
    ['vfio-pci.disable-vga=0', 'vfio_pci.disable_vga=1', true],
    ['rd.lvm.lv=a/b', 'rd.lvm.lv=a/c', false],
    ['rdblacklist=a', 'rd.driver.blacklist=b', false],
    ['crashkernel=1G', 'iommu=pt', false],
  ])('%s and %s: %s', (one, other, is) => {
    expect(contradicts(parseArgument(one), parseArgument(other))).toBe(is);
  });
});

describe('leftoverArguments', () => {
  it('names what is still there', () => {
    expect(leftoverArguments(['quiet', 'splash'], 'ro quiet')).toEqual(['quiet']);
    expect(leftoverArguments(['rd.driver.blacklist'], 'ro rdblacklist=nouveau')).toEqual(['rd.driver.blacklist']);
  });
});
