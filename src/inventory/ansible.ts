import { didYouMean, nearest } from '../nearest.ts';
import { parseJump } from './jump.ts';
import { type SshKey, sshAccepts, sshExpected } from './ssh-schema.ts';
import { explainUnsupported, isUnsupported } from './unsupported.ts';

/**
 * What an `ansible_*` variable is to vfleet. `become` and `no-become` are wishes about elevation that depend on the
 * log-in user; they are settled when the user is known.
 */
export type Reading =
  | { readonly kind: 'setting'; readonly value: unknown }
  /** Concerns how Ansible runs its own Python code; it changes nothing here. */
  | { readonly kind: 'no-effect' }
  /** Begins with `ansible_`, but is no connection variable; not handed to playbooks. */
  | { readonly kind: 'unused' }
  | { readonly kind: 'refused'; readonly message: string };

/**
 * The variables behind each ssh setting. Of several that a host ends up with, the last in the list counts, whatever group
 * they come from: Ansible merges variables by name first. (Source: ansible-core 2.14, the `vars` lists in
 * `plugins/connection/ssh.py` and `plugins/become/sudo.py`.)
 */
export const ansibleNames: Readonly<Record<SshKey, readonly string[]>> = {
  address: ['ansible_host', 'ansible_ssh_host'],
  port: ['ansible_port', 'ansible_ssh_port'],
  user: ['ansible_user', 'ansible_ssh_user'],
  keyFile: ['ansible_private_key_file', 'ansible_ssh_private_key_file'],
  password: ['ansible_password', 'ansible_ssh_pass', 'ansible_ssh_password'],
  jump: ['ansible_ssh_common_args', 'ansible_ssh_extra_args'],
  elevate: ['ansible_become'],
  elevatePassword: ['ansible_become_password', 'ansible_become_pass', 'ansible_sudo_pass'],
  knownHosts: [],
};

const settingOf: ReadonlyMap<string, SshKey> = new Map(
  Object.entries(ansibleNames).flatMap(([key, names]) => names.map((name) => [name, key as SshKey] as const)),
);

/** Whether a variable holds a secret. */
export function isSecretName(name: string): boolean {
  const key = settingOf.get(name);
  return key === 'password' || key === 'elevatePassword' || /pass(?:word|wd|phrase)?$|secret|token/i.test(name);
}

/** Variables with few acceptable values, none of which changes anything here. */
const FIXED: Readonly<Record<string, { readonly accepted: RegExp; readonly next: string }>> = {
  ansible_connection: {
    accepted: /^(?:ansible\.builtin\.)?(?:ssh|paramiko|paramiko_ssh|smart)$/,
    next: 'vfleet reaches hosts by SSH only: remove it, or leave the host out of this inventory',
  },
  ansible_become_method: {
    accepted: /^(?:ansible\.builtin\.)?sudo$/,
    next: 'vfleet gets root by sudo: write ssh: { elevate: sudo }, or log in as root with ssh: { user: root }',
  },
  ansible_become_user: {
    accepted: /^root$/,
    next: 'vfleet needs root: remove it, or write ssh: { elevate: none } to run without',
  },
  ansible_shell_type: { accepted: /^sh$/, next: 'vfleet speaks to a POSIX sh only: remove it' },
  ansible_shell_executable: {
    accepted: /^(?:\/usr)?\/bin\/(?:sh|bash|dash|ash)$/,
    next: 'vfleet runs its scripts with /bin/sh: remove it',
  },
  ansible_host_key_checking: { accepted: /^(?:true|yes|on|1)$/i, next: hostKeys() },
  ansible_ssh_host_key_checking: { accepted: /^(?:true|yes|on|1)$/i, next: hostKeys() },
};

/** About Python on the host, about copying modules there, or about saving a round trip of Ansible's own. */
const NO_EFFECT =
  /^ansible_(?:\w+_interpreter|interpreter_python\w*|(?:ssh_)?pipelining|remote_tmp|async_dir|module_compression|system_tmpdirs|shell_allow_world_readable_temp|common_remote_group|admin_users|scp_if_ssh|scp_executable|scp_extra_args|sftp_batch_mode|sftp_executable|sftp_extra_args|ssh_transfer_method|no_target_syslog|python_module_rlimit_nofile)$/;

/** Everything else that configures how Ansible reaches a host: it cannot be left out in silence. */
const CONNECTION =
  /^ansible_(?:connection|ssh|paramiko|become|sudo|su|pbrun|pfexec|doas|dzdo|ksu|runas|machinectl|shell|host|port|user|pass|password|timeout|control_path|network|persistent|command_timeout|winrm|psrp|docker|podman|kubectl|oc|lxc|lxd|incus|jail|zone|chroot|buildah|libssh|httpapi|netconf|aws_ssm|nsenter|remote|private_key|sshpass|local|libvirt)(?:_\w+)?$/;

const REMEDIES: Readonly<Record<string, string>> = {
  ansible_timeout: 'vfleet has its own time-outs: remove it',
  ansible_ssh_timeout: 'vfleet has its own time-outs: remove it',
  ansible_ssh_retries: 'vfleet has its own retries: remove it',
  ansible_ssh_args: 'remove it; for a jump host write ssh: { jump: HOST }',
};

/** Reads one `ansible_*` variable. The message of a refusal names what to write instead; it never shows a password. */
export function readAnsible(name: string, value: unknown): Reading {
  const key = settingOf.get(name);
  if (key !== undefined) return readSetting(key, name, value);
  const fixed = FIXED[name];
  if (fixed !== undefined) {
    if (isUnsupported(value)) return refused(`${explainUnsupported(value).found}; write the value itself`);
    if (value === null || fixed.accepted.test(String(value))) return { kind: 'no-effect' };
    return refused(`${JSON.stringify(value)} is not supported; ${fixed.next}`);
  }
  if (NO_EFFECT.test(name)) return { kind: 'no-effect' };
  const known = [...settingOf.keys(), ...Object.keys(FIXED)];
  if (CONNECTION.test(name)) {
    const next = REMEDIES[name] ?? `remove it, or write what it is for natively: ssh: { … }`;
    return refused(`this connection variable is not supported${didYouMean(name, known)}; ${next}`);
  }
  const meant = nearest(name, known);
  if (meant !== null) return refused(`unknown connection variable, did you mean "${meant}"?`);
  return { kind: 'unused' };
}

function readSetting(key: SshKey, name: string, value: unknown): Reading {
  if (value === null || isUnsupported(value)) return { kind: 'setting', value };
  if (key === 'elevate') return readBecome(value);
  if (key === 'jump') return readArguments(value);
  // Ansible takes a port as text too: tools that convert from INI write it so.
  const plain = key === 'port' && typeof value === 'string' && /^[0-9]{1,5}$/.test(value) ? Number(value) : value;
  if ((typeof plain === 'string' || typeof plain === 'number') && sshAccepts(key, plain)) {
    return { kind: 'setting', value: plain };
  }
  const found = isSecretName(name) ? `a ${typeof value}` : (JSON.stringify(value) ?? typeof value);
  return refused(`expected ${sshExpected[key]}, found ${found}`);
}

/** `ansible_become` with the booleans of YAML 1.1, which are text in YAML 1.2, and those of Ansible's own reader. */
function readBecome(value: unknown): Reading {
  if (value === true || /^(?:true|yes|on|y|t|1)$/i.test(String(value))) return { kind: 'setting', value: 'become' };
  if (value === false || /^(?:false|no|off|n|f|0)$/i.test(String(value)))
    return { kind: 'setting', value: 'no-become' };
  return refused(`expected true or false, found ${JSON.stringify(value)}`);
}

/** Arguments for the ssh program: exactly one jump host, as `-J HOST` or `-o ProxyJump=HOST`, is understood. */
function readArguments(value: unknown): Reading {
  if (typeof value !== 'string') return refused(`expected text, found ${JSON.stringify(value)}`);
  const text = value.trim();
  if (text === '') return { kind: 'setting', value: null };
  const jump = jumpIn(words(text));
  if (jump === 'none') return { kind: 'setting', value: null };
  if (jump !== null && parseJump(jump) !== null) return { kind: 'setting', value: jump };
  if (jump?.includes(',')) {
    return refused(`${JSON.stringify(text)} jumps over several hosts; one jump host is supported: ssh: { jump: HOST }`);
  }
  const about = /StrictHostKeyChecking|UserKnownHostsFile/i.test(text) ? `; ${hostKeys()}` : '';
  return refused(
    `${JSON.stringify(text)} is not supported, only -J HOST or -o ProxyJump=HOST; for a jump host write ssh: { jump: HOST }${about}`,
  );
}

/** The jump host, when a command line names one and nothing else. */
function jumpIn(args: readonly string[]): string | null {
  const line =
    args.length === 2 && (args[0] === '-J' || args[0] === '-o') ? args.join('') : args.length === 1 ? args[0] : '';
  const match = /^(?:-J|-oProxyJump(?:\s*=\s*|\s+))(?<jump>.+)$/i.exec(line ?? '');
  return match?.groups?.['jump'] ?? null;
}

/** The words of a command line, quotes taken off; none when a quote is not closed. */
function words(text: string): readonly string[] {
  const found = text.match(/(?:[^\s"']|"[^"]*"|'[^']*'|["'])+/g) ?? [];
  const bare = found.map((word) => word.replaceAll(/"([^"]*)"|'([^']*)'/g, '$1$2'));
  return bare.some((word) => /["']/.test(word)) ? [] : bare;
}

function hostKeys(): string {
  return 'vfleet always checks host keys: add them to known_hosts, or name a file with ssh: { knownHosts: FILE }';
}

function refused(message: string): Reading {
  return { kind: 'refused', message };
}

/** All connection variables that have an effect, for editors. */
export const knownAnsibleNames: readonly string[] = [...settingOf.keys()];
