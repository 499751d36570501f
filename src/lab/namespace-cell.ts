import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { VfleetError } from '../errors.ts';
import { type Cell, loginShell } from './cell.ts';
import { devices } from './devices.ts';
import { execute, systemPath } from './execute.ts';
import { childOf, signal } from './processes.ts';

/**
 * The node's process 1. It gives the tree its /dev, in memory as devtmpfs is. Where devices cannot be made (inside a user
 * namespace), those of this machine are mounted, which works as well but for directory listings that call them files.
 * Then it collects orphans until the lab's end of the pipe closes, which is also when the lab itself has died. When it
 * ends, the kernel kills all that is left in the node. Source: pid_namespaces(7).
 */
const initScript = `set -e
mount --bind "$1" "$1"
for folder in run tmp; do mount --bind "$1/$folder" "$1/$folder"; done
# What the machine model has put there at this boot.
own=$(cd "$1/dev/vfio" 2>/dev/null && echo *) || :
disks=$(cd "$1/dev/disk" 2>/dev/null && for link in */*; do echo "$link:$(readlink "$link")"; done) || :
mount -t tmpfs -o mode=0755 vfleet-lab-dev "$1/dev"
mkdir -m 1777 "$1/dev/shm"
for file in $own; do mkdir -p "$1/dev/vfio"; : >"$1/dev/vfio/$file"; done
for disk in $disks; do
  name=\${disk%%:*}
  mkdir -p "$1/dev/disk/\${name%/*}"
  ln -s "\${disk#*:}" "$1/dev/disk/$name"
  : >"$1/dev/\${disk##*/}"
done
for device in ${devices.map(({ name, major, minor }) => [name, major, minor].join(':')).join(' ')}; do
  name=\${device%%:*} number=\${device#*:}
  mknod -m 666 "$1/dev/$name" c "\${number%:*}" "\${number#*:}" 2>/dev/null && continue
  : >"$1/dev/$name"
  mount --bind "/dev/$name" "$1/dev/$name"
done
echo ready
set +e
until cat >/dev/null 2>&1; do :; done`;

/** Opens a cell in new namespaces. Errors: `lab.cell`, with what `unshare` or `mount` said. */
export async function openNamespaceCell(
  root: string,
  options: { readonly userNamespace: boolean; readonly prefix: readonly string[] },
): Promise<Cell> {
  const flags = ['-m', '-u', '-i', '-n', '-p', '-f', ...(options.userNamespace ? ['-U', '-r'] : [])];
  const keeper = spawn('unshare', [...flags, '/bin/sh', '-c', initScript, 'vfleet-lab-init', root], {
    env: { PATH: systemPath, LC_ALL: 'C' },
    stdio: 'pipe',
    // Ctrl-C on the terminal is for the lab's own process.
    detached: true,
    cwd: '/',
  });
  const said = await readiness(keeper);
  const init = keeper.pid === undefined ? null : childOf(keeper.pid);
  if (said !== null || init === null) {
    keeper.stdin.destroy();
    throw cellError(said ?? 'its first process is gone');
  }
  keeper.stdin.on('error', () => {});
  return makeCell(root, keeper, init, options);
}

function makeCell(
  root: string,
  keeper: ChildProcess,
  init: number,
  { userNamespace, prefix }: { readonly userNamespace: boolean; readonly prefix: readonly string[] },
): Cell {
  const user = userNamespace ? ['-U', '--preserve-credentials'] : [];
  const enter = ['-t', String(init), ...user, '-m', '-u', '-i', '-n', '-p'];
  const gone = keeper.exitCode === null && keeper.signalCode === null ? once(keeper, 'exit') : Promise.resolve();
  return {
    strategy: userNamespace ? 'user-namespaces' : 'namespaces',
    root,
    view: `/proc/${init}/root${root}`,
    spawn: (command, environment) =>
      spawn('nsenter', [...enter, ...prefix, 'setsid', 'chroot', root, ...loginShell, command], {
        env: environment,
        detached: true,
        stdio: 'pipe',
        cwd: '/',
      }),
    // What this machine sees of it is nsenter, which waits outside for the one process inside.
    groupOf: (child) => (child.pid === undefined ? null : childOf(child.pid)),
    mounts: async (script, ...args) => {
      const mountOnly = ['-t', String(init), ...user, '-m', '/bin/sh', '-ec', script, 'sh', ...args];
      const done = await execute('nsenter', mountOnly);
      if (done.code !== 0) throw mountError(root, done.stderr.trim());
    },
    kill: async () => {
      signal(init, 'SIGKILL');
      await gone;
    },
    killNow: () => signal(init, 'SIGKILL'),
  };
}

/** Waits for the first process to be ready. Resolves with `null`, or with why it is not. */
async function readiness(keeper: ChildProcess): Promise<string | null> {
  return new Promise((resolve) => {
    let stderr = '';
    keeper.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    keeper.stdout?.once('data', () => resolve(null));
    keeper.on('error', (error) => resolve(error.message));
    keeper.on('close', (code, name) => resolve(stderr.trim() || `unshare ended with ${code ?? name}`));
  });
}

function cellError(found: string): VfleetError {
  return new VfleetError({ code: 'lab.cell', thing: 'namespaces for a lab node', expected: 'new ones', found });
}

function mountError(root: string, found: string): VfleetError {
  return new VfleetError({ code: 'lab.mount', thing: root, expected: 'to change its mounts', found });
}
