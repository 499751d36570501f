import { spawnSync } from 'node:child_process';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Racks, readOn, replaceOn, startRacks } from './racks.ts';

let racks: Racks;
const motd = (): string => path.join(racks.lab.node('n1').root, 'etc/motd');

/** The playbook has replaced a file. */
const applied = async (): Promise<void> => {
  await writeFile(motd(), 'before\n');
  expect((await racks.vfleet('apply', 'motd.ts', '-l', 'n1', '--yes')).code).toBe(0);
};

beforeAll(async () => {
  racks = await startRacks([{ name: 'n1' }, { name: 'n2' }]);
  await racks.write(
    'motd.ts',
    `import { file, playbook } from 'vfleet';
export default playbook({
  name: 'Message',
  async apply(host) {
    await host.ensure(file('/etc/motd', \`Welcome to \${host.name}\\n\`));
    await host.settle();
  },
});
`,
  );
}, 600_000);
afterAll(() => racks?.stop());

const document = (text: string) =>
  JSON.parse(text) as { readonly exitCode: number } & Readonly<Record<string, unknown>>;

describe('vfleet undo', () => {
  beforeEach(applied);

  it('says what it would do, does it, and says then that there is nothing to undo', async () => {
    const shown = await racks.vfleet('undo', 'motd.ts', '--dry-run');
    expect(shown.stdout).toMatch(/n1: 1 change\n {2}file \/etc\/motd: restore \/etc\/motd[^]*\+before/);
    expect(shown.stdout).toContain('n2: nothing to undo');
    expect(shown.stdout).toMatch(/next: vfleet undo motd\.ts /);
    expect(shown.code).toBe(2);
    expect(await readFile(motd(), 'utf8')).toBe('Welcome to n1\n');

    const done = await racks.vfleet('undo', 'motd.ts', '--yes');
    expect([done.code, await readFile(motd(), 'utf8')]).toEqual([0, 'before\n']);
    expect(done.stdout).toContain('n2: nothing to undo');
    const again = await racks.vfleet('undo', 'motd.ts', '-l', 'n1', '--yes', '--json');
    const [host] = document(again.stdout)['hosts'] as readonly Record<string, unknown>[];
    expect(host).toMatchObject({ name: 'n1', state: 'ok', writes: 0, rebootDue: null, plan: { changes: [] } });
    expect(document(again.stdout)).toMatchObject({ command: 'undo', dryRun: false, playbook: 'Message', exitCode: 0 });
  });

  it('knows a playbook by its name where the file is gone', async () => {
    const done = await racks.vfleet('undo', '--name', 'Message', '--yes');
    expect([done.code, await readFile(motd(), 'utf8')]).toEqual([0, 'before\n']);
  });

  it('names the playbooks that hosts know where no host knows the one that was named', async () => {
    const wrong = await racks.vfleet('undo', '--name', 'Mesage', '--yes');
    expect(wrong.code).toBe(64);
    expect(wrong.stderr).toMatch(/no host knows it; they know "Message"/);
    expect((await racks.vfleet('undo', '--name', 'Mesage', '-l', 'n2', '--yes')).code).toBe(0);
    for (const how of ['--yes', '--dry-run']) {
      const { code, stdout } = await racks.vfleet('undo', '--name', 'Mesage', how, '--json');
      expect([code, document(stdout).exitCode]).toEqual([64, 64]);
    }
  });

  const hasScript = spawnSync('script', ['-qec', 'true', '/dev/null']).status === 0;
  describe.skipIf(!hasScript)(`at a terminal${hasScript ? '' : ' (SKIPPED: script of util-linux is not here)'}`, () => {
    const answering = async (answer: string, act: () => Promise<void> = async () => {}) => {
      const run = await racks.start(['undo', 'motd.ts', '-l', 'n1', '--no-color'], { terminal: true });
      await run.said(/Undo it on 1 host\? \[y\/N\] /, 'stdout');
      await act();
      run.type(answer);
      return run.ended;
    };

    it('no writes nothing, yes does what was shown', async () => {
      const no = await answering('n\n');
      expect([no.code, await readFile(motd(), 'utf8')]).toEqual([3, 'Welcome to n1\n']);
      const yes = await answering('y\n');
      expect([yes.code, await readFile(motd(), 'utf8')]).toEqual([0, 'before\n']);
    });

    it('says with --json the exit code of all, also for a host that could not be planned', async () => {
      const redirect = path.join(racks.folder, 'undone.json');
      const away = racks.lab.node('n2');
      await away.setFaults({ refuseLogin: true });
      try {
        for (const command of ['apply', 'undo']) {
          const run = await racks.start([command, 'motd.ts', '--json'], { terminal: true, redirect });
          if (command === 'undo') {
            await run.said(/\[y\/N\] /, 'stdout');
            run.type('y\n');
          }
          const { code } = await run.ended;
          expect([command, code, document(await readFile(redirect, 'utf8')).exitCode]).toEqual([command, 1, 1]);
        }
      } finally {
        await away.setFaults({});
      }
    });

    it('what has changed since the question is refused', async () => {
      const { code, stdout } = await answering('y\n', () => writeFile(motd(), 'by hand\n'));
      expect(stdout).toMatch(/file \/etc\/motd differs from the plan/);
      expect([code, await readFile(motd(), 'utf8')]).toEqual([3, 'by hand\n']);
      await rm(motd());
    });
  });
});

describe('vfleet backups and restore', () => {
  beforeEach(applied);

  it('list what runs kept, put it back, and remove what is old', async () => {
    const listed = await racks.vfleet('backups', 'n1');
    const [run = ''] = /[\w-]+(?= {2}\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC {2}apply of Message)/.exec(listed.stdout) ?? [];
    expect(listed.stdout).toContain('/etc/motd');
    expect(listed.code).toBe(0);

    const shown = await racks.vfleet('restore', run, '--dry-run');
    expect(shown.stdout).toMatch(/n1: 1 change\n {2}file \/etc\/motd: restore \/etc\/motd[^]*\+before/);
    expect(shown.stdout).toMatch(/warning: the run .* has kept nothing here/);
    expect(shown.code).toBe(2);
    const done = await racks.vfleet('restore', run, '-l', 'n1', '--yes');
    expect([done.code, await readFile(motd(), 'utf8')]).toEqual([0, 'before\n']);

    const old = await racks.vfleet('backups', 'n1', '--prune', '0', '--dry-run', '--json');
    const pruned = await racks.vfleet('backups', 'n1', '--prune', '0', '--yes', '--json');
    const [before] = document(old.stdout)['hosts'] as readonly { readonly oldBackups: readonly string[] }[];
    const [after] = document(pruned.stdout)['hosts'] as readonly {
      readonly backups: readonly { readonly run: string; readonly needed: boolean }[];
    }[];
    expect(before?.oldBackups.length).toBeGreaterThan(0);
    expect(after?.backups.map(({ needed }) => needed)).toEqual([true]);
    expect((await racks.vfleet('backups', 'n2')).stdout).toContain('n2: no backups');
  });
});

it('an initramfs that is due for nobody, and that nobody can build, is struck by any undo', async () => {
  const node = racks.lab.node('n2');
  for (const tool of ['update-initramfs', 'mkinitramfs', 'dracut'])
    await rm(path.join(node.root, 'usr/sbin', tool), { force: true });
  const record = { version: 2, ownedArguments: {}, lines: {}, files: {}, stamp: null };
  const pending = [{ kind: 'initramfs', reason: '/etc/modprobe.d/x.conf changes' }];
  await mkdir(path.join(node.root, 'var/lib/vfleet'), { recursive: true });
  await replaceOn(node, 'var/lib/vfleet/state.json', JSON.stringify({ ...record, pending }));
  const shown = await racks.vfleet('undo', 'motd.ts', '-l', 'n2', '--dry-run');
  expect(shown.stdout).toMatch(/the record of vfleet: strike the initramfs that is due/);
  const done = await racks.vfleet('undo', 'motd.ts', '-l', 'n2', '--yes');
  expect([done.code, JSON.parse(await readOn(node, 'var/lib/vfleet/state.json')).pending]).toEqual([0, []]);
  expect((await racks.vfleet('undo', 'motd.ts', '-l', 'n2', '--yes')).stdout).toContain('n2: nothing to undo');
});

it.each([
  [['undo'], /name a playbook; --name where its file is gone/],
  [['undo', 'motd.ts', '--name', 'Message'], /not both/],
  [['undo', 'motd.ts'], /no terminal to answer at[^]*--dry-run[^]*--yes/],
  [['undo', 'none.ts', '--yes'], /none\.ts/],
  [['restore', '../../etc', '--yes'], /name of a run/],
  [['backups', '--prune', '-1'], /--prune/],
])('%j is bad usage', async (words, said) => {
  const { code, stderr } = await racks.vfleet(...words);
  expect(code).toBe(64);
  expect(stderr).toMatch(said);
});
