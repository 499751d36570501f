import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Faults } from '../../src/lab/faults.ts';
import type { Lab } from '../../src/lab/lab.ts';
import { processesIn } from '../../src/lab/processes.ts';
import { compareSnapshots } from '../../src/lab/snapshot.ts';
import { collect, logIn, type Ran } from './client.ts';
import { startDoubles } from './start.ts';
import { availableStrategies } from './strategies.ts';

let lab: Lab;
const only = 'n1';

beforeAll(async () => {
  lab = await startDoubles({ n1: {} });
});

afterAll(async () => {
  await lab.stop();
});

async function withFaults<T>(faults: Faults, work: () => Promise<T>): Promise<T> {
  await lab.node(only).setFaults(faults);
  try {
    return await work();
  } finally {
    await lab.node(only).setFaults({});
  }
}

async function runOnce(command: string, stdin?: string | Buffer): Promise<Ran> {
  const client = await logIn(lab, only);
  try {
    return await client.run(command, stdin);
  } finally {
    client.end();
  }
}

describe('faults of the SSH server', () => {
  it('refuseLogin: the right key is refused', async () => {
    await withFaults({ refuseLogin: true }, () => expect(logIn(lab, only)).rejects.toThrow(/authentication/i));
    expect((await runOnce('echo fine')).stdout).toBe('fine\n');
  });

  it('silentTcp: connects, and hears nothing', async () => {
    await withFaults({ silentTcp: true }, async () => {
      await expect(logIn(lab, only, { readyTimeout: 300 })).rejects.toThrow(/timed out/i);
      const socket = connect(lab.node(only).port, '127.0.0.1');
      let heard = 0;
      socket.on('data', (bytes) => {
        heard += bytes.length;
      });
      await new Promise<void>((resolve) => socket.once('connect', () => resolve()));
      socket.write('SSH-2.0-x\r\n');
      await new Promise((resolve) => setTimeout(resolve, 100));
      expect(heard).toBe(0);
      socket.destroy();
    });
  });

  it('hangCommands: logs in, and no command answers', async () => {
    await withFaults({ hangCommands: true }, async () => {
      const client = await logIn(lab, only);
      const channel = await client.open('echo never >/var/hung');
      let heard = false;
      for (const event of ['data', 'exit', 'close']) {
        channel.on(event, () => {
          heard = true;
        });
      }
      channel.end();
      await new Promise((resolve) => setTimeout(resolve, 200));
      expect(heard).toBe(false);
      client.end();
    });
    expect((await runOnce('ls /var/hung')).end).not.toBe(0);
  });

  it('banner: stands before the output of each command', async () => {
    await withFaults({ banner: 'Welcome!\nno unauthorised access\n' }, async () => {
      const client = await logIn(lab, only);
      for (const word of ['one', 'two']) {
        expect((await client.run(`echo ${word}`)).stdout).toBe(`Welcome!\nno unauthorised access\n${word}\n`);
      }
      client.end();
    });
  });

  it('latency: each command waits, and keeps its input', async () => {
    await withFaults({ latency: 150 }, async () => {
      const client = await logIn(lab, only);
      const began = performance.now();
      expect((await client.run('cat', 'kept')).stdout).toBe('kept');
      expect(performance.now() - began).toBeGreaterThan(145);
      client.end();
    });
  });
});

describe('a link that breaks', () => {
  const script = 'echo one >/var/cut; echo two >/var/cut; echo three >/var/cut\n';

  it.each([0, 1, 18, script.length - 1])(
    'cutInput after %i bytes: the shell gets these, and no more',
    async (bytes) => {
      await runOnce('rm -f /var/cut /var/input');
      const before = lab.node(only).counters.bytesIn;
      const ran = await withFaults({ cutInput: { afterBytes: bytes } }, () =>
        runOnce('cat >/var/input; echo done >/var/cut', script).catch((error: Error) => error.message),
      );
      if (typeof ran !== 'string') expect(ran.end).toBe('lost');
      expect(lab.node(only).counters.bytesIn - before).toBe(bytes);
      await expect.poll(async () => (await runOnce('cat /var/cut')).stdout).toBe('done\n');
      expect((await runOnce('cat /var/input')).stdout).toBe(script.slice(0, bytes));
    },
  );

  it('cutInput: skips commands, and cuts only so many', async () => {
    await withFaults({ cutInput: { afterBytes: 3, skip: 1, times: 2 } }, async () => {
      const ends: (string | number)[] = [];
      for (let index = 0; index < 4; index++) ends.push((await runOnce('cat', 'abcdef')).end);
      expect(ends).toEqual([0, 'lost', 'lost', 0]);
    });
  });

  it('cutOutput: the client gets so many bytes, then loses the connection', async () => {
    await withFaults({ cutOutput: { afterBytes: 5 } }, async () => {
      expect(await runOnce('echo 123; echo 456; sleep 600')).toMatchObject({ end: 'lost', stdout: '123\n4' });
    });
  });

  it('hangUp: a lost connection ends its command, but not what has detached itself', async () => {
    // Earlier commands without a connection live on.
    await lab.node(only).powerCut();
    await lab.node(only).until('up');
    await withFaults({ hangUp: true }, async () => {
      const client = await logIn(lab, only);
      const command = 'setsid sh -c "echo begun; exec sleep 600 >/dev/null 2>&1" & sleep 601';
      const channel = await client.open(command);
      await new Promise<void>((resolve) => channel.once('data', () => resolve()));
      lab.node(only).dropConnections();
      await client.closed;
      const { root } = lab.node(only);
      const running = () => processesIn(root).map((pid) => readFileSync(`/proc/${pid}/cmdline`, 'latin1'));
      await expect.poll(running).toEqual(['sleep\x00600\x00']);
    });
  });

  it('dropConnections: in the middle of a command', async () => {
    const client = await logIn(lab, only);
    const channel = await client.open('echo begun; sleep 600');
    const ran = collect(channel);
    await new Promise<void>((resolve) => channel.once('data', () => resolve()));
    lab.node(only).dropConnections();
    expect(await ran).toMatchObject({ end: 'lost', stdout: 'begun\n' });
    expect((await runOnce('echo back')).stdout).toBe('back\n');
  });
});

describe('faults of a boot', () => {
  const reboot = async () => {
    const client = await logIn(lab, only);
    void client.run('reboot');
    await client.closed;
  };

  it('changeHostKey: the pinned key no longer fits', async () => {
    const own = await startDoubles({ n1: { changeHostKey: true } });
    const before = await logIn(own, 'n1');
    void before.run('reboot');
    await before.closed;
    await own.node('n1').until('up');
    await expect(logIn(own, 'n1')).rejects.toThrow(/verification/i);
    (await logIn(own, 'n1', { hostVerifier: () => true })).end();
    await own.stop();
  });

  it('neverReturns: dead until it is turned on again', async () => {
    await lab.node(only).setFaults({ neverReturns: true });
    await reboot();
    await lab.node(only).until('dead');
    await expect(logIn(lab, only)).rejects.toThrow(/ECONNREFUSED/);
    await lab.node(only).setFaults({});
    await lab.node(only).powerOn();
    expect((await runOnce('echo back')).stdout).toBe('back\n');
  });

  it('bootsOldEntry: comes back with the arguments that it had', async () => {
    const before = (await runOnce('cat /proc/cmdline')).stdout;
    await runOnce('echo wanted >/boot/arguments; echo other >/boot/new-file');
    await withFaults({ bootsOldEntry: true }, async () => {
      await reboot();
      await lab.node(only).until('up');
      expect((await runOnce('cat /proc/cmdline')).stdout).toBe(before);
      expect((await runOnce('cat /boot/arguments /boot/new-file')).stdout).toBe('wanted\nother\n');
    });
    await reboot();
    await lab.node(only).until('up');
    expect((await runOnce('cat /proc/cmdline')).stdout).toBe('wanted\n');
  });
});

const strategies = await availableStrategies();

describe.each(strategies.filter((name) => name !== 'chroot'))('faults of the disk, by %s', (strategy) => {
  let own: Lab;
  const run = async (command: string) => {
    const client = await logIn(own, 'n1');
    const ran = await client.run(command);
    client.end();
    return ran;
  };

  beforeAll(async () => {
    own = await startDoubles({ n1: {} }, { strategy });
  });

  afterAll(async () => {
    await own.stop();
  });

  it('readOnly: the kernel refuses writes, but not to memory', async () => {
    await own.node('n1').setFaults({ readOnly: true });
    const before = await own.node('n1').snapshot();
    const ran = await run(
      'echo x >/etc/x; rm /etc/motd; chmod 600 /etc/motd; echo y >/run/y && cat /run/y; echo z >/dev/null',
    );
    expect(ran.stderr.match(/Read-only file system/g)).toHaveLength(3);
    expect(ran.stdout).toBe('y\n');
    expect(compareSnapshots(before, await own.node('n1').snapshot())).toEqual([]);
    await own.node('n1').setFaults({});
    expect(await run('echo x >/etc/x && cat /etc/x')).toMatchObject({ end: 0, stdout: 'x\n' });
  });

  it('fullDisk: no block is left, but names are; what was changed stays when there is room again', async () => {
    const node = own.node('n1');
    await node.setFaults({ fullDisk: true });
    const ran = await run(
      'dd if=/dev/zero of=/etc/big bs=4096 count=1; : >/etc/empty && rm /etc/motd && echo removed; cat /etc/big | wc -c; echo y >/run/y && cat /run/y',
    );
    expect(ran.stderr).toMatch(/No space left on device/);
    expect(ran.stdout).toBe('removed\n0\ny\n');
    await expect(readFile(path.join(node.view, 'etc/motd'))).rejects.toThrow(/ENOENT/);
    expect((await node.snapshot()).get('/etc/empty')).toMatch(/^file 0644/);
    await node.setFaults({});
    expect(await run('ls /etc/empty /etc/motd; echo x >/etc/big && cat /etc/big')).toMatchObject({
      stdout: '/etc/empty\nx\n',
      stderr: expect.stringMatching(/motd.*No such file/),
    });
  });

  it('fullDisk: modes, owners, times and links are the same afterwards', async () => {
    const node = own.node('n1');
    await run(
      'mkdir -p /var/lib/d; echo 1 >/var/lib/d/f; chmod 4710 /var/lib/d/f; ln -s f /var/lib/d/l; chmod 1770 /var/lib/d',
    );
    const before = await node.snapshot();
    await node.setFaults({ fullDisk: ['/var'] });
    expect(compareSnapshots(before, await node.snapshot())).toEqual([]);
    await node.setFaults({});
    expect(compareSnapshots(before, await node.snapshot())).toEqual([]);
  });

  it('fullDisk: stays full through a power cut, and keeps what was written', async () => {
    const node = own.node('n1');
    await node.setFaults({ fullDisk: ['/var'] });
    await run(': >/var/before-cut');
    await node.powerCut();
    await node.until('up');
    const ran = await run('ls /var/before-cut; echo text >/var/text');
    expect(ran.stdout).toBe('/var/before-cut\n');
    expect(ran.stderr).toMatch(/No space left|I\/O error/);
    await node.setFaults({});
    expect((await run('echo text >/var/text && cat /var/text')).stdout).toBe('text\n');
  });

  it('fullDisk: refuses a folder that is not there, and stays as it was', async () => {
    await run('ln -s /etc /var/link');
    for (const folder of ['/nowhere', '/var/link']) {
      await expect(own.node('n1').setFaults({ fullDisk: [folder] })).rejects.toMatchObject({
        code: 'lab.fault-folder',
      });
    }
    expect((await run('echo fine >/etc/fine && cat /etc/fine')).stdout).toBe('fine\n');
  });
});

it.runIf(strategies.includes('chroot'))('disk faults say what they need where nothing can be mounted', async () => {
  const own = await startDoubles({ n1: {} }, { strategy: 'chroot' });
  for (const faults of [{ readOnly: true }, { fullDisk: true }]) {
    await expect(own.node('n1').setFaults(faults)).rejects.toMatchObject({ code: 'lab.fault-needs-mounts' });
  }
  expect(own.node('n1').faults).toEqual({});
  await own.stop();
});
