import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, realpath, rm, stat, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { childOf, processesIn } from '../../src/lab/processes.ts';
import { eventually, logIn } from './client.ts';
import { kindDouble } from './model-double.ts';
import { runCode } from './own-process.ts';
import { startDoubles } from './start.ts';

describe('a lab', () => {
  it('writes an inventory, pinned host keys and a key that only the owner reads', async () => {
    const lab = await startDoubles({ a1: {}, a2: {} });
    const inventory: unknown = parse(await readFile(lab.inventoryPath, 'utf8'));
    const ssh = (name: string) => ({
      address: '127.0.0.1',
      port: lab.node(name).port,
      user: 'root',
      keyFile: lab.keyFile,
      knownHosts: lab.knownHostsPath,
    });
    expect(inventory).toEqual({
      all: { children: { r1: { rack: 'r1', hosts: { a1: { ssh: ssh('a1') }, a2: { ssh: ssh('a2') } } } } },
    });
    expect((await stat(lab.keyFile)).mode & 0o777).toBe(0o600);
    const lines = (await readFile(lab.knownHostsPath, 'utf8')).trimEnd().split('\n');
    expect(lines).toHaveLength(2);
    expect(new Set(lines.map((line) => line.split(' ')[2])).size).toBe(2);
    await lab.stop();
  });

  it('puts variables into the inventory, and racks in the order of the plan', async () => {
    const lab = await startDoubles(
      {},
      {
        nodes: [
          { name: 'x', rack: 'r9', kind: kindDouble(), vars: { gpu: true } },
          { name: 'y', rack: 'r10', kind: kindDouble() },
        ],
      },
    );
    const { children } = parse(await readFile(lab.inventoryPath, 'utf8')).all;
    expect(Object.keys(children)).toEqual(['r9', 'r10']);
    expect(children.r9.hosts.x.gpu).toBe(true);
    await lab.stop();
  });

  it('leaves no process and no file when it stops', async () => {
    const lab = await startDoubles({ n1: {}, n2: {} });
    const client = await logIn(lab, 'n1');
    await client.run('setsid sleep 600 </dev/null >/dev/null 2>&1 & mkdir -p /srv/locked/in; chmod 0 /srv/locked');
    await client.open('sleep 600');
    await eventually(() => processesIn(lab.directory).length > 1, 'both run');
    await lab.stop();
    expect(processesIn(lab.directory)).toEqual([]);
    await expect(stat(lab.directory)).rejects.toThrow(/ENOENT/);
    await expect(logIn(lab, 'n1')).rejects.toThrow();
  });

  it('stops while a node boots', async () => {
    const lab = await startDoubles({ n1: {} }, { bootMs: 300 });
    const client = await logIn(lab, 'n1');
    void client.run('reboot');
    await lab.node('n1').until('booting');
    await lab.stop();
    await expect(stat(lab.directory)).rejects.toThrow(/ENOENT/);
    await expect(lab.node('n1').until('up')).rejects.toMatchObject({ code: 'lab.stopped' });
  });

  it('lives in a folder of one’s choice, which it leaves as it was', async () => {
    const folder = await realpath(await mkdtemp(path.join(os.tmpdir(), 'vfleet chosen-')));
    const lab = await startDoubles({ n1: {} }, { directory: folder });
    expect(lab.directory).toBe(folder);
    expect((await (await logIn(lab, 'n1')).run('cat /etc/motd; echo x >/dev/null')).stdout).toBe('hello\n');
    await lab.stop();
    expect(await readdir(folder)).toEqual([]);
    await writeFile(path.join(folder, 'mine'), '');
    await expect(startDoubles({ n1: {} }, { directory: folder })).rejects.toMatchObject({
      code: 'lab.folder-not-empty',
    });
    expect(await readdir(folder)).toEqual(['mine']);
    await rm(folder, { recursive: true });
  });

  it.each(['../x', 'a b', '', '-x'])('refuses the node name %j', async (name) => {
    await expect(startDoubles({ [name]: {} })).rejects.toMatchObject({ code: 'lab.node-name' });
  });

  it('refuses a name twice, and cleans up', async () => {
    const folder = path.join(os.tmpdir(), `vfleet-twice-${process.pid}`);
    await mkdir(folder);
    const node = { name: 'n', rack: 'r', kind: kindDouble() };
    await expect(startDoubles({}, { nodes: [node, node], directory: folder })).rejects.toMatchObject({
      code: 'lab.node-name',
      message: expect.stringContaining('twice'),
    });
    expect(await readdir(folder)).toEqual([]);
    await rm(folder, { recursive: true });
  });

  it('says which node does not come up, and ends the others', async () => {
    const folder = path.join(os.tmpdir(), `vfleet-dead-${process.pid}`);
    const model = {
      furnish: async () => {},
      boot: async () => ({ kind: 'dead', reason: 'no kernel image' }) as const,
    };
    await expect(startDoubles({ n1: {} }, { model, directory: folder })).rejects.toMatchObject({
      code: 'lab.dead',
      message: expect.stringMatching(/n1.*no kernel image/),
    });
    await expect(stat(folder)).rejects.toThrow(/ENOENT/);
  });

  it('starts 24 nodes in a few seconds', async () => {
    const began = performance.now();
    const seen: number[] = [];
    const names = Array.from({ length: 24 }, (_, index) => [`n${index}`, {}] as const);
    const lab = await startDoubles(Object.fromEntries(names), { onProgress: (up) => seen.push(up) });
    const took = performance.now() - began;
    expect(seen).toEqual(names.map((_, index) => index + 1));
    expect(lab.nodes.map((node) => node.name)).toEqual(names.map(([name]) => name));
    const answers = await Promise.all(
      lab.nodes.map(async ({ name }) => (await logIn(lab, name)).run('echo $SSH_CONNECTION')),
    );
    expect(new Set(answers.map((ran) => ran.stdout.split(' ')[3])).size).toBe(24);
    await lab.stop();
    // Loaded test machines are slow; what this keeps out is minutes.
    expect(took).toBeLessThan(30_000);
  });
});

/** A process of its own with a lab; gives the lab's folder when it is up. */
async function labProcess(extra = '') {
  const code = `
    const lab = await startDoubles({ n1: {} });
    ${extra}
    console.log(lab.directory);
    setInterval(() => {}, 1000);`;
  const child = runCode(code, { stdio: ['ignore', 'pipe', 'inherit'] });
  let printed = '';
  child.stdout?.on('data', (bytes: Buffer) => {
    printed += bytes.toString();
  });
  await eventually(() => printed.includes('\n'), 'the lab is up');
  return { child, folder: printed.trim() };
}

describe('when the process of a lab ends', () => {
  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    'by %s, processes and files are gone, and it dies of the signal',
    async (name) => {
      const { child, folder } = await labProcess();
      child.kill(name);
      const [, signal] = await once(child, 'exit');
      expect(signal).toBe(name);
      await eventually(() => processesIn(folder).length === 0, 'no process');
      await expect(stat(folder)).rejects.toThrow(/ENOENT/);
    },
  );

  it('by itself, they are gone as well', async () => {
    const { child, folder } = await labProcess('setTimeout(() => process.exit(5), 50);');
    const [code] = await once(child, 'exit');
    expect(code).toBe(5);
    await expect(stat(folder)).rejects.toThrow(/ENOENT/);
  });

  it('a listener of its own keeps the right to decide', async () => {
    const { child, folder } = await labProcess(
      'process.on("SIGINT", async () => { await lab.stop(); process.exit(130); });',
    );
    child.kill('SIGINT');
    const [code] = await once(child, 'exit');
    expect(code).toBe(130);
    await expect(stat(folder)).rejects.toThrow(/ENOENT/);
  });

  it('by SIGKILL, the kernel ends the processes of the nodes', async ({ skip }) => {
    const { child, folder } = await labProcess(`
      const client = await logIn(lab, 'n1');
      await client.run('setsid sleep 600 </dev/null >/dev/null 2>&1 &');`);
    const running = processesIn(folder);
    expect(running.length).toBeGreaterThan(0);
    const [first = 0] = running;
    const inNamespace =
      (await readFile(`/proc/${first}/status`, 'utf8')).match(/^NSpid:.*$/m)?.[0].split('\t').length === 3;
    child.kill('SIGKILL');
    await once(child, 'exit');
    if (inNamespace) await eventually(() => processesIn(folder).length === 0, 'no process');
    for (const pid of processesIn(folder)) process.kill(pid, 'SIGKILL');
    await rm(folder, { recursive: true, force: true });
    if (!inNamespace) skip('this needs process namespaces');
    expect(childOf(first)).toBe(null);
  });
});

it('a lab removes what a killed one has left, and nothing of a living one', async () => {
  const living = await startDoubles({ n1: {} });
  const { child, folder } = await labProcess();
  child.kill('SIGKILL');
  await once(child, 'exit');
  expect((await stat(folder)).isDirectory()).toBe(true);
  const next = await startDoubles({ n1: {} });
  await expect(stat(folder)).rejects.toThrow(/ENOENT/);
  expect((await (await logIn(living, 'n1')).run('cat /etc/motd')).stdout).toBe('hello\n');
  await next.stop();
  await living.stop();
});
