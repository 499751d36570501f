import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { VfleetError } from '../../errors.ts';
import { execute } from '../execute.ts';
import { labAddress } from '../port.ts';
import { consoleEnd, stateOf } from './virtual-machine.ts';

/** The account that nodes have, with sudo. */
export const nodeUser = 'vfleet';

/** Where the lab's own key and known_hosts are. */
export function accessFiles(folder: string): { readonly keyFile: string; readonly knownHosts: string } {
  return { keyFile: join(folder, 'id_ed25519'), knownHosts: join(folder, 'known_hosts') };
}

/** Arguments of ssh(1) for a node; the user's own configuration, agent and known hosts take no part. */
export function sshArguments(folder: string, port: number): readonly string[] {
  const files = accessFiles(folder);
  // ssh_config(5), TOKENS: a percent sign in a path is the beginning of one.
  const keyFile = files.keyFile.replaceAll('%', '%%');
  const knownHosts = files.knownHosts.replaceAll('%', '%%');
  const options = {
    BatchMode: 'yes',
    IdentitiesOnly: 'yes',
    StrictHostKeyChecking: 'yes',
    UserKnownHostsFile: `"${knownHosts}"`,
    LogLevel: 'ERROR',
    ConnectTimeout: '60',
    // A node that is powered off in the middle of a command never answers again.
    ServerAliveInterval: '15',
    ServerAliveCountMax: '8',
  };
  const flags = Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  return ['-F', 'none', '-i', keyFile, '-p', String(port), ...flags, `${nodeUser}@${labAddress}`];
}

/** A node that is waited for. */
export interface Awaited {
  readonly name: string;
  /** The node's folder, and the lab's. */
  readonly folder: string;
  readonly lab: string;
  readonly port: number;
}

/** Milliseconds: ten times what a node needs on two cores under software emulation. */
const limit = 900_000;

/** Resolves when the node's operator can log in. Errors: `lab.vm-boot`. */
export async function untilLogIn({ name, folder, lab, port }: Awaited, deadline = Date.now() + limit): Promise<void> {
  let found = 'no SSH server';
  while (Date.now() < deadline) {
    const state = await stateOf(folder);
    if (state === 'off') break;
    if (state === 'up') {
      const { code, stderr } = await execute('ssh', [...sshArguments(lab, port), 'true']);
      if (code === 0) return;
      found = stderr.trim() || `ssh: exit code ${code}`;
    }
    await pause(300);
  }
  if ((await stateOf(folder)) === 'off') found = 'the node is off';
  throw new VfleetError({
    code: 'lab.vm-boot',
    thing: `node ${name}`,
    expected: 'a log-in by SSH',
    found: `${found}; its console ends with\n${await consoleEnd(folder)}`,
    next: `read ${join(folder, 'console.log')}, or: vfleet lab vm reset ${name}`,
  });
}
