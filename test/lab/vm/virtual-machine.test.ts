import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { bootsOf, consoleEnd, powerCut, processOf, stateOf } from '../../../src/lab/vm/virtual-machine.ts';
import { temporaryFolder } from '../../temporary-folder.ts';

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

/** A folder whose node seems to run: a process that names its file, as QEMU's own does. */
async function running(folder: string): Promise<number> {
  const child = spawn('sh', ['-c', 'echo up; read _', 'sh', '-pidfile', join(folder, 'qemu.pid')]);
  children.push(child);
  await once(child.stdout, 'data');
  await writeFile(join(folder, 'qemu.pid'), `${child.pid}\n`);
  return child.pid ?? 0;
}

describe("a node's process", () => {
  it.each(['plain', 'with blanks', 'Rechner für Übungen', '节点'])('is found in a folder named %s', async (name) => {
    const folder = join(temporaryFolder('vm'), name);
    await mkdir(folder);
    expect(await processOf(folder)).toBeNull();
    const pid = await running(folder);
    expect(await processOf(folder)).toBe(pid);
  });

  it('is not one that got its id later', async () => {
    const [folder, other] = [temporaryFolder('vm'), temporaryFolder('vm')];
    await writeFile(join(folder, 'qemu.pid'), `${await running(other)}\n`);
    expect(await processOf(folder)).toBeNull();
  });

  it.each(['', 'junk', '0', '-1', '1'])('is none by a file that says %j', async (text) => {
    const folder = temporaryFolder('vm');
    await writeFile(join(folder, 'qemu.pid'), text);
    expect(await processOf(folder)).toBeNull();
  });

  it('has ended when its power is cut; a second cut finds nothing to do', async () => {
    const folder = temporaryFolder('vm');
    await running(folder);
    await powerCut(folder);
    expect(await processOf(folder)).toBeNull();
    await powerCut(folder);
  });
});

describe('the console of a node', () => {
  const ids = ['4d8e6a51-0b7c-4f5e-9a34-1c2d3e4f5a6b', '0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d'];
  const log = [
    '\x1b[2J\x1b[01;01HBdsDxe: starting Boot0001 "UEFI Misc Device"\r',
    '\x1b[0m[    0.000000] Linux version 6.1.0 \xff\xfe\r',
    'lab-node: booting soon, lab-node: boot\r',
    `lab-node: boot ${ids[0]}\r`,
    '[   12.345678] reboot: Restarting system\r',
    `\x1b[K[ ***  ] A start job is running (5s / no limit)\x1b[0mlab-node: boot ${ids[1]}\r`,
    `lab-node: boot ${ids[1]}\r`,
    '',
  ].join('\n');

  async function consoleWith(text: string): Promise<string> {
    const folder = temporaryFolder('vm');
    await writeFile(join(folder, 'console.log'), Buffer.from(text, 'latin1'));
    return folder;
  }

  it('tells how often it has booted, whatever else stands there', async () => {
    expect(await bootsOf(await consoleWith(log))).toBe(2);
    expect(await bootsOf(await consoleWith(''))).toBe(0);
    expect(await bootsOf(temporaryFolder('vm'))).toBe(0);
  });

  it('is shown by its last lines, without what would move the cursor', async () => {
    const end = await consoleEnd(await consoleWith(log), 3);
    expect(end.split('\n')).toHaveLength(3);
    expect(end).toMatch(/^\[ {3}12\.345678\] reboot: Restarting system\n/);
    expect(end).not.toMatch(/[^\x20-\x7e\n]/);
  });
});

describe('the state of a node', () => {
  const boot = 'lab-node: boot 0730208b-bc3c-49ac-994d-f8f354533989';

  it.each([
    ['booting, when it was only turned on', 'lab-node: power on\n', 'booting'],
    ['booting, while its kernel starts', 'lab-node: power on\nLoading Linux 6.1.0-56-amd64 ...\n', 'booting'],
    ['up, when it says so', `lab-node: power on\nLoading Linux 6.1 ...\n[    1.0] noise ${boot}\nmore\n`, 'up'],
    [
      'booting, when GRUB starts again',
      `lab-node: power on\n${boot}\nreboot: Restarting\nLoading Linux 6.1 ...\n`,
      'booting',
    ],
    ['booting, after a power cut', `lab-node: power on\n${boot}\n\nlab-node: power on\n`, 'booting'],
  ])('is %s', async (_, log, state) => {
    const folder = temporaryFolder('vm');
    await writeFile(join(folder, 'console.log'), log);
    expect(await stateOf(folder)).toBe('off');
    await writeFile(join(folder, 'qemu.pid'), `${await running(folder)}\n`);
    expect(await stateOf(folder)).toBe(state);
  });
});
