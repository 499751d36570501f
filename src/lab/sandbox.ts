import { readdir, readlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { VfleetError } from '../errors.ts';
import type { Cell, Strategy } from './cell.ts';
import { openChrootCell } from './chroot-cell.ts';
import { devices } from './devices.ts';
import { execute, systemPath } from './execute.ts';
import { openNamespaceCell } from './namespace-cell.ts';
import { emptyFolder } from './tree.ts';

/** The way in which this machine can shut a node into its tree. */
export interface Sandbox {
  readonly strategy: Strategy;
  /** Gives a tree fresh devices and lets processes run in it. Errors: `lab.device`, `lab.cell`. */
  open(root: string): Promise<Cell>;
}

/** The environment of a command, as sshd(8) sets it up without PAM, plus the language of the machine. */
export function loginEnvironment(connection: string): Readonly<Record<string, string>> {
  return {
    HOME: '/root',
    USER: 'root',
    LOGNAME: 'root',
    SHELL: '/bin/sh',
    PATH: systemPath,
    SSH_CONNECTION: connection,
    SSH_CLIENT: connection.split(' ').toSpliced(2, 1).join(' '),
  };
}

/**
 * Finds out by trying which strategy works here, with a tree to try it on.
 * Errors: `lab.no-sandbox`, with what each try said, and the remedy.
 */
export async function detectSandbox(tree: string, wanted?: Strategy): Promise<Sandbox> {
  const isRoot = process.getuid?.() === 0;
  const order: readonly Strategy[] = isRoot ? ['namespaces', 'chroot'] : ['user-namespaces'];
  const failures: string[] = [];
  for (const strategy of wanted === undefined ? order : [wanted]) {
    const sandbox = await makeSandbox(strategy);
    const failure = await tryOut(sandbox, tree);
    if (failure === null) return sandbox;
    failures.push(`${strategy}: ${failure}`);
  }
  throw noSandbox(failures, isRoot);
}

async function makeSandbox(strategy: Strategy): Promise<Sandbox> {
  const userNamespace = strategy === 'user-namespaces';
  const prefix = userNamespace ? [] : await capabilityPrefix();
  return {
    strategy,
    open: async (root) => {
      // What the machine model has made of it at this boot.
      await emptyFolder(path.join(root, 'dev'), ['vfio', 'disk', ...(await partitions(root))]);
      if (strategy !== 'chroot') return openNamespaceCell(root, { userNamespace, prefix });
      await makeDevices(root);
      return openChrootCell(root, prefix);
    },
  };
}

/** Names in the node's /dev that links in /dev/disk/by-uuid lead to. */
async function partitions(root: string): Promise<readonly string[]> {
  const folder = path.join(root, 'dev/disk/by-uuid');
  const links = await readdir(folder).catch(() => []);
  return Promise.all(links.map(async (name) => path.basename(await readlink(path.join(folder, name)))));
}

/**
 * What root keeps in a node: enough to own files, nothing that reaches the kernel of this machine (no mounts, modules,
 * devices, raw disks, clocks, reboots). Source: capabilities(7). Where setpriv(1) is missing or may not, nothing is
 * dropped, and what protects is that the tree has no tool for any of it.
 */
async function capabilityPrefix(): Promise<readonly string[]> {
  const kept = 'chown dac_override dac_read_search fowner fsetid kill setgid setuid sys_chroot net_bind_service';
  const prefix = [
    'setpriv',
    '--bounding-set',
    `-all,${kept
      .split(' ')
      .map((name) => `+${name}`)
      .join(',')}`,
  ];
  const tried = await execute('setpriv', [...prefix.slice(1), 'true']);
  return tried.code === 0 ? prefix : [];
}

const deviceScript = devices
  .map(({ name, major, minor }) => `mknod -m 666 "$1/${name}" c ${major} ${minor}`)
  .join(' && ');

async function makeDevices(root: string): Promise<void> {
  const made = await execute('/bin/sh', ['-c', deviceScript, 'sh', path.join(root, 'dev')]);
  if (made.code !== 0) throw new VfleetError({ code: 'lab.device', thing: `${root}/dev`, found: made.stderr.trim() });
}

const probe = `set -e
echo lost >/dev/null
[ "$(head -c 3 /dev/zero | wc -c)" -eq 3 ]
[ -z "$(cat /dev/null)" ]
echo "$(cat /vfleet-probe)"
touch /tmp/written
[ "$(id -u)" -eq 0 ]`;

/** Runs a command in a cell on the tree. Resolves with `null`, or with why the strategy does not work here. */
async function tryOut(sandbox: Sandbox, tree: string): Promise<string | null> {
  const mark = `seen-${process.pid}`;
  let cell: Cell | null = null;
  try {
    await writeFile(path.join(tree, 'vfleet-probe'), mark);
    cell = await sandbox.open(tree);
    const { code, stdout, stderr } = await collect(cell, probe);
    if (code !== 0 || stdout.trim() !== mark) return stderr.trim() || `the probe ended with ${code}`;
    return null;
  } catch (error) {
    return error instanceof VfleetError ? (error.parts.found ?? error.message) : String(error);
  } finally {
    await cell?.kill();
  }
}

async function collect(cell: Cell, command: string): Promise<{ code: number | null; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const child = cell.spawn(command, loginEnvironment('127.0.0.1 0 127.0.0.1 0'));
    let stdout = '';
    let stderr = '';
    child.stdin.on('error', () => {}).end();
    child.stdout.on('data', (bytes: Buffer) => {
      stdout += bytes.toString();
    });
    child.stderr.on('data', (bytes: Buffer) => {
      stderr += bytes.toString();
    });
    child.on('error', (error) => resolve({ code: null, stdout, stderr: error.message }));
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });
}

function noSandbox(failures: readonly string[], isRoot: boolean): VfleetError {
  const denied = failures.some((failure) => /exec|Permission denied/.test(failure));
  const general = isRoot
    ? 'run where chroot and mknod are allowed (in a container: with CAP_SYS_CHROOT and CAP_MKNOD)'
    : 'run as root, or allow user namespaces: sysctl kernel.unprivileged_userns_clone=1 (Debian), ' +
      'sysctl kernel.apparmor_restrict_unprivileged_userns=0 (Ubuntu), sysctl user.max_user_namespaces=10000 (CentOS 7)';
  return new VfleetError({
    code: 'lab.no-sandbox',
    thing: 'a sandbox for the lab nodes',
    expected: 'chroot, as root or in a user namespace',
    found: failures.join('; '),
    next: denied ? `${general}; or give a folder on a file system without noexec` : general,
  });
}
