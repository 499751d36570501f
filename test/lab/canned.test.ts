import { afterEach, describe, expect, it } from 'vitest';
import type { Answer } from '../../src/lab/canned.ts';
import { printSections } from '../../src/lab/canned.ts';
import { type Lab, startLab } from '../../src/lab/lab.ts';
import { type Recording, record } from '../../src/lab/recording.ts';
import { parseOutput, wrap } from '../../src/shell/envelope.ts';
import { raw, sh } from '../../src/shell/script.ts';
import { logIn } from './client.ts';
import { startDoubles } from './start.ts';

const nonces = ['0123456789abcdef0123456789abcdef', 'fedcba9876543210fedcba9876543210'] as const;
const labs: Lab[] = [];

afterEach(async () => {
  await Promise.all(labs.splice(0).map((lab) => lab.stop()));
});

async function startCanned(canned: Answer | Recording, names = ['c1']): Promise<Lab> {
  const lab = await startLab({ nodes: names.map((name) => ({ name, rack: 'r1', kind: { canned } })), bootMs: 50 });
  labs.push(lab);
  return lab;
}

describe('a canned node', () => {
  it('answers by a function, over real SSH', async () => {
    const lab = await startCanned(({ command, script, nonce, asked, boots }) => ({
      code: 3,
      stdout: nonce === null ? `${command}|${script}|${asked}|${boots}` : printSections(nonce, { a: '1\n', b: '' }),
      stderr: 'err',
    }));
    const client = await logIn(lab, 'c1');
    expect(await client.run('cmd', 'text')).toEqual({ end: 3, stdout: 'cmd|text|0|1', stderr: 'err' });
    expect((await client.run('cmd')).stdout).toBe('cmd||1|1');
    const { stdout } = await client.run('sh -s', wrap(sh`section a`, nonces[0]));
    expect(
      [...parseOutput(Buffer.from(stdout), nonces[0]).sections].map(([key, text]) => [key, text.toString()]),
    ).toEqual([
      ['a', '1\n'],
      ['b', ''],
    ]);
    expect(lab.cannedNode('c1').counters).toMatchObject({ logins: 1, execs: 3, boots: 1 });
    client.end();
  });

  it('says that it knows no answer', async () => {
    const lab = await startCanned(() => null);
    const client = await logIn(lab, 'c1');
    expect(await client.run('what', 'script')).toMatchObject({ end: 127, stderr: expect.stringContaining('"what"') });
    client.end();
  });

  it('reboots: the connection ends, and the next boot counts', async () => {
    const lab = await startCanned(({ command, boots }) => ({
      code: 0,
      stdout: `${boots}`,
      reboot: command === 'reboot',
    }));
    const client = await logIn(lab, 'c1');
    expect((await client.run('id')).stdout).toBe('1');
    void client.run('reboot');
    await client.closed;
    await expect
      .poll(async () => (await logIn(lab, 'c1').catch(() => null))?.run('id').then((ran) => ran.stdout))
      .toBe('2');
  });

  it('has the faults of a server', async () => {
    const lab = await startCanned(() => ({ code: 0, stdout: 'x'.repeat(100) }));
    lab.cannedNode('c1').setFaults({ cutOutput: { afterBytes: 7 } });
    const client = await logIn(lab, 'c1');
    expect(await client.run('x')).toMatchObject({ end: 'lost', stdout: 'xxxxxxx' });
  });

  it('can be one of very many', async () => {
    const names = Array.from({ length: 150 }, (_, index) => `c${index}`);
    const lab = await startCanned(({ asked }) => ({ code: 0, stdout: `${asked}` }), names);
    const clients = await Promise.all(names.slice(0, 20).map((name) => logIn(lab, name)));
    const answers = await Promise.all(clients.map((client) => client.run('x')));
    expect(new Set(answers.map((ran) => ran.stdout))).toEqual(new Set(['0']));
    for (const client of clients) client.end();
  });
});

describe('a recording', () => {
  it('replays what a machine said, byte for byte, with the nonce of the new script', async () => {
    const real = await startDoubles({ n1: {} });
    labs.push(real);
    const script = raw(
      `section one; cat /etc/motd; printf '\\377\\000\\n'; section two; cat /var/count; echo x >>/var/count; echo err >&2; exit 2`,
    );
    const { stop } = record(real.node('n1'));
    const client = await logIn(real, 'n1');
    const said = [];
    for (let times = 0; times < 3; times++) said.push(await client.run('sh -s', wrap(script, nonces[0])));
    client.end();
    const stored: Recording = JSON.parse(JSON.stringify(stop()));

    const lab = await startCanned(stored, ['c1', 'c2']);
    for (const name of ['c1', 'c2']) {
      const replayed = await logIn(lab, name);
      for (const index of [0, 1, 2, 2]) {
        const now = await replayed.run('sh -s', wrap(script, nonces[1]));
        expect(now).toEqual({ ...said[index], stdout: said[index]?.stdout.replaceAll(nonces[0], nonces[1]) });
      }
      expect((await replayed.run('sh -s', wrap(raw('echo other'), nonces[1]))).end).toBe(127);
      replayed.end();
    }
    expect(said[0]?.end).toBe(2);
    expect(said[2]?.stdout).toContain('x\nx\n');
  });

  it('ends when it is stopped', async () => {
    const real = await startDoubles({ n1: {} });
    labs.push(real);
    const { stop } = record(real.node('n1'));
    const client = await logIn(real, 'n1');
    await client.run('echo 1');
    const { answers } = stop();
    await client.run('echo 2');
    client.end();
    expect(Object.values(answers)).toEqual([[{ code: 0, stdout: '1\n', stderr: '' }]]);
    expect(Object.keys(stop().answers)).toHaveLength(1);
  });
});
