import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { HookHost } from '../../src/hooks/hook.ts';
import { type LibvirtOptions, libvirt } from '../../src/hooks/libvirt.ts';
import type { Script } from '../../src/shell/script.ts';
import type { Output } from '../../src/shell/shell.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

// The real virsh, and libvirt's test driver in a real libvirtd: guests that need no processor of their own.
const real = ['/usr/bin/virsh', '/usr/sbin/libvirtd'];
const isHere = real.every((program) => spawnSync(program, ['--version']).status === 0);

let folder: string;
let uri: string;
let running: readonly ChildProcess[] = [];

/** A guest of the test driver. */
const guest = (name: string): string =>
  `<domain type='test'><name>${name}</name><memory>8192</memory><os><type>hvm</type></os></domain>`;

const virsh = (...args: readonly string[]) => spawnSync('/usr/bin/virsh', ['-c', uri, ...args], { encoding: 'utf8' });
const listed = (...args: readonly string[]): readonly string[] =>
  virsh('list', '--name', ...args)
    .stdout.split('\n')
    .filter(Boolean)
    .toSorted();

async function begin(): Promise<void> {
  folder = await mkdtemp(path.join(tmpdir(), 'vfleet-virsh-'));
  await mkdir(path.join(folder, 'none'));
  await mkdir(path.join(folder, 'bin'));
  const socket = path.join(folder, 'libvirt-sock');
  uri = `test+unix:///default?socket=${socket}`;
  const config = path.join(folder, 'libvirtd.conf');
  await writeFile(config, `unix_sock_dir = "${folder}"\nauth_unix_rw = "none"\nauth_unix_ro = "none"\n`);
  // No driver but the test driver, which is built in.
  const daemon = spawn('/usr/sbin/libvirtd', ['-f', config, '-p', path.join(folder, 'pid')], {
    env: { ...process.env, LIBVIRT_DRIVER_DIR: path.join(folder, 'none') },
    stdio: 'ignore',
  });
  running = [daemon];
  await vi.waitUntil(() => virsh('uri').status === 0, { timeout: 60_000 });
  // Guests of the test driver last as long as somebody is connected.
  const guard = spawn('/usr/bin/virsh', ['-c', uri], { stdio: ['pipe', 'pipe', 'ignore'] });
  running = [daemon, guard];
  let said = '';
  guard.stdout.on('data', (text: Buffer) => {
    said += text.toString();
  });
  guard.stdin.write('uri\n');
  await vi.waitUntil(() => said.includes('test+unix:') || said.includes('test:///'), { timeout: 60_000 });
  for (const name of ['web one', 'db']) {
    const file = path.join(folder, `${name}.xml`);
    await writeFile(file, guest(name));
    await vi.waitUntil(() => virsh('define', file).status === 0, { timeout: 60_000 });
    expect(virsh('start', name).status).toBe(0);
  }
  // The hook's own URI is that of QEMU; all else of its command lines goes to virsh as it is.
  const wrapper = path.join(folder, 'bin/virsh');
  const check = '[ "$1 $2" = "-c qemu:///system" ] || { echo "unexpected: $*" >&2; exit 99; }';
  await writeFile(wrapper, `#!/bin/sh\n${check}\nshift 2\nexec /usr/bin/virsh -c '${uri}' "$@"\n`);
  await chmod(wrapper, 0o755);
}

/** Runs a hook, its script as on a host but with another folder of its own. */
async function run(name: 'drain' | 'undrain', options: LibvirtOptions): Promise<void> {
  const exec = (script: Script): Promise<Output> => {
    const input = script.text.replaceAll('/var/lib/vfleet', path.join(folder, 'state'));
    const env = { ...process.env, PATH: `${path.join(folder, 'bin')}:${process.env['PATH']}` };
    const { status, stdout, stderr } = spawnSync('sh', ['-s'], { input, env, timeout: 60_000 });
    return Promise.resolve({
      code: status ?? -1,
      stdout,
      stderr: stderr.toString(),
      sections: new Map(),
      truncated: false,
    });
  };
  const hook = libvirt(options)[name];
  if (typeof hook !== 'object' || typeof hook.run !== 'function') throw new Error(`no ${name}`);
  await hook.run({ exec } as unknown as HookHost);
}

describe.skipIf(!isHere)(
  `libvirt's test driver${isHere ? '' : ' (SKIPPED: libvirt-clients and libvirt-daemon are not here)'}`,
  () => {
    beforeEach(begin);
    afterEach(async () => {
      for (const child of running) child.kill('SIGKILL');
      await rm(folder, { recursive: true, force: true });
    });

    const all = ['db', 'test', 'web one'];
    it.each(['shutdown', 'save'] as const)(
      '%s: all guests are stopped, and those alone are started again',
      async (guests) => {
        expect(virsh('destroy', 'test').status).toBe(0);
        expect(listed()).toEqual(['db', 'web one']);
        await run('drain', { guests });
        expect(listed()).toEqual([]);
        expect(listed('--all', '--with-managed-save')).toEqual(guests === 'save' ? ['db', 'web one'] : []);
        expect(await readFile(path.join(folder, 'state/drained-guests'), 'utf8')).toBe('db\nweb one\n');
        // Once more, as by a run that goes on: nobody is forgotten.
        await run('drain', { guests });
        expect(virsh('start', 'db').status).toBe(0);
        await run('undrain', { guests });
        expect(listed()).toEqual(['db', 'web one']);
        expect(listed('--all')).toEqual(all);
        await run('undrain', { guests });
        expect(listed()).toEqual(['db', 'web one']);
      },
    );

    it('migrate: virsh takes the command line, and what libvirt refuses fails the drain', async () => {
      const migrating = {
        guests: 'migrate' as const,
        to: uri,
        options: ['--copy-storage-all'],
      } satisfies LibvirtOptions;
      await expect(run('drain', migrating)).rejects.toThrow(
        /virsh: .*this function is not supported by the connection driver: virDomainMigrate/,
      );
      expect(listed()).toEqual(all);
      const wrong = { ...migrating, options: ['--nonsense'] };
      await expect(run('drain', wrong)).rejects.toThrow(/command 'migrate' doesn't support option --nonsense/);
    });
  },
);
