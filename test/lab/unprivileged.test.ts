import { spawn } from 'node:child_process';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { builtinMachineKinds } from '../../src/lab/machine-kind.ts';
import { output, runCode } from './own-process.ts';

/** Two labs, one of the double and one of every built-in kind; prints what their nodes say. */
const code = `
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

  const kinds = (await builtinMachineKinds()).filter(({ name }) => !name.startsWith('qemu-'));
  const all = await startLab({ nodes: kinds.map((kind, index) => ({ name: 'n' + index, rack: 'r', kind })) });
  const said = async ({ name }) => (await (await logIn(all, name)).run('uname -s')).stdout;
  const built = await Promise.all(all.nodes.map(said));
  await all.stop();
  console.log(JSON.stringify({ uid: process.getuid(), ran, refused, full, back, files: before.size, built }));
  process.exit();`;

describe.runIf(process.getuid?.() === 0)('a user who is not root', () => {
  /** What the code printed as the user `nobody`, or why it cannot run here. */
  let seen: { readonly skipped: string } | { readonly stderr: string; readonly stdout: string };
  beforeAll(async () => {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'vfleet-nobody-'));
    await chmod(folder, 0o777);
    const nobody = { uid: 65_534, gid: 65_534, env: { ...process.env, HOME: folder, TMPDIR: folder } };
    const cwd = path.resolve(import.meta.dirname, '../..');
    const reads = await output(
      spawn(process.execPath, ['-e', 'require("fs").readFileSync("package.json")'], { ...nobody, cwd }),
    );
    const ended = reads.code === 0 ? await output(runCode(code, nobody)) : null;
    await rm(folder, { recursive: true, force: true });
    if (ended === null) seen = { skipped: 'nobody may not read this checkout' };
    else if (ended.stderr.includes('lab.no-sandbox')) seen = { skipped: 'user namespaces are not allowed here' };
    else seen = ended;
  }, 240_000);

  it('can run a lab too', ({ skip }) => {
    if ('skipped' in seen) return skip(seen.skipped);
    expect(seen.stderr).toBe('');
    expect(JSON.parse(seen.stdout)).toMatchObject({
      uid: 65_534,
      ran: { end: 0, stdout: '0\nhello\nx\nroot\n', stderr: '' },
      refused: { stderr: expect.stringContaining('Read-only file system') },
      full: { stderr: expect.stringContaining('No space left on device') },
      back: { stdout: 'x\n' },
      files: expect.any(Number),
    });
  });

  it('boots every built-in kind of machine but the captured ones', async ({ skip }) => {
    if ('skipped' in seen) return skip(seen.skipped);
    expect(seen.stderr).toBe('');
    const kinds = (await builtinMachineKinds()).filter(({ name }) => !name.startsWith('qemu-'));
    expect(JSON.parse(seen.stdout)).toMatchObject({ uid: 65_534, built: kinds.map(() => 'Linux\n') });
  });
});
