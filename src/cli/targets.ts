import { join } from 'node:path';
import type { Inventory, InventoryHost } from '../inventory/host.ts';
import { parseJump } from '../inventory/jump.ts';
import type { SshTarget } from '../transport/ssh/target.ts';
import type { Environment } from './environment.ts';
import type { ConnectionArguments } from './options.ts';

/** What the transport needs to know of a host, its jump host included. */
export function targetOf(
  host: InventoryHost,
  inventory: Inventory,
  args: ConnectionArguments,
  environment: Environment,
): SshTarget {
  const { ssh } = host;
  const own = ssh.knownHosts === null ? [] : [ssh.knownHosts];
  const common = {
    agent: environment.agent,
    knownHostsFiles: [...own, ...knownHostsFiles(args, environment)],
    hostKeyPolicy: args.hostKeys,
    connectTimeout: args.connectTimeout * 1000,
  };
  const target: SshTarget = {
    ...common,
    host: host.name,
    address: ssh.address,
    port: ssh.port,
    user: ssh.user ?? environment.user,
    keyFile: ssh.keyFile,
    password: ssh.password,
    jump: null,
  };
  if (ssh.jump === null) return target;
  const named = inventory.hosts.find((other) => other.name === ssh.jump);
  if (named !== undefined) return { ...target, jump: targetOf(named, inventory, args, environment) };
  const address = parseJump(ssh.jump);
  if (address === null) return target;
  return {
    ...target,
    jump: {
      ...common,
      host: address.address,
      address: address.address,
      port: address.port ?? 22,
      user: address.user ?? environment.user,
      keyFile: ssh.keyFile,
      password: null,
      jump: null,
    },
  };
}

/** The user's files, as ssh_config(5) has them by default, or those that were named. */
function knownHostsFiles(args: ConnectionArguments, { home }: Environment): readonly string[] {
  if (args.knownHosts !== undefined && args.knownHosts.length > 0) return args.knownHosts;
  return [join(home, '.ssh', 'known_hosts'), join(home, '.ssh', 'known_hosts2'), '/etc/ssh/ssh_known_hosts'];
}
