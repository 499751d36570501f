import { describe, expect, it } from 'vitest';
import { leftoverArguments, missingArguments, parseArguments } from '../../src/boot/arguments.ts';

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

describe('leftoverArguments', () => {
  it('names what is still there', () => {
    expect(leftoverArguments(['quiet', 'splash'], 'ro quiet')).toEqual(['quiet']);
  });
});
