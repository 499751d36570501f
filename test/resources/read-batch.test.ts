import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { VfleetError } from '../../src/errors.ts';
import { parseRead, readScript } from '../../src/resources/batch.ts';
import { octalMode, parseListing } from '../../src/resources/fingerprint.ts';
import { sh } from '../../src/shell/script.ts';
import { folder, me, read, run, shells } from './shells.ts';

describe.each(shells.map((shell) => ({ shell, name: shell.join(' ') })))('under $name', ({ shell }) => {
  it('gives the bytes of files as they are', async () => {
    const root = folder();
    const bytes: Record<string, Buffer> = {
      empty: Buffer.alloc(0),
      'no newline': Buffer.from('a'),
      newlines: Buffer.from('\n\na\n\n'),
      'NUL and all other bytes': Buffer.from(Array.from({ length: 512 }, (_, index) => index % 256)),
      "a 'quoted' $name`": Buffer.from('x\n'),
    };
    for (const [name, content] of Object.entries(bytes)) writeFileSync(join(root, name), content, { mode: 0o640 });
    const found = await read(new Map([['r', { files: Object.keys(bytes).map((name) => join(root, name)) }]]), shell);
    for (const [name, content] of Object.entries(bytes)) {
      expect(found.states.get('r')?.file(join(root, name))).toEqual({
        kind: 'file',
        bytes: content,
        mode: '0640',
        owner: me,
      });
    }
  });

  it('tells what is no regular file', async () => {
    const root = folder();
    mkdirSync(join(root, 'folder'));
    writeFileSync(join(root, 'target'), 'text');
    symlinkSync('target', join(root, 'link'));
    symlinkSync('nowhere', join(root, 'dangling'));
    const files = ['folder', 'link', 'dangling', 'nothing', 'no/such/folder', 'target/x'].map((name) =>
      join(root, name),
    );
    const state = (await read(new Map([['r', { files: [...files, '/dev/null'] }]]), shell)).states.get('r');
    expect(files.map((path) => state?.file(path))).toEqual([
      { kind: 'other', type: 'a directory' },
      { kind: 'other', type: 'a symbolic link to target', bytes: Buffer.from('text') },
      { kind: 'other', type: 'a symbolic link to nowhere' },
      { kind: 'absent' },
      { kind: 'absent' },
      { kind: 'absent' },
    ]);
    expect(state?.file('/dev/null')).toEqual({ kind: 'other', type: 'a character device' });
  });

  it('expands globs on the host, sorted', async () => {
    const root = folder();
    for (const name of ['b.cfg', 'a.cfg', 'B.cfg', 'x y.cfg', 'c.txt']) writeFileSync(join(root, name), name);
    const state = (await read(new Map([['r', { files: [`${root}/*.cfg`, `${root}/*.none`] }]]), shell)).states.get('r');
    expect(state?.matches(`${root}/*.cfg`)).toEqual(
      ['B.cfg', 'a.cfg', 'b.cfg', 'x y.cfg'].map((name) => join(root, name)),
    );
    expect(state?.matches(`${root}/*.none`)).toEqual([]);
    expect(state?.file(join(root, 'x y.cfg'))).toMatchObject({ bytes: Buffer.from('x y.cfg') });
  });

  it('runs probes apart from each other', async () => {
    const found = await read(
      new Map([
        ['one', { probes: { a: sh`printf '%s\n' ${"it's"}; exit 3`, b: sh`cd /tmp; x=1 # a comment` } }],
        ['two', { probes: { a: sh`echo "$PWD[$x]"; cat` } }],
      ]),
      shell,
    );
    expect(found.states.get('one')?.probe('a')).toEqual({ code: 3, stdout: "it's\n" });
    expect(found.states.get('one')?.probe('b')).toEqual({ code: 0, stdout: '' });
    expect(found.states.get('two')?.probe('a')).toEqual({ code: 0, stdout: '/[]\n' });
  });

  it('reads twenty resources in one script', async () => {
    const root = folder();
    const names = Array.from({ length: 20 }, (_, index) => `f${index}`);
    for (const name of names) writeFileSync(join(root, name), `${name}\n`);
    const found = await read(new Map(names.map((name) => [name, { files: [join(root, name), `${root}/f1*`] }])), shell);
    for (const name of names) {
      expect(found.states.get(name)?.file(join(root, name))).toMatchObject({ bytes: Buffer.from(`${name}\n`) });
      expect(found.states.get(name)?.matches(`${root}/f1*`)).toHaveLength(11);
    }
  });
});

it('says of a folder that may not be searched that it is unknown, not empty', async () => {
  const root = folder();
  mkdirSync(join(root, 'locked'));
  writeFileSync(join(root, 'secret'), '');
  chmodSync(join(root, 'locked'), 0o600);
  chmodSync(join(root, 'secret'), 0);
  chmodSync(root, 0o755);
  const reads = new Map([['r', { files: [join(root, 'locked/x'), join(root, 'secret')] }]]);
  const nobody = process.getuid?.() === 0 ? { uid: 65534 } : {};
  const state = parseRead(reads, await run(readScript(reads), undefined, nobody), 'h').states.get('r');
  expect(state?.file(join(root, 'locked/x'))).toEqual({ kind: 'other', type: 'in a folder that may not be searched' });
  expect(state?.file(join(root, 'secret'))).toEqual({ kind: 'other', type: 'a file that may not be read' });
});

it('refuses paths that are not absolute, and globs of other characters', () => {
  for (const path of ['etc/x', '', '/etc/\n', '/etc/$(id)*', '/etc/`id`?']) {
    expect(() => readScript(new Map([['r', { files: [path] }]]))).toThrow(VfleetError);
  }
});

it('refuses output that is not whole', async () => {
  const reads = new Map([['r', { files: ['/dev/null'] }]]);
  const output = await run(readScript(reads));
  const { end: _, ...rest } = Object.fromEntries(output.sections);
  expect(() => parseRead(reads, { ...output, truncated: true }, 'h')).toThrow(/more than can be kept/);
  expect(() => parseRead(reads, { ...output, sections: new Map(Object.entries(rest)) }, 'h')).toThrow(/before the end/);
});

it('reads what ls prints of modes', () => {
  const modes = {
    '-rw-r--r--': '0644',
    '-rwsr-sr-t': '7755',
    '-rw-r-S--T': '3640',
    '----------': '0000',
    drwxrwxrwt: '1777',
  };
  for (const [text, octal] of Object.entries(modes)) expect(octalMode(text)).toBe(octal);
  expect(parseListing('file', '-rw-r--r--. 1 root wheel 5 Jan 1 00:00 x')).toEqual({
    kind: 'file',
    mode: '-rw-r--r--',
    owner: 'root',
    group: 'wheel',
  });
  expect(parseListing('file', 'ls: cannot access')).toBeNull();
});
