import { spawnSync } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask } from '../../src/cli/ask.ts';
import { hasColour } from '../../src/cli/output.ts';
import type { Ended } from './program.ts';
import { motd, type Racks, readOn, replaceOn, startRacks } from './racks.ts';

let racks: Racks;
beforeAll(async () => {
  racks = await startRacks([{ name: 'n1' }, { name: 'n2' }, { name: 'odd' }]);
  await racks.write('motd.ts', motd);
}, 600_000);
afterAll(() => racks?.stop());

const escape = /\x1b/;

describe('colours', () => {
  it.each([
    [true, false, {}, true],
    [false, true, { isTTY: true }, false],
    [undefined, true, {}, true],
    [undefined, false, { isTTY: true }, false],
    [undefined, null, { isTTY: true }, true],
    [undefined, null, {}, false],
  ])('option %s, environment %s, stream %j: %s', (color, colour, stream, expected) => {
    expect(hasColour({ color }, { colour }, stream)).toBe(expected);
  });

  const plan = async (args: readonly string[], env: Readonly<Record<string, string>>): Promise<Ended> =>
    (await racks.start(['plan', 'motd.ts', '-l', 'n1', ...args], { env })).ended;

  it.each([
    ['are left out of a pipe', [], {}, false],
    ['come with --color', ['--color'], { NO_COLOR: '1' }, true],
    ['come with FORCE_COLOR', [], { FORCE_COLOR: '1' }, true],
  ] as const)('%s', async (_, args, env, coloured) => {
    const { stdout, stderr } = await plan(args, env);
    expect([escape.test(stdout), escape.test(stderr)]).toEqual([coloured, coloured]);
    expect(stdout.replace(/\x1b\[\d+m/g, '')).toContain('file /etc/motd: create /etc/motd');
  });
});

it('facts show what a host says of itself without obeying it', async () => {
  const name = 'Evil \x1b]0;owned\x07\x1b[31mOS\u009b2J';
  await replaceOn(racks.lab.node('odd'), 'usr/lib/os-release', `ID=debian\nVERSION_ID="12"\nPRETTY_NAME="${name}"\n`);
  const shown = await racks.vfleet('facts', '-l', 'odd');
  expect(shown.stdout).toContain('Evil \\x1b]0;owned\\x07\\x1b[31mOS');
  expect(shown.stdout + shown.stderr).not.toMatch(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/);
  const { stdout } = await racks.vfleet('facts', '-l', 'odd', '--json');
  expect(stdout).not.toMatch(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/);
  expect(JSON.parse(stdout).hosts[0].facts.os.prettyName).toBe(name);
});

describe('a reader that has gone', () => {
  it('ends plan quietly', async () => {
    const run = await racks.start(['plan', 'motd.ts', '-l', 'n1,n2']);
    run.child.stdout.destroy();
    const { code, stderr } = await run.ended;
    expect(stderr).toMatch(/^plan: 2 hosts\n(?:n[12]: ok.*\n){2}$/);
    expect(code).toBe(141);
  });

  it('of the progress of an apply is taken as Ctrl-C: nothing is left half done', async () => {
    const run = await racks.start(['apply', 'motd.ts', '--yes', '--json', '-l', 'n2', '-e', 'message=Quiet']);
    run.child.stderr.destroy();
    const { code, stdout } = await run.ended;
    expect(code).toBe(130);
    const [host] = JSON.parse(stdout).hosts;
    const text = await readOn(racks.lab.node('n2'), 'etc/motd').catch(() => null);
    expect(text).toBe(host.writes === 1 ? 'Quiet to n2\n' : null);
  });
});

describe('the question of apply', () => {
  const asked = async (answer: string | null): Promise<boolean> => {
    const input = new PassThrough();
    const output = new PassThrough();
    const answered = ask('Change 1 host?', { input, output });
    if (answer !== null) input.write(answer);
    input.end();
    const result = await answered;
    expect(String(output.read())).toMatch(/^Change 1 host\? \[y\/N\] /);
    return result;
  };

  it.each([
    ['y\n', true],
    ['YES\n', true],
    ['\n', false],
    ['n\n', false],
    ['yessir\n', false],
    [null, false],
  ])('takes %j as %s', async (answer, meaning) => {
    expect(await asked(answer)).toBe(meaning);
  });

  // The `script` of util-linux gives it a terminal of its own.
  const hasScript = spawnSync('script', ['-qec', 'true', '/dev/null']).status === 0;

  describe.skipIf(!hasScript)(`at a terminal${hasScript ? '' : ' (SKIPPED: script of util-linux is not here)'}`, () => {
    const name = 'n1';
    /** Runs `apply`, acts when the question is there, and answers. */
    async function answering(answer: string, act: () => Promise<void> = async () => {}): Promise<Ended> {
      const run = await racks.start(['apply', 'motd.ts', '-l', name, '--no-color'], { terminal: true });
      await run.said(/\[y\/N\] /, 'stdout');
      expect(run.seen.stdout).toMatch(/create \/etc\/motd[^]*\+Welcome to n1[^]*Change 1 host, verify 1\? \[y\/N\] /);
      await act();
      run.type(answer);
      return run.ended;
    }
    const written = (): Promise<string | null> => readOn(racks.lab.node(name), 'etc/motd').catch(() => null);

    it.each([
      ['no', 'n\n', /declined; nothing was written/, 3],
      ['Ctrl-C', '\x03', /interrupted; nothing was written/, 130],
      ['the end of the input', '\x04', /declined; nothing was written/, 3],
    ])('%s writes nothing', async (_, answer, said, exit) => {
      const { code, stdout } = await answering(answer);
      expect(stdout).toMatch(said);
      expect(code).toBe(exit);
      expect(await written()).toBeNull();
    });

    it('yes does what was shown, or refuses a host that has changed since the question', async () => {
      const changed = await answering('y\n', () => replaceOn(racks.lab.node(name), 'etc/motd', 'mine\n'));
      expect(changed.stdout).toMatch(/file \/etc\/motd differs from the plan/);
      expect(changed.code).toBe(3);
      expect(await written()).toBe('mine\n');
      await rm(path.join(racks.lab.node(name).root, 'etc/motd'));
      const done = await answering('y\n');
      expect(done.code).toBe(0);
      expect(await written()).toBe('Welcome to n1\n');
      // The cursor is back.
      expect(done.stdout.lastIndexOf('\x1b[?25h')).toBeGreaterThan(done.stdout.lastIndexOf('\x1b[?25l'));
    });

    it('with --json the question is beside the one document', async () => {
      const redirect = path.join(racks.folder, 'result.json');
      const run = await racks.start(['apply', 'motd.ts', '-l', 'n2', '-e', 'message=Asked', '--json'], {
        terminal: true,
        redirect,
      });
      await run.said(/\+Asked to n2[^]*\[y\/N\] /, 'stdout');
      run.type('y\n');
      const { code } = await run.ended;
      expect(JSON.parse(await readFile(redirect, 'utf8'))).toMatchObject({ command: 'apply', exitCode: code });
      expect(code).toBe(0);
    });

    it.each([
      ['has colours', { TERM: 'xterm' }, [], true],
      ['has none with NO_COLOR', { TERM: 'xterm', NO_COLOR: '1' }, [], false],
      ['has neither colours nor a window when it is dumb', { TERM: 'dumb' }, [], false],
    ] as const)('%s', async (_, env, args, coloured) => {
      const run = await racks.start(['plan', 'motd.ts', '-l', name, ...args], { terminal: true, env });
      const { stdout } = await run.ended;
      expect(/\x1b\[\d+m/.test(stdout)).toBe(coloured);
      expect(stdout.includes('\x1b[?25l')).toBe(env.TERM !== 'dumb');
    });

    it('asks nothing when nothing is to be done', async () => {
      const run = await racks.start(['apply', 'motd.ts', '-l', name], { terminal: true });
      const { code, stdout } = await run.ended;
      expect(stdout).not.toContain('[y/N]');
      expect(code).toBe(0);
    });
  });
});
