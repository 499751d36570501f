import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Lab, startLab } from '../../../src/lab/lab.ts';
import type { MachineKind } from '../../../src/lab/machine.ts';
import { labAddress } from '../../../src/lab/port.ts';
import { inventoryOf } from '../../../src/lab/vm/access.ts';
import { logIn } from '../../../src/lab/vm/vm-lab.ts';
import { vfleet } from '../../cli/program.ts';
import type { Subject } from './record.ts';

/** A subject that is to be given back. */
export interface HeldSubject extends Subject {
  stop(): Promise<void>;
}

/** A node of a lab of virtual machines. */
export async function virtualSubject(folder: string, node: string): Promise<HeldSubject> {
  const login = await logIn(folder, node);
  return subject(inventoryOf(folder), node, [...login, 'sudo', 'sh', '-s'], async () => {});
}

/** A simulated node of a kind. */
export async function simulatedSubject(kind: MachineKind, name: string, rack: string): Promise<HeldSubject> {
  const lab = await startLab({ nodes: [{ name, rack, kind }], bootMs: 300 });
  return subject(lab.inventoryPath, name, [...sshArguments(lab, name), 'sh', '-s'], () => lab.stop());
}

function sshArguments(lab: Lab, name: string): readonly string[] {
  const options = ['BatchMode=yes', 'IdentitiesOnly=yes', `UserKnownHostsFile=${lab.knownHostsPath}`, 'LogLevel=ERROR'];
  const flags = options.flatMap((option) => ['-o', option]);
  return ['-F', 'none', '-i', lab.keyFile, '-p', String(lab.node(name).port), ...flags, `root@${labAddress}`];
}

async function subject(
  inventory: string,
  node: string,
  ssh: readonly string[],
  end: () => Promise<void>,
): Promise<HeldSubject> {
  const home = await mkdtemp(path.join(tmpdir(), 'vfleet-parity-'));
  const words = ['-i', inventory, '-l', node, '--connect-timeout', '60'];
  return {
    vfleet: (...args) => vfleet([...args, ...words], { env: { HOME: home, XDG_STATE_HOME: path.join(home, 'state') } }),
    on: (script) => runSsh(ssh, script),
    async stop() {
      await end();
      await rm(home, { recursive: true, force: true });
    },
  };
}

/** By OpenSSH's own client. Not synchronous: the server of a simulated node is in this process. */
async function runSsh(args: readonly string[], script: string): Promise<string> {
  const child = spawn('ssh', args, { stdio: ['pipe', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  child.stdin.on('error', () => {}).end(script);
  const [code] = await once(child, 'close');
  if (code === 0) return stdout;
  throw new Error(`ssh: exit code ${String(code)}\n${stdout.slice(-500)}${stderr}`);
}
