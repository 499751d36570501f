import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';

/** Runs a lab in a process of its own, as the user `nobody`, and prints what its node says. */
const code = `
  import { createJiti } from 'jiti';
  const jiti = createJiti(process.cwd() + '/test/lab/x.ts', { fsCache: false });
  const { startDoubles } = await jiti.import('./start.ts');
  const { logIn } = await jiti.import('./client.ts');
  const lab = await startDoubles({ n1: {} });
  const client = await logIn(lab, 'n1');
  const ran = await client.run('id -u; cat /etc/motd; echo x >/etc/x && cat /etc/x; chown root:root /etc/x; stat -c %U /etc/x');
  await lab.node('n1').setFaults({ readOnly: true });
  const refused = await client.run('echo x >/etc/y');
  await lab.node('n1').setFaults({ fullDisk: true });
  const full = await client.run('dd if=/dev/zero of=/etc/big bs=4096 count=1');
  await lab.node('n1').setFaults({});
  void client.run('setsid sleep 600 >/dev/null 2>&1 & reboot');
  await client.closed;
  await lab.node('n1').until('up');
  const again = await logIn(lab, 'n1');
  const back = await again.run('cat /etc/x');
  const before = await lab.node('n1').snapshot();
  await lab.stop();
  console.log(JSON.stringify({ uid: process.getuid(), ran, refused, full, back, files: before.size }));
  process.exit();`;

it.runIf(process.getuid?.() === 0)('a user who is not root can run a lab too', async ({ skip }) => {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'vfleet-nobody-'));
  await chmod(folder, 0o777);
  const cwd = path.resolve(import.meta.dirname, '../..');
  const nobody = { uid: 65_534, gid: 65_534, cwd, env: { ...process.env, HOME: folder, TMPDIR: folder } };
  const reads = await output(spawn(process.execPath, ['-e', 'require("fs").readFileSync("package.json")'], nobody));
  if (reads.code !== 0) skip('nobody may not read this checkout');
  const { stdout, stderr } = await output(spawn(process.execPath, ['--input-type=module', '-e', code], nobody));
  await rm(folder, { recursive: true, force: true });
  if (stderr.includes('lab.no-sandbox')) skip('user namespaces are not allowed here');
  expect(stderr).toBe('');
  expect(JSON.parse(stdout)).toMatchObject({
    uid: 65_534,
    ran: { end: 0, stdout: '0\nhello\nx\nroot\n', stderr: '' },
    refused: { stderr: expect.stringContaining('Read-only file system') },
    full: { stderr: expect.stringContaining('No space left on device') },
    back: { stdout: 'x\n' },
    files: expect.any(Number),
  });
});

const builtin = `
  import { createJiti } from 'jiti';
  const jiti = createJiti(process.cwd() + '/test/lab/x.ts', { fsCache: false });
  const { startLab } = await jiti.import('../../src/lab/lab.ts');
  const { builtinMachineKinds } = await jiti.import('../../src/lab/machine-kind.ts');
  const { logIn } = await jiti.import('./client.ts');
  const kinds = await builtinMachineKinds();
  const lab = await startLab({ nodes: kinds.map((kind, index) => ({ name: 'n' + index, rack: 'r', kind })) });
  const ran = await Promise.all(lab.nodes.map(async (node) => (await (await logIn(lab, node.name)).run('uname -s')).stdout));
  await lab.stop();
  console.log(JSON.stringify({ uid: process.getuid(), ran }));
  process.exit();`;

it.runIf(process.getuid?.() === 0)('and every built-in kind of machine boots for them', async ({ skip }) => {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'vfleet-nobody-'));
  await chmod(folder, 0o777);
  const cwd = path.resolve(import.meta.dirname, '../..');
  const nobody = { uid: 65_534, gid: 65_534, cwd, env: { ...process.env, HOME: folder, TMPDIR: folder } };
  const reads = await output(spawn(process.execPath, ['-e', 'require("fs").readFileSync("package.json")'], nobody));
  if (reads.code !== 0) skip('nobody may not read this checkout');
  const { stdout, stderr } = await output(spawn(process.execPath, ['--input-type=module', '-e', builtin], nobody));
  await rm(folder, { recursive: true, force: true });
  if (stderr.includes('lab.no-sandbox')) skip('user namespaces are not allowed here');
  expect(stderr).toBe('');
  expect(JSON.parse(stdout)).toEqual({ uid: 65_534, ran: Array(6).fill('Linux\n') });
});

async function output(child: ChildProcess): Promise<{ code: number | null; stdout: string; stderr: string }> {
  let stdout = '';
  let stderr = '';
  child.stdout?.on('data', (bytes: Buffer) => {
    stdout += bytes.toString();
  });
  child.stderr?.on('data', (bytes: Buffer) => {
    stderr += bytes.toString();
  });
  await once(child, 'close');
  return { code: child.exitCode, stdout, stderr };
}
