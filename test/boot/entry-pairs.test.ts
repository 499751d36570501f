import { describe, expect, it } from 'vitest';
import { entryPairs, hiddenLine } from '../../src/boot/entry-pairs.ts';
import { parseGrubConfig } from '../../src/boot/grub-config.ts';
import { parseLoaderEntry } from '../../src/boot/loader-entry.ts';

const head = 'title T\nversion 5.14.0-1\nlinux /vmlinuz-5.14.0-1\n';
const options = 'options root=/dev/sda1 ro\n';

describe('an entry as GRUB reads it', () => {
  it.each([
    ['as it is written', head + options, 'root=/dev/sda1 ro', null],
    ['with comments', `# x\n${head} \t# y\n${options}`, 'root=/dev/sda1 ro', null],
    ['of DOS', (head + options).replaceAll('\n', '\r\n'), 'root=/dev/sda1 ro', null],
    ['of several options the first', `${head}${options}options second\n`, 'root=/dev/sda1 ro', null],
    ['ends at an empty line', `${head}\n${options}`, '', 'an empty line, where GRUB stops reading, before options'],
    [
      'ends at a key alone',
      `${head}id\n${options}`,
      '',
      'a line without a value, where GRUB stops reading, before options',
    ],
    ['a tab hides a key', `${head}${options.replace(' ', '\t')}`, '', 'a tab after options, which hides it from GRUB'],
    [
      'a blank at the end, too',
      `${head}options\tro \n`,
      '',
      'a line without a value, where GRUB stops reading, before options',
    ],
    ['a tab alone does not', `${head}options\troot=/dev/sda1\n`, 'root=/dev/sda1', null],
  ])('%s', (_, text, line, why) => {
    expect(parseLoaderEntry('x', text).arguments).toBe(line);
    expect(hiddenLine(text)?.why ?? null).toBe(why);
  });

  it('is not in the menu when its kernel is hidden', () => {
    const text = `title T\n\nlinux /vmlinuz-5.14.0-1\n${options}`;
    expect(hiddenLine(text)).toEqual({ line: 2, why: 'an empty line, where GRUB stops reading, before linux' });
    const entries = [parseLoaderEntry('hidden', text), parseLoaderEntry('there', head + options)];
    const menu = parseGrubConfig({ config: 'blscfg\n', environment: '', entries });
    expect(menu.map(({ arguments: line, default: first }) => [line, first])).toEqual([['root=/dev/sda1 ro', true]]);
  });

  it('is read whole by systemd-boot, the last of each key but options, quotes around a value off', () => {
    const text = 'title\tA\n\ntitle "B c"\nid\nlinux\t/old\nlinux /vmlinuz-6.1.0-1\noptions a\noptions "b=1 c"\n';
    expect(parseLoaderEntry('x', text, 'systemd-boot')).toMatchObject({
      ...{ title: 'B c', kernel: '6.1.0-1', arguments: 'a b=1 c' },
    });
    expect(entryPairs('id\n# c d\n', 'systemd-boot')).toEqual([]);
  });
});
