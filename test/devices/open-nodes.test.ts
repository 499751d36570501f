import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { openNodesProbe, parseOpenNodes } from '../../src/devices/open-nodes.ts';
import { run, shells } from '../resources/shells.ts';
import { temporaryFolder } from '../temporary-folder.ts';

/** Constructed after a host with nouveau, the driver by NVIDIA, and a guest. */
const printed = `root
open 812 /dev/dri/card0 Xorg
open 900 /dev/nvidia1 nvidia-persiste
open 900 /dev/nvidiactl nvidia-persiste
open 4242 /dev/vfio/12 qemu-system-x86
open 17 /dev/nvme0n1 
node 0000:3b:00.0 card0
node 0000:5e:00.0 nvme0
/proc/driver/nvidia/gpus/0000:AF:00.0/information:Device Minor: 	 1
`;

test('nodes are told with their processes and devices', () => {
  expect(parseOpenNodes(printed)).toEqual([
    { path: '/dev/dri/card0', pid: 812, process: 'Xorg', pci: '0000:3b:00.0' },
    { path: '/dev/nvidia1', pid: 900, process: 'nvidia-persiste', pci: '0000:af:00.0' },
    { path: '/dev/nvidiactl', pid: 900, process: 'nvidia-persiste', pci: null },
    { path: '/dev/vfio/12', pid: 4242, process: 'qemu-system-x86', pci: null },
    { path: '/dev/nvme0n1', pid: 17, process: null, pci: null },
  ]);
});

test('without rights, or with no output, they are unknown', () => {
  expect(parseOpenNodes(printed.replace('root\n', ''))).toBeNull();
  expect(parseOpenNodes('')).toBeNull();
});

const watched = ['/dev/loop-control', '/dev/cpu_dma_latency', '/dev/tty1'].find((path) => existsSync(path));

describe.each(shells)('run by %s %s', (...words) => {
  const printedNow = async (): Promise<string> => {
    const shell = words.filter((word) => typeof word === 'string');
    return (await run(openNodesProbe, shell)).stdout.toString('utf8');
  };

  test.runIf(process.getuid?.() === 0 && watched !== undefined)('what this process has open is found', async () => {
    const path = watched ?? '';
    const opened = openSync(path, 'r');
    try {
      expect(parseOpenNodes(await printedNow())).toContainEqual(
        expect.objectContaining({ path, pid: process.pid, pci: null }),
      );
    } finally {
      closeSync(opened);
    }
  });

  test('nodes of tapes lead to their controllers, and those of disks are told by what is on them', () => {
    const folder = temporaryFolder('nodes');
    const scsi = '../../devices/pci0000:00/0000:3b:00.0/host0/target0:0:4/0:0:4:0';
    const links = {
      '9:0': `${scsi}/scsi_tape/st0`,
      '9:128': `${scsi}/scsi_tape/nst0`,
      '21:3': `${scsi}/scsi_generic/sg3`,
      '8:0': `${scsi}/block/sda`,
      '226:0': '../../devices/pci0000:00/0000:06:00.0/drm/card0',
      '188:0': '../../devices/pci0000:00/0000:00:14.0/usb1/1-2/1-2:1.0/ttyUSB0/tty/ttyUSB0',
    };
    mkdirSync(path.join(folder, 'char'));
    mkdirSync(path.join(folder, 'block'));
    for (const [name, target] of Object.entries(links)) symlinkSync(target, path.join(folder, 'char', name));
    const input = openNodesProbe.text.replaceAll('/sys/dev/', `${folder}/`);
    const shell = words.filter((word) => typeof word === 'string');
    const told = spawnSync(shell[0] ?? 'sh', shell.slice(1), { input, encoding: 'utf8' }).stdout;
    expect(
      told
        .split('\n')
        .filter((line) => line.startsWith('node '))
        .sort(),
    ).toEqual(['node 0000:06:00.0 card0', 'node 0000:3b:00.0 nst0', 'node 0000:3b:00.0 sg3', 'node 0000:3b:00.0 st0']);
  });

  test.runIf(process.getuid?.() !== 0)('a user without rights is told nothing', async () => {
    expect(parseOpenNodes(await printedNow())).toBeNull();
  });
});
