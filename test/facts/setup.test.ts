import { describe, expect, test } from 'vitest';
import { parseSetup, setupProbe } from '../../src/facts/setup.ts';
import { runHere } from './run-probe.ts';

const sections = (files: string, shell = 'equal\n') =>
  new Map([
    ['setup-files', Buffer.from(files)],
    ['setup-shell', Buffer.from(shell)],
  ]);

describe('files that prepare a host', () => {
  test('are given line by line, empty lines too', () => {
    expect(
      parseSetup(sections('/etc/modprobe.d/a.conf:# x:y\n/etc/modprobe.d/a.conf:\n/etc/modprobe.d/b.conf:z\n')),
    ).toEqual({
      files: [
        { path: '/etc/modprobe.d/a.conf', lines: ['# x:y', ''] },
        { path: '/etc/modprobe.d/b.conf', lines: ['z'] },
      ],
      doubleEquals: true,
    });
  });

  test('of driverctl have an address in their name', () => {
    expect(
      parseSetup(sections('/etc/driverctl.d/pci-0000:03:00.0:vfio-pci\n/etc/driverctl.d/pci-10000:e1:00.0:none\n'))
        ?.files,
    ).toEqual([
      { path: '/etc/driverctl.d/pci-0000:03:00.0', lines: ['vfio-pci'] },
      { path: '/etc/driverctl.d/pci-10000:e1:00.0', lines: ['none'] },
    ]);
  });

  test('are unknown where the probe did not look', () => {
    expect(parseSetup(new Map())).toBeNull();
  });
});

test.each([
  [['dash'], false],
  [['bash'], true],
  [['bash', '--posix'], true],
])('the shell %j knows "==": %s', async (shell, known) => {
  const { sections: found, stderr } = await runHere(setupProbe, shell);
  expect(stderr).toBe('');
  expect(parseSetup(found)?.doubleEquals).toBe(known);
});
