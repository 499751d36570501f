import { chmod, readFile, symlink, unlink, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Lab } from '../../src/lab/lab.ts';
import { compareSnapshots, type SnapshotOptions } from '../../src/lab/snapshot.ts';
import { logIn } from './client.ts';
import { startDoubles } from './start.ts';

let lab: Lab;

beforeAll(async () => {
  lab = await startDoubles({ n1: {} });
});

afterAll(async () => {
  await lab.stop();
});

async function changesOf(command: string, options: SnapshotOptions = {}): Promise<readonly string[]> {
  const client = await logIn(lab, 'n1');
  const before = await lab.node('n1').snapshot(options);
  await client.run(command);
  const after = await lab.node('n1').snapshot(options);
  client.end();
  return compareSnapshots(before, after).map((line) => line.split(':')[0] ?? '');
}

describe('a snapshot', () => {
  it('is the same when a node is only read', async () => {
    expect(
      await changesOf(
        'find / -path /dev -prune -o -type f -print | xargs cat >/dev/null; ls -lR / >/dev/null; echo x >/run/x',
      ),
    ).toEqual([]);
  });

  it.each([
    ['one byte', 'printf Hello >/tmp/h; dd if=/tmp/h of=/etc/motd bs=1 count=1 conv=notrunc', ['~ /etc/motd']],
    ['a write of the same bytes', 'cat /etc/motd >/tmp/m; cat /tmp/m >/etc/motd', ['~ /etc/motd']],
    ['a mode', 'chmod 600 /etc/motd', ['~ /etc/motd']],
    ['a link in the place of a file', 'cd /opt; echo x >/tmp/x; ln -s /tmp/x link', ['~ /opt', '+ /opt/link']],
    ['where a link leads', 'cd /opt; ln -sfn /tmp/y link', ['~ /opt', '~ /opt/link']],
    ['a file that came and went', ': >/srv/x; rm /srv/x', ['~ /srv']],
    ['a new folder and what is in it', 'mkdir /home/a; : >/home/a/f', ['~ /home', '+ /home/a', '+ /home/a/f']],
    ['what is gone', 'rm -r /home/a', ['~ /home', '- /home/a', '- /home/a/f']],
  ])('shows %s', async (_, command, expected) => {
    expect(await changesOf(command)).toEqual(expected);
  });

  it('leaves the kernel and the memory out, unless asked', async () => {
    expect(await changesOf('echo x >/proc/cmdline; echo x >/run/z', {})).toEqual([]);
    expect(await changesOf('echo yy >/proc/cmdline', { kernel: true })).toEqual(['~ /proc/cmdline']);
    expect(await changesOf('echo yy >/run/z', { volatile: true })).toEqual(['~ /run/z']);
  });

  it('can leave times out', async () => {
    const file = path.join(lab.node('n1').root, 'etc/motd');
    const before = await lab.node('n1').snapshot({ times: false });
    await utimes(file, 1, 1);
    expect(compareSnapshots(before, await lab.node('n1').snapshot({ times: false }))).toEqual([]);
  });

  it('never trusts a digest that is older than the file', async () => {
    const file = path.join(lab.node('n1').root, 'etc/trick');
    await writeFile(file, 'one');
    await utimes(file, 1, 1);
    const before = await lab.node('n1').snapshot({ times: false });
    await writeFile(file, 'two');
    await utimes(file, 1, 1);
    const lines = compareSnapshots(before, await lab.node('n1').snapshot({ times: false }));
    expect(lines.map((line) => line.split(':')[0])).toEqual(['~ /etc/trick']);
  });

  it('does not follow links out of the tree', async () => {
    const at = path.join(lab.node('n1').root, 'etc/out');
    await symlink('/etc', at);
    const snapshot = await lab.node('n1').snapshot();
    expect(snapshot.get('/etc/out')).toMatch(/^link \/etc /);
    expect([...snapshot.keys()].filter((name) => name.startsWith('/etc/out/'))).toEqual([]);
    await unlink(at);
  });

  it('shows a change of a program that nodes share', async () => {
    const shared = path.join(lab.node('n1').root, 'usr/bin/sort');
    const before = await lab.node('n1').snapshot();
    const bytes = await readFile(shared);
    await chmod(shared, 0o755);
    await writeFile(shared, Buffer.concat([bytes, Buffer.from('x')]));
    const lines = compareSnapshots(before, await lab.node('n1').snapshot());
    expect(lines.map((line) => line.split(':')[0])).toEqual(['~ /usr/bin/sort']);
  });
});
