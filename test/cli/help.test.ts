import { describe, expect, it } from 'vitest';
import { vfleet } from './program.ts';

const inventory = ['--inventory', '-i', '--limit', '-l', '--extra-vars', '-e', '--json', '--color', '--verbose', '-v'];
const rollout = [
  ...[
    '--canary',
    '--batches',
    '--per-rack',
    '--max-failures',
    '--max-canary-failures',
    '--soak',
    '--pause',
    '--window',
  ],
  ...['--max-connecting', '--max-applying', '--max-rebooting'],
];
const connection = [...inventory, '--parallel', '-p', '--host-keys', '--known-hosts', '--connect-timeout'];

describe.concurrent('help', () => {
  it('lists the commands, the exit codes, and examples', async ({ expect }) => {
    const { code, stdout, stderr } = await vfleet(['--help']);
    expect([code, stderr]).toEqual([0, '']);
    for (const command of [
      'plan',
      'apply',
      'verify',
      'undo',
      'backups',
      'restore',
      'runs',
      'resume',
      'retry',
      'facts',
      'devices',
      'boot',
      'inventory',
      'lab',
    ]) {
      expect(stdout).toMatch(new RegExp(`^  vfleet ${command}\\b`, 'm'));
    }
    for (const exit of ['0 done', '1 failed', '2 plan', '3 refused', '64 bad usage', '130 interrupted']) {
      expect(stdout).toContain(exit);
    }
    expect(stdout).toContain('Examples:');
  });

  it.each([
    ['plan', [...connection, ...rollout, '--out', 'playbook']],
    [
      'apply',
      [
        ...connection,
        ...rollout,
        '--expect-hosts',
        '--check-first',
        '--yes',
        '-y',
        '--reboot-deadline',
        '--reboot-with-guests',
        '--reboot-again',
        'playbook',
      ],
    ],
    ['verify', [...connection, 'playbook']],
    ['undo', [...connection, '--yes', '-y', '--dry-run', '-n', '--name', '--force', 'playbook']],
    ['backups', [...connection, '--yes', '-y', '--dry-run', '-n', '--prune', 'pattern']],
    ['restore', [...connection, '--yes', '-y', '--dry-run', '-n', 'run']],
    ['runs', ['run', '--last', '--prune', '--json', '--color', '--verbose', '-v']],
    ['resume', ['run', '--max-failures', '--retry-failed', '--anyway', '--extra-vars', '-e', '--json', '--verbose']],
    ['retry', ['run', '--only', '--extra-vars', '-e', '--json', '--color', '--verbose']],
    ['facts', connection],
    ['devices', [...connection, '--kind', '-k', 'pattern']],
    ['inventory', [...inventory, '--tree', '--schema', 'host']],
    ['boot', ['boot edit', 'boot explain']],
    ['boot edit', ['--file', '--set', '--unset', '--as', '--exact', '--diff', '--color']],
    ['boot explain', [...connection, 'host', 'playbook']],
    ['lab', ['lab up', 'lab demo', 'lab vm']],
    ['lab up', ['--machines', '--directory', '--boot-ms']],
    ['lab demo', ['--help']],
    ['lab vm', ['lab vm up', 'lab vm status', 'lab vm ssh', 'lab vm reset', 'lab vm down', '--directory']],
    ['lab vm up', ['--nodes', '--mirror', '--accelerator', '--directory']],
    ['lab vm status', ['--json', '--directory']],
    ['lab vm ssh', ['node', 'command', '--directory']],
    ['lab vm reset', ['node', '--mirror', '--accelerator', '--directory']],
    ['lab vm down', ['--directory']],
  ])('of %s names every option and gives an example', async (command, options) => {
    const { code, stdout } = await vfleet([...command.split(' '), '--help']);
    expect(code).toBe(0);
    for (const option of options) expect(stdout).toMatch(new RegExp(`(?<![\\w-])${option}(?![\\w-])`));
    expect(stdout).toMatch(new RegExp(`^Examples:\\n  vfleet ${command}`, 'm'));
  });

  it('is English, whatever the language of the terminal', async () => {
    const { stdout } = await vfleet(['plan', '--help'], { env: { LC_ALL: 'de_DE.UTF-8', LANG: 'de_DE.UTF-8' } });
    expect(stdout).toContain('Options:');
  });

  it('--version prints the version alone', async () => {
    const { code, stdout } = await vfleet(['--version']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^\d+\.\d+\.\d+\n?$/);
  });
});

describe.concurrent('a command line that cannot be meant', () => {
  it.each([
    ['nothing', [], /name a command: plan, apply/],
    ['an unknown command', ['plam'], /unknown command "plam", did you mean "plan"\?[^]*`vfleet --help`/],
    [
      'an unknown command of the lab',
      ['lab', 'upp'],
      /unknown command "upp", did you mean "up"\?[^]*`vfleet lab --help`/,
    ],
    [
      'an unknown command of the virtual lab',
      ['lab', 'vm', 'statsu'],
      /unknown command "statsu", did you mean "status"\?[^]*`vfleet lab vm --help`/,
    ],
    ['no command of the virtual lab', ['lab', 'vm'], /lab vm: name what to do: up, status, ssh, reset or down/],
    ['no node', ['lab', 'vm', 'ssh'], /lab vm ssh: name a node\nsee `vfleet lab vm ssh --help`/],
    [
      'an unknown accelerator',
      ['lab', 'vm', 'up', '--accelerator', 'xen'],
      /--accelerator: expected one of "auto", "kvm"/,
    ],
    ['an unknown option', ['plan', 'x', '--lmit', 'a'], /--lmit, did you mean "--limit"\?[^]*`vfleet plan --help`/],
    ['a dry run of apply', ['apply', 'x', '--dry-run'], /apply has no --dry-run; `vfleet plan` shows/],
    ['an option cut short', ['apply', 'x', '--reboot-d', '3'], /--reboot-d, did you mean "--reboot-deadline"\?/],
    ['a word too many', ['plan', 'x', 'y'], /unexpected word "y"/],
    ['no playbook', ['plan', '-l', 'a'], /plan: name a playbook/],
    ['a value left out', ['plan', 'x', '-l'], /-l: a value is missing/],
    ['two inventories', ['facts', '-i', 'a', '-i', 'b'], /--inventory: given more than once; name a folder/],
    ['no number', ['facts', '-p', 'many'], /--parallel: expected a whole number from 1/],
    [
      'a value that is none of a few',
      ['facts', '--host-keys', 'any'],
      /--host-keys: expected one of "strict", "accept-new"/,
    ],
    ['an option turned round', ['facts', '--no-limit'], /--no-limit: there is no such option/],
  ])('%s: exit 64, what is wrong, and nothing else', async (_, args, said) => {
    const { code, stdout, stderr } = await vfleet(args);
    expect(stderr).toMatch(said);
    expect(stderr).not.toContain('this is a bug');
    expect([code, stdout]).toEqual([64, '']);
  });
});
