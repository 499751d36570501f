import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { writeProxmoxEntries } from '../../src/boot/proxmox-entries.ts';
import { shells } from '../resources/shells.ts';
import { temporaryFolder } from '../temporary-folder.ts';

const uuid = '654E-D6BD';
const entry = 'title x\nlinux /x\noptions root=x\n';

/** `mount` mounts a file system in memory for real; `sync` says that it was reached, and waits for the file `go`. */
function labOf(tools: Readonly<Record<string, string>> = {}) {
  const root = temporaryFolder('entries');
  for (const name of ['bin', 'over', 'tmp', 'esp/loader/entries']) mkdirSync(join(root, name), { recursive: true });
  writeFileSync(join(root, 'uuids'), `${uuid}\n`);
  writeFileSync(join(root, 'cmdline'), 'root=x iommu=pt\n');
  writeFileSync(join(root, 'esp/loader/entries/proxmox-1.conf'), entry);
  const mount = `for last in "$@"; do folder=$last; done
PATH=/usr/bin:/bin:/usr/sbin:/sbin
mount -t tmpfs vfleet-entries "$folder" && cp -r ${root}/esp/. "$folder"`;
  const sync = `echo x >>${root}/syncing\nwhile [ ! -e ${root}/go ]; do sleep 0.1; done`;
  for (const [name, text] of Object.entries({ mount, sync, findmnt: 'exit 1', ...tools })) {
    writeFileSync(join(root, 'bin', name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  }
  return { root, env: { PATH: `${root}/bin:/usr/bin:/bin:/usr/sbin:/sbin`, TMPDIR: join(root, 'tmp') } };
}

/** What this machine has mounted of it. */
const mounted = (): readonly string[] =>
  readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('vfleet-entries '));

const begun: number[] = [];
afterEach(() => {
  for (const pid of begun.splice(0)) {
    try {
      process.kill(-pid, 'SIGKILL');
    } catch {
      // It has ended, with all that it started.
    }
  }
  for (const line of mounted()) spawnSync('umount', ['-l', line.split(' ')[1] ?? '']);
});

const namespaces = spawnSync('unshare', ['--mount', '--propagation', 'private', 'true']).status === 0;

describe.each(shells.map((shell) => ({ shell, name: shell.join(' ') })))('under $name', ({ shell }) => {
  const begin = ({ root, env }: ReturnType<typeof labOf>) => {
    const [program = '', ...rest] = shell;
    const child = spawn(program, rest, { env, detached: true });
    if (child.pid !== undefined) begun.push(child.pid);
    const script = writeProxmoxEntries(join(root, 'uuids'), root, join(root, 'cmdline'), join(root, 'over'));
    child.stdin.end(script.text);
    return child;
  };
  const reached = (root: string) => vi.waitUntil(() => existsSync(join(root, 'syncing')), { timeout: 50_000 });

  it.runIf(namespaces)('mounts where no other process sees it, also when it dies, and leaves no folder', async () => {
    const lab = labOf();
    const child = begin(lab);
    await reached(lab.root);
    expect(mounted()).toEqual([]);
    process.kill(-(child.pid ?? 0), 'SIGKILL');
    await once(child, 'exit');
    expect(mounted()).toEqual([]);
    expect([readdirSync(join(lab.root, 'over')), readdirSync(join(lab.root, 'tmp'))]).toEqual([[], []]);
  });

  it('stopped in the middle it leaves the entry as it was, and no other file beside it', async () => {
    const lab = labOf({ readlink: 'echo /dev/x', unshare: 'exit 1' });
    const entries = join(lab.root, 'esp/loader/entries');
    writeFileSync(join(lab.root, 'bin/findmnt'), `#!/bin/sh\necho ${lab.root}/esp\n`, { mode: 0o755 });
    const child = begin(lab);
    await reached(lab.root);
    process.kill(-(child.pid ?? 0), 'SIGTERM');
    await once(child, 'exit');
    await vi.waitUntil(() => readdirSync(entries).length === 1, { timeout: 50_000 });
    expect(readFileSync(join(entries, 'proxmox-1.conf'), 'utf8')).toBe(entry);
  });

  it('mounts nothing where no namespace is to be had, and says so', async () => {
    const lab = labOf({ unshare: 'exit 1', mount: 'echo mounted >&2' });
    const child = begin(lab);
    let said = '';
    child.stdout.on('data', (text: Buffer) => {
      said += text.toString();
    });
    child.stderr.on('data', (text: Buffer) => {
      said += text.toString();
    });
    const [code] = (await once(child, 'close')) as [number];
    expect(code).toBe(1);
    expect(said).toBe(`ESP ${uuid} is not mounted, and there is no mount namespace (unshare) to mount it in\n`);
  });
});
