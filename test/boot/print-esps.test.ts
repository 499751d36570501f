import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { printEsps } from '../../src/boot/print-esps.ts';
import { parseEsps } from '../../src/boot/proxmox-esp.ts';
import { wrap } from '../../src/shell/envelope.ts';
import { run, shells } from '../resources/shells.ts';
import { temporaryFolder } from '../temporary-folder.ts';

const uuid = '654E-D6BD';
/** Of a boot entry, more than a pipe takes. */
const long = '# a long remark\n'.repeat(20_000);

interface Lab {
  readonly root: string;
  readonly over: string;
  readonly env: { readonly PATH: string };
}

/** `mount` mounts for real: a file system in memory, with one boot entry. `tools`: programs in the place of real ones. */
function labOf(tools: Readonly<Record<string, string>> = {}): Lab {
  const root = temporaryFolder('esps');
  const over = join(root, 'over');
  for (const name of ['bin', 'over', 'tmp']) mkdirSync(join(root, name));
  writeFileSync(join(root, 'uuids'), `${uuid}\n`);
  writeFileSync(join(root, 'long.conf'), `title x\nlinux /x\noptions root=x\n${long}`);
  const mount = `for last in "$@"; do folder=$last; done
echo "$folder" >>${root}/mounted
PATH=/usr/bin:/bin:/usr/sbin:/sbin
mount -t tmpfs vfleet-test "$folder" && mkdir -p "$folder/loader/entries" && cp ${root}/long.conf "$folder/loader/entries/"`;
  for (const [name, text] of Object.entries({ mount, pgrep: 'exit 1', ...tools })) {
    writeFileSync(join(root, 'bin', name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  }
  return { root, over, env: { PATH: `${root}/bin:/usr/bin:/bin:/usr/sbin:/sbin` } };
}

/** What this machine has mounted of it. */
const mounted = (): readonly string[] =>
  readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('vfleet-test '));

const script = ({ root, over }: Lab) => printEsps(join(root, 'uuids'), root, over);

afterEach(() => {
  for (const line of mounted()) spawnSync('umount', ['-l', line.split(' ')[1] ?? '']);
});

const namespaces = spawnSync('unshare', ['--mount', '--propagation', 'private', 'true']).status === 0;

describe.each(shells.map((shell) => ({ shell, name: shell.join(' ') })))('under $name', ({ shell }) => {
  const begin = (lab: Lab): ChildProcessWithoutNullStreams => {
    const [program = '', ...rest] = shell;
    const child = spawn(program, rest, { env: { ...process.env, ...lab.env, TMPDIR: join(lab.root, 'tmp') } });
    child.stdin.on('error', () => {});
    child.stdin.end(wrap(script(lab), '0'.repeat(32)));
    return child;
  };

  it.runIf(namespaces)('mounts where no other process sees it, and reads all', async () => {
    const lab = labOf();
    const { stdout } = await run(script(lab), shell, { env: lab.env });
    expect(parseEsps(stdout.toString())[0]?.entries[0]?.text).toContain(long);
    expect(readFileSync(join(lab.root, 'mounted'), 'utf8')).toBe(`${lab.over}\n`);
    expect(mounted()).toEqual([]);
  });

  it.runIf(namespaces).each([
    ['reader', (child: ChildProcessWithoutNullStreams) => child.stdout.destroy()],
    ['shell', (child: ChildProcessWithoutNullStreams) => child.kill('SIGKILL')],
  ])('leaves nothing mounted, and no folder, when the %s is gone', async (_, lose) => {
    const lab = labOf();
    const child = begin(lab);
    // The partition is mounted by then, and the pipe full.
    await once(child.stdout, 'readable');
    expect(mounted()).toEqual([]);
    lose(child);
    child.stdout.destroy();
    await once(child, 'exit');
    expect(mounted()).toEqual([]);
    expect(readdirSync(lab.over)).toEqual([]);
    expect(readdirSync(join(lab.root, 'tmp'))).toEqual([]);
  });

  const here = 'shift 3; exec "$@"';
  it.each([
    ['no namespace is to be had', { unshare: 'exit 1' }, /\(unshare\)/],
    ['proxmox-boot-tool is at work', { unshare: here, pgrep: 'exit 0', sleep: ':' }, /proxmox-boot-tool is at work/],
    ['another run reads', { unshare: here, flock: 'exit 1' }, /another run/],
  ])('mounts nothing where %s, and says so', async (_, tools, words) => {
    const lab = labOf({ ...tools, mount: 'echo mounted >&2' });
    const { stdout, stderr } = await run(script(lab), shell, { env: lab.env });
    expect(parseEsps(stdout.toString())).toMatchObject([{ kind: 'unreadable', why: expect.stringMatching(words) }]);
    expect(stderr).not.toContain('mounted');
  });
});
