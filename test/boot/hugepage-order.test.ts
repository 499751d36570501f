import { describe, expect, it } from 'vitest';
import { editLine } from '../../src/boot/edit-line.ts';
import { kernelLine } from '../../src/boot/kernel-line.ts';
import { missingInOrder } from '../../src/boot/wish.ts';

const wish = { present: ['default_hugepagesz=1G', 'hugepagesz=1G', 'hugepages=8'], absent: [] };
const edit = (line: string, owned: readonly string[] = []): string =>
  editLine(kernelLine('kernel', true), [line], wish, owned, []).values.join(' ');

describe('a count of huge pages stands after the size that it counts', () => {
  it.each([
    ['', 'default_hugepagesz=1G hugepagesz=1G hugepages=8'],
    ['quiet', 'quiet default_hugepagesz=1G hugepagesz=1G hugepages=8'],
    ['quiet default_hugepagesz=1G', 'quiet default_hugepagesz=1G hugepagesz=1G hugepages=8'],
    // The kernel would count pages of another size with the one that stands before.
    ['hugepages=8 quiet', 'hugepages=8 quiet default_hugepagesz=1G hugepagesz=1G hugepages=8'],
    [
      'hugepagesz=1G hugepages=8 hugepagesz=2M',
      'hugepagesz=1G hugepages=8 hugepagesz=2M default_hugepagesz=1G hugepagesz=1G hugepages=8',
    ],
  ])('in %j', (line, wanted) => {
    expect(edit(line)).toBe(wanted);
    expect(edit(wanted)).toBe(wanted);
  });

  it('also where the size changes and the count does not', () => {
    const before = ['default_hugepagesz=2M', 'hugepagesz=2M', 'hugepages=8'];
    expect(edit(`ro ${before.join(' ')} quiet`, before)).toBe(
      'ro default_hugepagesz=1G hugepagesz=1G hugepages=8 quiet',
    );
  });

  it('but the default size may stand anywhere, as the Cloudpods guide has it', () => {
    expect(missingInOrder(wish, ['hugepagesz=1G', 'hugepages=8', 'default_hugepagesz=1G'])).toEqual([]);
  });
});
