import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseWrite, type Reads, type Seen, type WriteResult, writeScript } from '../../src/resources/batch.ts';
import type { Action } from '../../src/resources/resource.ts';
import { raw, sh } from '../../src/shell/script.ts';
import { folder, me, read, run, shells, write } from './shells.ts';

const isRoot = process.getuid?.() === 0;
const nothing: Seen = { files: new Map(), globs: new Map() };

interface Try {
  readonly root: string;
  readonly actions: readonly Action[];
  readonly guards?: Seen;
  readonly record?: string;
  readonly recordAfter?: string;
  readonly about?: string;
  readonly shell?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  readonly stateFolder?: string;
}

async function apply({
  root,
  actions,
  guards = nothing,
  record = '{}\n',
  recordAfter,
  about,
  shell,
  env = {},
  stateFolder,
}: Try): Promise<WriteResult> {
  const folders = { stateFolder: stateFolder ?? join(root, 'state'), backupFolder: join(root, 'backups') };
  const output = await run(writeScript({ guards, actions, record, recordAfter, about, ...folders }), shell, { env });
  return parseWrite(output, actions);
}

async function seen(root: string, files: readonly string[]): Promise<Seen> {
  const reads: Reads = new Map([['r', { files: files.map((file) => join(root, file)) }]]);
  return (await read(reads)).seen;
}

const text = (...parts: string[]): string => readFileSync(join(...parts), 'utf8');
const mode = (...parts: string[]): number => statSync(join(...parts)).mode & 0o7777;
/** Every file below a folder with its content. */
function tree(root: string): Record<string, string> {
  const entries = readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Object.fromEntries(
    entries.map((entry) => [join(entry.parentPath, entry.name).slice(root.length), text(entry.parentPath, entry.name)]),
  );
}

describe.each(shells.map((shell) => ({ shell, name: shell.join(' ') })))('under $name', ({ shell }) => {
  it('replaces, creates and removes, keeps backups and the record, and leaves nothing else', async () => {
    const root = folder();
    writeFileSync(join(root, 'old'), 'before\n', { mode: 0o600 });
    writeFileSync(join(root, 'gone'), 'bye');
    const guards = await seen(root, ['old', 'gone', 'new/deep/file', '*.cfg']);
    const actions: Action[] = [
      write(join(root, 'old'), "after 'quoted' $x `y` \\n\n", { mode: '0640' }),
      write(join(root, 'new/deep/file'), 'no newline'),
      { kind: 'remove', path: join(root, 'gone') },
      { kind: 'run', label: 'look', script: sh`cat ${join(root, 'old')}` },
    ];
    const result = await apply({ root, actions, guards, record: '{"due": 1}\n', shell });
    expect(result).toEqual({
      kind: 'done',
      written: ['old', 'new/deep/file', 'gone'].map((name) => join(root, name)),
      notes: [],
    });
    expect(tree(root)).toEqual({
      '/old': "after 'quoted' $x `y` \\n\n",
      '/new/deep/file': 'no newline',
      '/state/state.json': '{"due": 1}\n',
      '/state/lock': '',
      [`/backups${root}/old`]: 'before\n',
      [`/backups${root}/gone`]: 'bye',
    });
    expect([mode(root, 'old'), mode(root, 'new/deep/file'), mode(root, 'new')]).toEqual([0o640, 0o644, 0o755]);
    expect([mode(root, 'state'), mode(root, 'state/state.json'), mode(root, 'backups')]).toEqual([0o700, 0o600, 0o700]);
    expect(mode(root, 'backups', root, 'old')).toBe(0o600);
  });

  it('puts any bytes back from a copy with mode and time, says what the run is, and lets the last record have its place', async () => {
    const root = folder();
    const bytes = Buffer.from([0, 1, 0xff, 0x0a, 0, 0x25]);
    writeFileSync(join(root, 'kept'), bytes, { mode: 0o640 });
    utimesSync(join(root, 'kept'), 1_000, 1_000);
    writeFileSync(join(root, 'file'), 'after\n');
    mkdirSync(join(root, 'made/deep'), { recursive: true });
    mkdirSync(join(root, 'used/deep'), { recursive: true });
    for (const name of ['made/deep/a', 'used/deep/a', 'used/b']) writeFileSync(join(root, name), '');
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const from = join(root, 'kept');
    const removed = (name: string): Action => ({
      ...{ kind: 'remove', path: join(root, name, 'deep/a') },
      folders: [join(root, name), join(root, name, 'deep')],
    });
    const actions: Action[] = [
      { kind: 'restore', path: join(root, 'file'), from, mode: '0640', owner: me, sha256 },
      removed('made'),
      removed('used'),
    ];
    const result = await apply({ root, actions, record: 'first', recordAfter: 'last', about: 'undo', shell });
    expect(result).toMatchObject({ kind: 'done' });
    expect(readFileSync(join(root, 'file'))).toEqual(bytes);
    expect([mode(root, 'file'), statSync(join(root, 'file')).mtimeMs]).toEqual([0o640, 1_000_000]);
    expect([existsSync(join(root, 'made')), readdirSync(join(root, 'used'))]).toEqual([false, ['b']]);
    expect(text(root, 'state/state.json')).toBe('last');
    expect(readdirSync(join(root, 'state')).sort()).toEqual(['lock', 'state.json']);
    expect([text(root, 'backups', root, 'file'), text(root, 'backups/.vfleet')]).toEqual(['after\n', 'undo']);
  });

  it('puts nothing back when the copy is not what was read', async () => {
    const root = folder();
    writeFileSync(join(root, 'kept'), 'other\n');
    writeFileSync(join(root, 'file'), 'after\n');
    const sha256 = createHash('sha256').update('kept\n').digest('hex');
    const from = join(root, 'kept');
    const actions: Action[] = [{ kind: 'restore', path: join(root, 'file'), from, mode: '0644', owner: me, sha256 }];
    const result = await apply({ root, actions, recordAfter: 'last', shell });
    expect(result).toMatchObject({ kind: 'failed', path: join(root, 'file'), written: [] });
    expect(text(root, 'file')).toBe('after\n');
    expect(existsSync(join(root, 'state/state.json'))).toBe(false);
  });

  it('writes nothing when anything that was read has changed', async () => {
    const changes: Record<string, (root: string) => void> = {
      content: (root) => writeFileSync(join(root, 'a'), 'other'),
      mode: (root) => chmodSync(join(root, 'a'), 0o600),
      gone: (root) => rmSync(join(root, 'a')),
      'a file where none was': (root) => writeFileSync(join(root, 'b'), ''),
      'a folder where none was': (root) => mkdirSync(join(root, 'b')),
      'a link in the place of the file': (root) => {
        rmSync(join(root, 'a'));
        symlinkSync('c', join(root, 'a'));
      },
    };
    for (const [why, change] of Object.entries(changes)) {
      const root = folder();
      writeFileSync(join(root, 'a'), 'first', { mode: 0o644 });
      writeFileSync(join(root, 'c'), 'first', { mode: 0o644 });
      const guards = await seen(root, ['a', 'b', 'c']);
      change(root);
      const before = tree(root);
      const result = await apply({ root, actions: [write(join(root, 'c'), 'mine')], guards, shell });
      expect([why, result]).toEqual([why, { kind: 'changed', paths: [join(root, why.includes('none') ? 'b' : 'a')] }]);
      expect(tree(root)).toEqual({ ...before, '/state/lock': '' });
    }
  });

  it('has each boot entry on disk before it touches the next', async () => {
    const root = folder();
    for (const made of ['bin', 'loader', 'loader/entries']) mkdirSync(join(root, made));
    for (const tool of ['mv', 'sync']) {
      const script = `#!/bin/sh\necho "${tool} $*" >>${root}/log\nexec /bin/${tool} "$@"\n`;
      writeFileSync(join(root, 'bin', tool), script, { mode: 0o755 });
    }
    const entries = join(root, 'loader/entries');
    const names = ['b.conf', 'a.conf'];
    for (const name of names) writeFileSync(join(entries, name), 'old\n');
    const actions = [...names.map((name) => write(join(entries, name), 'new\n')), write(join(root, 'x'), 'new\n')];
    await apply({ root, actions, env: { PATH: `${root}/bin:${process.env['PATH']}` } });
    const steps = text(root, 'log')
      .split('\n')
      .map((line) => line.replaceAll(/\S*\//g, ''));
    // Before that, the backups.
    const first = steps.indexOf('mv -f .b.conf.vfleet-new b.conf');
    expect(steps.slice(first, first + 5)).toEqual([
      'mv -f .b.conf.vfleet-new b.conf',
      'sync entries',
      'mv -f .a.conf.vfleet-new a.conf',
      'sync entries',
      'mv -f .x.vfleet-new x',
    ]);
  });

  it('syncs the folder above one that it removes, and removes one from which the file is gone already', async () => {
    const root = folder();
    for (const made of ['bin', 'made', 'made/deep', 'left']) mkdirSync(join(root, made));
    writeFileSync(join(root, 'bin/sync'), `#!/bin/sh\necho "$*" >>${root}/log\n`, { mode: 0o755 });
    writeFileSync(join(root, 'made/deep/x'), 'mine\n');
    const remove = (path: string, ...folders: readonly string[]): Action => ({
      kind: 'remove',
      path: join(root, path),
      folders: folders.map((name) => join(root, name)),
    });
    const actions = [remove('made/deep/x', 'made', 'made/deep'), remove('left/y', 'left')];
    const env = { PATH: `${root}/bin:${process.env['PATH']}` };
    expect(await apply({ root, actions, recordAfter: '{"done":1}\n', env, shell })).toMatchObject({ kind: 'done' });
    expect(['made', 'left'].filter((name) => existsSync(join(root, name)))).toEqual([]);
    // Each of the two folders, before the last record.
    expect(text(root, 'log').trim().split('\n').slice(-3)).toEqual([root, root, join(root, 'state')]);
  });

  it('writes nothing when a glob matches otherwise', async () => {
    const root = folder();
    writeFileSync(join(root, 'a.cfg'), '');
    const guards = await seen(root, ['*.cfg']);
    writeFileSync(join(root, 'b.cfg'), '');
    const result = await apply({ root, actions: [write(join(root, 'c'), 'mine')], guards, shell });
    expect(result).toEqual({ kind: 'changed', paths: [`${root}/*.cfg`] });
  });

  it('writes bytes that are no UTF-8', async () => {
    const root = folder();
    const bytes = Buffer.from(Array.from({ length: 255 }, (_, index) => index + 1));
    await apply({ root, actions: [write(join(root, 'a'), bytes.toString('latin1'), { encoding: 'latin1' })], shell });
    expect(readFileSync(join(root, 'a'))).toEqual(bytes);
  });

  it('stops at a script that fails, and says what it printed', async () => {
    const root = folder();
    const actions: Action[] = [
      { kind: 'run', label: 'first', script: sh`echo fine` },
      { kind: 'run', label: 'second', script: sh`echo ${'it broke'} >&2; exit 9` },
      { kind: 'run', label: 'third', script: sh`touch ${join(root, 'third')}` },
      write(join(root, 'a'), 'x'),
    ];
    const written = [join(root, 'a')];
    expect(await apply({ root, actions, shell })).toEqual({
      kind: 'run-failed',
      label: 'second',
      code: 9,
      output: 'it broke\n',
      written,
    });
    expect(existsSync(join(root, 'third'))).toBe(false);
  });

  it('writes twenty files in one script', async () => {
    const root = folder();
    const names = Array.from({ length: 20 }, (_, index) => join(root, `f${index}`));
    const result = await apply({ root, actions: names.map((name) => write(name, name)), shell });
    expect(result).toMatchObject({ kind: 'done', written: names });
    expect(names.map((name) => text(name))).toEqual(names);
  });
});

describe('the lock', () => {
  it('keeps a second run out, which writes nothing', async () => {
    const root = folder();
    mkdirSync(join(root, 'state'));
    const hold = 'exec 9>"$0"; flock 9; echo held; cat';
    const holder = spawn('/bin/sh', ['-c', hold, join(root, 'state/lock')], { stdio: ['pipe', 'pipe', 'inherit'] });
    await new Promise((resolve) => holder.stdout.once('data', resolve));
    try {
      expect(await apply({ root, actions: [write(join(root, 'a'), 'x')] })).toEqual({ kind: 'locked' });
    } finally {
      holder.stdin.end();
      await new Promise((resolve) => holder.once('close', resolve));
    }
    expect(existsSync(join(root, 'a'))).toBe(false);
    expect(await apply({ root, actions: [write(join(root, 'a'), 'x')] })).toMatchObject({ kind: 'done' });
  });

  it('is not held by what an action leaves running', async () => {
    const root = folder();
    const pid = join(root, 'pid');
    const script = sh`sleep 600 >/dev/null 2>&1 & echo $! >${pid}`;
    await apply({ root, actions: [{ kind: 'run', label: 'daemon', script }] });
    try {
      expect(await apply({ root, actions: [write(join(root, 'a'), 'x')] })).toMatchObject({ kind: 'done' });
    } finally {
      process.kill(Number(text(pid)));
    }
  });

  it.skipIf(existsSync('/usr/sbin/flock'))('is named when there is no tool for it', async () => {
    const root = folder();
    mkdirSync(join(root, 'bin'));
    // The envelope adds the folders of sbin, where flock is not.
    for (const tool of ['sha256sum', 'ls', 'mkdir', 'rm', 'cat'])
      symlinkSync(`/usr/bin/${tool}`, join(root, 'bin', tool));
    const result = await apply({ root, actions: [write(join(root, 'a'), 'x')], env: { PATH: join(root, 'bin') } });
    expect(result).toMatchObject({
      kind: 'failed',
      step: 'look for a tool',
      path: 'flock',
      reason: 'it is not installed',
      written: [],
    });
    expect(readdirSync(root)).toEqual(['bin']);
  });
});

describe('a step that fails', () => {
  /** A tool that fails for one argument, and else is the real one. */
  function failing(root: string, tool: string, word: string, why: string): NodeJS.ProcessEnv {
    const bin = join(root, 'bin');
    mkdirSync(bin);
    const script = `#!/bin/sh\ncase "$*" in *${word}*) echo "${tool}: ${why}" >&2; exit 1;; esac\nexec /usr/bin/${tool} "$@"\n`;
    writeFileSync(join(bin, tool), script, { mode: 0o755 });
    return { PATH: `${bin}:${process.env['PATH']}` };
  }

  it.each([
    ['chmod', 'b.vfleet-new', 'Operation not permitted', 'set the mode'],
    ['chown', 'b.vfleet-new', 'invalid user', 'set the owner'],
    ['cp', 'old', 'No space left on device', 'make a backup'],
    ['sync', 'b.vfleet-new', 'Input/output error', 'sync the new files to disk'],
    ['mkdir', '/deep', 'Read-only file system', 'make a folder'],
    ['mv', 'state.json', 'No space left on device', 'put the record in place'],
  ])('%s before the first rename changes nothing and leaves nothing behind', async (tool, word, why, step) => {
    const root = folder();
    const inner = join(root, 'inner');
    mkdirSync(inner);
    writeFileSync(join(inner, 'old'), 'before');
    const before = tree(inner);
    const actions = [write(join(inner, 'old'), 'after'), write(join(inner, 'deep/er/b'), 'x')];
    const result = await apply({
      root,
      actions,
      env: failing(root, tool, word, why),
      stateFolder: join(root, 'state'),
    });
    expect(result).toMatchObject({ kind: 'failed', step, reason: `${tool}: ${why}`, written: [] });
    expect(tree(inner)).toEqual(before);
    expect(readdirSync(inner)).toEqual(['old']);
    expect(existsSync(join(root, 'state/state.json'))).toBe(false);
  });

  it('of the renames says what is new already, and keeps the record', async () => {
    const root = folder();
    const actions = [write(join(root, 'a'), 'x'), write(join(root, 'b'), 'x')];
    const result = await apply({
      root,
      actions,
      env: failing(root, 'mv', '/.b.vfleet-new', 'Operation not permitted'),
    });
    expect(result).toMatchObject({
      kind: 'failed',
      step: 'put the new file in place',
      path: join(root, 'b'),
      written: [join(root, 'a')],
    });
    expect(text(root, 'state/state.json')).toBe('{}\n');
    expect(readdirSync(root).sort()).toEqual(['a', 'bin', 'state']);
  });

  it('is told with its reason: a folder that is a file', async () => {
    const root = folder();
    writeFileSync(join(root, 'f'), '');
    const result = await apply({ root, actions: [write(join(root, 'f/x'), 'x')] });
    expect(result).toMatchObject({ kind: 'failed', step: 'make a folder', path: join(root, 'f'), written: [] });
    expect(result).toHaveProperty('reason', expect.stringMatching(/File exists/));
  });
});

describe.skipIf(!isRoot)('real file systems', () => {
  async function mounted(root: string, options: readonly string[], act: (at: string) => Promise<void>): Promise<void> {
    const at = join(root, 'mnt');
    mkdirSync(at);
    const mounting = await run(sh`mount -t tmpfs -o ${options.join(',')} vfleet-test ${at}`);
    // A container may not be allowed to mount; the failing tools above cover the same paths there.
    if (mounting.code !== 0) return;
    try {
      await act(at);
    } finally {
      await run(sh`umount ${at}`);
    }
  }

  it.each(shells)('full: the file that is there stays whole, under %s %s', async (...shell) => {
    const root = folder();
    await mounted(root, ['size=64k'], async (at) => {
      writeFileSync(join(at, 'a'), 'before');
      const result = await apply({ root, actions: [write(join(at, 'a'), 'x'.repeat(100_000))], shell });
      expect(result).toMatchObject({
        kind: 'failed',
        step: 'write the new file beside the old one',
        path: join(at, 'a'),
        written: [],
      });
      expect(result).toHaveProperty('reason', expect.stringMatching(/No space left|I\/O error|is the disk full/i));
      expect(tree(at)).toEqual({ '/a': 'before' });
    });
  });

  it('read-only: the step and the reason are told', async () => {
    const root = folder();
    await mounted(root, ['size=64k'], async (at) => {
      writeFileSync(join(at, 'a'), 'before');
      await run(sh`mount -o remount,ro ${at}`);
      const result = await apply({ root, actions: [write(join(at, 'a'), 'after')] });
      expect(result).toMatchObject({ kind: 'failed', written: [], path: join(at, 'a') });
      expect(result).toHaveProperty('reason', expect.stringMatching(/Read-only file system/));
      expect(tree(at)).toEqual({ '/a': 'before' });
    });
  });
});

describe('a power cut', () => {
  /** Tools that kill the shell that started them, before or after they did their work, at the n-th start of any. */
  function deadly(root: string, nth: number, after: boolean): NodeJS.ProcessEnv {
    const bin = join(root, 'bin');
    mkdirSync(bin);
    writeFileSync(join(root, 'count'), '');
    for (const tool of ['mv', 'rm', 'sync', 'cp', 'chmod', 'chown', 'mkdir', 'sha256sum', 'ls', 'flock']) {
      const kill = 'kill -9 $PPID; exit 1';
      const script = `#!/bin/sh
printf x >>${root}/count
read -r n <${root}/count || :
if [ "\${#n}" = ${nth} ]; then ${after ? `/usr/bin/${tool} "$@"; ` : ''}${kill}; fi
exec /usr/bin/${tool} "$@"
`;
      writeFileSync(join(bin, tool), script, { mode: 0o755 });
    }
    return { PATH: `${bin}:/usr/bin:/bin` };
  }

  it('at any point leaves each file old or new, and none new without the record', async () => {
    const cut = async (nth: number, after: boolean): Promise<boolean> => {
      const root = folder();
      const inner = join(root, 'inner');
      mkdirSync(inner);
      for (const name of ['a', 'b', 'gone']) writeFileSync(join(inner, name), `old ${name}`);
      const guards = await seen(inner, ['a', 'b', 'c', 'gone']);
      const actions: Action[] = [
        ...['a', 'b', 'c'].map((name) => write(join(inner, name), `new ${name}`)),
        { kind: 'remove', path: join(inner, 'gone') },
      ];
      const result = await apply({ root, actions, guards, record: '{"due":1}\n', env: deadly(root, nth, after) });
      const files = Object.entries(tree(inner)).filter(([name]) => !name.endsWith('.vfleet-new'));
      for (const [name, content] of files) expect([`old ${name.slice(1)}`, `new ${name.slice(1)}`]).toContain(content);
      const touched = files.some(([, content]) => content.startsWith('new')) || !existsSync(join(inner, 'gone'));
      if (touched) expect(text(root, 'state/state.json')).toBe('{"due":1}\n');
      // The lock died with the run, so the next one goes on from what is there, and ends as if nothing had happened.
      const again = await apply({ root, actions, guards: await seen(inner, ['a', 'b', 'c', 'gone']) });
      expect(again).toMatchObject({ kind: 'done' });
      expect(tree(inner)).toEqual({ '/a': 'new a', '/b': 'new b', '/c': 'new c' });
      return result.kind === 'done';
    };
    let nth = 1;
    while (!(await cut(nth, nth % 2 === 0))) nth += 1;
    // Every tool that the script starts was one of the points.
    expect(nth).toBeGreaterThan(30);
  });
});

it('writes any text as it is', async () => {
  const unit = fc.constantFrom(
    "'",
    '"',
    '\\',
    '$',
    '`',
    '%',
    '\n',
    '\r',
    '\t',
    ' ',
    'é',
    '\u{1F600}',
    '\x01',
    '\x7f',
    '\\0101',
    '%s',
    '-n',
    '\x81',
    '!',
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.array(unit, { maxLength: 30 }).map((parts) => parts.join('')),
        { minLength: 1, maxLength: 8 },
      ),
      async (texts) => {
        const root = folder();
        const actions = texts.map((content, index) => write(join(root, `f${index}`), content));
        expect(await apply({ root, actions })).toMatchObject({ kind: 'done' });
        expect(texts.map((_, index) => text(root, `f${index}`))).toEqual(texts);
      },
    ),
    { numRuns: 15 },
  );
});

it('says when a script did not come to its end', () => {
  const output = { code: 137, stdout: Buffer.alloc(0), sections: new Map(), stderr: '', truncated: false };
  expect(parseWrite(output, [])).toMatchObject({
    kind: 'failed',
    step: 'reach the end of the script',
    reason: 'exit code 137',
  });
});

it('keeps the first backup of a run', async () => {
  const root = folder();
  writeFileSync(join(root, 'a'), 'foreign');
  await apply({ root, actions: [write(join(root, 'a'), 'first')] });
  await apply({ root, actions: [write(join(root, 'a'), 'second')] });
  expect(text(root, 'backups', root, 'a')).toBe('foreign');
});

it('leaves the umask of actions as scripts have it', async () => {
  const root = folder();
  await apply({
    root,
    actions: [{ kind: 'run', label: 'touch', script: sh`${raw('umask')} >${join(root, 'umask')}` }],
  });
  expect(text(root, 'umask')).toBe('0022\n');
  expect(me).toMatch(/:/);
});
