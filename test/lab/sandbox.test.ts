import { access, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Lab } from '../../src/lab/lab.ts';
import { processesIn } from '../../src/lab/processes.ts';
import { detectSandbox } from '../../src/lab/sandbox.ts';
import { logIn, type TestClient } from './client.ts';
import { startDoubles } from './start.ts';
import { availableStrategies } from './strategies.ts';

const strategies = await availableStrategies();

it('has at least one way to shut nodes in', () => {
  expect(strategies.length).toBeGreaterThan(0);
});

describe.each(strategies)('a shell in a node, by %s', (strategy) => {
  let lab: Lab;
  let client: TestClient;
  const hostFile = path.join(os.tmpdir(), `vfleet-host-${process.pid}-${strategy}`);

  beforeAll(async () => {
    await writeFile(hostFile, 'mine');
    lab = await startDoubles({ n1: {}, n2: {} }, { strategy });
    client = await logIn(lab, 'n1');
  });

  afterAll(async () => {
    client.end();
    await lab.stop();
    await rm(hostFile, { force: true });
  });

  it('sees its own tree, and nothing of this machine', async () => {
    const seen = await client.run(`cat /etc/motd; ls -A /; ls -A /tmp; cat ${hostFile}; ls ${process.cwd()}`);
    expect(seen.stdout).toMatch(/^hello\n/);
    expect(seen.stdout.split('\n')).not.toContain(path.basename(hostFile));
    expect(seen.stderr.match(/No such file/g)).toHaveLength(2);
    expect(seen.stdout).not.toContain('mine');
  });

  it('cannot climb out', async () => {
    const out = await client.run(
      'cd /; cd ../../../../../../..; pwd; ls -d root; ls -di / /..; ln -s /../../.. /up; ls /up/',
    );
    expect(out.stdout).toMatch(/^\/\nroot\n/);
    const [here, above] = out.stdout
      .split('\n')
      .slice(2, 4)
      .map((line) => line.trim().split(' ')[0]);
    expect(above).toBe(here);
    expect(out.stdout).toContain('etc');
    expect(out.stdout).not.toContain(path.basename(lab.directory));
  });

  it('writes, renames and removes at home only', async () => {
    const before = await readFile('/etc/hosts');
    const out = await client.run(`echo x >/etc/hosts; echo y >${hostFile}; rm -rf /opt /var /home; echo $?`);
    expect(out.stdout).toBe('0\n');
    expect(await readFile('/etc/hosts')).toEqual(before);
    expect(await readFile(hostFile, 'utf8')).toBe('mine');
    expect(await readFile(path.join(lab.node('n1').root, 'etc/hosts'), 'utf8')).toBe('x\n');
    await expect(access(path.join(lab.node('n1').root, 'opt'))).rejects.toThrow();
    await access(path.join(lab.node('n2').root, 'opt'));
    await expect(access(path.join(lab.node('n2').root, 'etc/hosts'))).rejects.toThrow();
  });

  it('has no tool that reaches a kernel', async () => {
    const names =
      'mount umount chroot mknod insmod modprobe kexec sysctl nsenter unshare shutdown losetup mkfs swapoff';
    const out = await client.run(`for name in ${names}; do command -v $name; done; echo end`);
    expect(out.stdout).toBe('end\n');
  });

  it('has the tools that scripts need, which work', async () => {
    const script = `
      printf 'b\\na\\n' | sort | head -n 1 | tr a z | sed 's/z/q/' | awk '{ print $1 "-" }' | grep -c q-
      find /etc -name motd | xargs cat
      echo data | sha256sum | cut -c 1-8
      echo data | base64
      exec 9>/run/lock/x; flock -n 9 && echo locked
      setsid sh -c 'echo own session'
      timeout 0.05 sleep 5; echo $?
      stat -c '%a %U' /root
      mktemp -d /run/XXXXXX >/dev/null && mkfifo /run/f && test -p /run/f && echo made`;
    const out = await client.run('sh -s', script);
    expect(out.stderr).toBe('');
    expect(out.stdout.split('\n').slice(0, -1)).toEqual([
      '1',
      'hello',
      '6667b2d1',
      'ZGF0YQo=',
      'locked',
      'own session',
      '124',
      '700 root',
      'made',
    ]);
  });

  it('has working devices', async () => {
    const out = await client.run(
      'echo x >/dev/null; cat /dev/null; head -c 4 /dev/zero | od -An -tx1; head -c 8 /dev/urandom | wc -c; cat /etc/motd >/dev/full',
    );
    expect(out.stdout).toBe(' 00 00 00 00\n8\n');
    expect(out.stderr).toMatch(/No space left on device/);
    expect((await client.run('stat -c "%F %a" /dev/null /dev/full')).stdout).toBe(
      'character special file 666\n'.repeat(2),
    );
  });

  it('starts with the environment of a log-in, and nothing of ours', async () => {
    process.env['VFLEET_TEST_SECRET'] = 'secret';
    const out = await client.run('env; pwd; id -u');
    const names = out.stdout.split('\n').map((line) => line.split('=')[0]);
    expect(names).toEqual(expect.arrayContaining(['HOME', 'USER', 'LOGNAME', 'SHELL', 'PATH', 'SSH_CONNECTION']));
    expect(out.stdout).not.toContain('secret');
    expect(out.stdout).toMatch(/\n\/root\n0\n$/);
    const port = lab.node('n1').port;
    expect(out.stdout).toMatch(new RegExp(`^SSH_CONNECTION=127.0.0.1 \\d+ 127.0.0.1 ${port}$`, 'm'));
    expect(out.stdout).toMatch(new RegExp(`^SSH_CLIENT=127.0.0.1 \\d+ ${port}$`, 'm'));
  });

  it.runIf(strategy !== 'chroot')('cannot see or signal processes outside', async () => {
    const victim = process.pid;
    const out = await client.run(`kill -0 ${victim} 2>&1 || echo unseen; kill -9 1; echo $?; kill -9 -1`);
    expect(out.stdout).toMatch(/unseen\n0\n$/);
    const after = await client.run('echo still up');
    expect(after.stdout).toBe('still up\n');
  });

  it.runIf(strategy !== 'chroot')('leaves no zombie of an orphan, as a machine with an init', async () => {
    const out = await client.run(`
      setsid sh -c 'echo $$ >/run/pid; sleep 0.05' </dev/null >/dev/null 2>&1 &
      while [ ! -s /run/pid ]; do sleep 0.01; done
      read pid </run/pid
      for try in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        kill -0 "$pid" 2>/dev/null || { echo gone; exit; }
        sleep 0.1
      done`);
    expect(out.stdout).toBe('gone\n');
  });

  it('is found by its root folder', async () => {
    const channel = await client.open('sleep 30');
    const { root } = lab.node('n1');
    await expect.poll(() => processesIn(root).length).toBeGreaterThan(0);
    channel.close();
    await lab.node('n1').powerCut();
    expect(processesIn(root)).toEqual([]);
    await lab.node('n1').until('up');
    client = await logIn(lab, 'n1');
  });

  it('never shares a file with this machine', async () => {
    const { stdout } = await client.run('stat -c "%d:%i" /usr/bin/sort /bin/sh');
    const { stat } = await import('node:fs/promises');
    const hosts = await Promise.all(['/usr/bin/sort', '/bin/sh'].map((file) => stat(file)));
    for (const { dev, ino } of hosts) expect(stdout.split('\n')).not.toContain(`${dev}:${ino}`);
  });
});

it('says what each try said when nothing works', async () => {
  const tree = path.join(os.tmpdir(), `vfleet-no-tree-${process.pid}`);
  await expect(detectSandbox(tree)).rejects.toMatchObject({
    code: 'lab.no-sandbox',
    message: expect.stringMatching(/namespaces: .*ENOENT.*next: run/),
  });
  await expect(access(tree)).rejects.toThrow();
});
