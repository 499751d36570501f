import { describe, expect, it } from 'vitest';
import { readAnsible } from '../../src/inventory/ansible.ts';

function messageOf(name: string, value: unknown): string {
  const reading = readAnsible(name, value);
  return reading.kind === 'refused' ? reading.message : reading.kind;
}

describe('readAnsible', () => {
  it.each([
    ['ansible_host', '10.0.0.1'],
    ['ansible_ssh_host', 'node01.example.com'],
    ['ansible_user', 'admin'],
    ['ansible_ssh_user', 'DOMAIN\\admin'],
    ['ansible_port', 22],
    ['ansible_ssh_port', 2222],
    ['ansible_private_key_file', '~/.ssh/id_ed25519'],
    ['ansible_ssh_private_key_file', '/etc/key'],
    ['ansible_password', 'secret'],
    ['ansible_ssh_pass', 'secret'],
    ['ansible_become_password', 'secret'],
    ['ansible_become_pass', 'secret'],
    ['ansible_sudo_pass', 'secret'],
    ['ansible_host', null],
  ])('takes %s: %s', (name, value) => {
    expect(readAnsible(name, value)).toEqual({ kind: 'setting', value });
  });

  it('takes a port as text', () => {
    expect(readAnsible('ansible_port', '2222')).toEqual({ kind: 'setting', value: 2222 });
  });

  it.each([
    '-J gate',
    '-Jgate',
    '-o ProxyJump=gate',
    '-oProxyJump=gate',
    '-o "ProxyJump gate"',
    "-o 'ProxyJump=gate'",
    '-o ProxyJump="gate"',
    ' -o proxyjump=gate ',
  ])('takes one jump host from arguments: %s', (text) => {
    expect(readAnsible('ansible_ssh_common_args', text)).toEqual({ kind: 'setting', value: 'gate' });
  });

  it('takes a jump host with user and port, none, and no arguments', () => {
    expect(readAnsible('ansible_ssh_extra_args', '-J admin@gate:2222')).toMatchObject({ value: 'admin@gate:2222' });
    expect(readAnsible('ansible_ssh_extra_args', '-o ProxyJump=none')).toMatchObject({ value: null });
    expect(readAnsible('ansible_ssh_extra_args', '')).toMatchObject({ value: null });
  });

  it.each([
    '-o ProxyCommand="ssh -W %h:%p -q gate"',
    '-o ProxyJump=gate -o StrictHostKeyChecking=no',
    '-o StrictHostKeyChecking=no',
    '-C',
    '-J',
    '-J "gate',
    '-J -oProxyCommand=x',
  ])('refuses other arguments and says what to write: %s', (text) => {
    const message = messageOf('ansible_ssh_common_args', text);
    expect(message).toContain(JSON.stringify(text));
    expect(message).toContain('ssh: { jump: HOST }');
  });

  it('refuses several jump hosts, and a template for what has few values', () => {
    expect(messageOf('ansible_ssh_common_args', '-J a,b')).toMatch(
      /jumps over several hosts; one jump host is supported/,
    );
    expect(messageOf('ansible_ssh_common_args', '-o StrictHostKeyChecking=no')).toMatch(
      /vfleet always checks host keys/,
    );
  });

  it.each([
    ['ansible_connection', 'local', /reaches hosts by SSH only/],
    ['ansible_connection', 'winrm', /reaches hosts by SSH only/],
    ['ansible_become_method', 'su', /elevate: sudo/],
    ['ansible_become_user', 'postgres', /elevate: none/],
    ['ansible_shell_type', 'powershell', /POSIX sh/],
    ['ansible_host_key_checking', false, /always checks host keys/],
    ['ansible_ssh_host_key_checking', 'no', /always checks host keys/],
    ['ansible_timeout', 30, /its own time-outs: remove it/],
    ['ansible_become_flags', '-i', /connection variable is not supported/],
    ['ansible_ssh_executable', '/opt/ssh', /connection variable is not supported/],
    ['ansible_control_path', 'x', /connection variable is not supported/],
    ['ansible_winrm_transport', 'ntlm', /connection variable is not supported/],
    ['ansible_paramiko_host_key_checking', false, /connection variable is not supported/],
    ['ansible_usr', 'root', /did you mean "ansible_user"\?/],
    ['ansible_ssh_prot', 22, /did you mean "ansible_ssh_port"\?/],
    ['ansible_become', 'maybe', 'expected true or false, found "maybe"'],
    ['ansible_user', '', /expected a log-in name/],
    ['ansible_host', ['a'], /expected a host name/],
  ])('refuses %s: %j', (name, value, expected) => {
    expect(messageOf(name, value)).toMatch(expected);
  });

  it('never shows a password', () => {
    expect(messageOf('ansible_password', 4711)).not.toContain('4711');
    expect(messageOf('ansible_become_pass', ['hunter2'])).not.toContain('hunter2');
  });
});
