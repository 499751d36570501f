import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compareReleases, isKernelAtLeast, kernelVersion, releaseOfImage } from '../../src/boot/release.ts';

describe('kernelVersion', () => {
  test.each([
    ['5.4.130-1.yn20221208.el7.x86_64', [5, 4, 130]],
    ['6.1.0-18-amd64', [6, 1, 0]],
    ['6.12-rc1', [6, 12, 0]],
    ['0-rescue-8a6f', null],
    ['', null],
  ])('%s is %j', (release, version) => expect(kernelVersion(release)).toEqual(version));

  test.each([
    ['6.1.0-44-amd64', false],
    ['6.2.0', true],
    ['6.12.107+deb13-amd64', true],
    ['5.14.0-427.el9', false],
    ['10.0.1', true],
    ['garbage', null],
  ])('%s is at least 6.2: %j', (release, answer) => expect(isKernelAtLeast(release, 6, 2)).toBe(answer));
});

describe('compareReleases', () => {
  test('orders as rpm does', () => {
    const ordered = ['6.1.0~rc1', '6.1.0', '6.1.0-9', '6.1.0-10', '6.1.0-44.el9', '6.1.0-44.1', '6.12.0', '10.0'];
    expect([...ordered].reverse().sort(compareReleases)).toEqual(ordered);
  });

  test('is a total order', () => {
    const text = fc.stringMatching(/^[0-9a-z.~-]{0,12}$/);
    fc.assert(
      fc.property(text, text, text, (a, b, c) => {
        expect(Math.sign(compareReleases(a, b))).toBe(-Math.sign(compareReleases(b, a)) + 0);
        if (compareReleases(a, b) <= 0 && compareReleases(b, c) <= 0)
          expect(compareReleases(a, c)).toBeLessThanOrEqual(0);
      }),
    );
  });
});

test.each([
  ['/boot/vmlinuz-6.1.0-18-amd64', '6.1.0-18-amd64'],
  ['/vmlinuz-0-rescue-8a6f', '0-rescue-8a6f'],
  ['/vmlinuz-linux-lts', 'linux-lts'],
  ['/boot/vmlinuz-4.4.0-1-generic.efi.signed', '4.4.0-1-generic'],
  ['/4c4c/6.5.6-300.fc39.x86_64/linux', '6.5.6-300.fc39.x86_64'],
  ['/boot/Image-5.14.21-default', '5.14.21-default'],
  ['/boot/memtest86+.bin', null],
  ['/vmlinuz', null],
  ['', null],
])('the image %s is of release %s', (path, release) => expect(releaseOfImage(path)).toBe(release));
