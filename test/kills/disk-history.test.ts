import { describe, expect, it } from 'vitest';
import { randomFrom } from '../../src/lab/random.ts';
import { DiskHistory, type Loss } from './disk-history.ts';
import type { DiskImage, Entry } from './disk-image.ts';

const file = (id: string, text: string): Entry => ({
  kind: 'file',
  id,
  mode: 0o644,
  owner: '0:0',
  bytes: Buffer.from(text),
});
const folder = (id: string): Entry => ({ kind: 'folder', id, mode: 0o755, owner: '0:0' });
const disk = (files: Readonly<Record<string, Entry>>): DiskImage =>
  new Map([['/etc', folder('etc')], ...Object.entries(files)]);

/** Every text that a path may have after a cut. */
function textsAfter(history: DiskHistory, at: string, loss: Loss = 'anything'): readonly string[] {
  const found = Array.from({ length: 200 }, (_, chance) => {
    const entry = history.afterCut(loss, randomFrom(String(chance))).get(at);
    return entry?.kind === 'file' ? entry.bytes.toString() : 'gone';
  });
  return [...new Set(found)].sort();
}

/** A new file beside an old one, then in its place. `synced`: what is synced after its writing, and after the rename. */
function replaced(synced: readonly [readonly string[], readonly string[]]): DiskHistory {
  const history = new DiskHistory(disk({ '/etc/x': file('old', 'old') }));
  history.note(disk({ '/etc/.x.new': file('new', 'new'), '/etc/x': file('old', 'old') }));
  for (const at of synced[0]) history.sync(at);
  history.note(disk({ '/etc/x': file('new', 'new') }));
  for (const at of synced[1]) history.sync(at);
  return history;
}

describe('what a cut leaves of a file that was replaced', () => {
  it.each([
    ['nothing synced: anything', [[], []], ['', 'n', 'ne', 'new', 'old']],
    ['the file synced: the old one or the new one', [['/etc/.x.new'], []], ['new', 'old']],
    ['the folder synced, but not the file: a file in pieces', [[], ['/etc']], ['', 'n', 'ne', 'new']],
    ['both synced: the new one', [['/etc/.x.new'], ['/etc']], ['new']],
  ] as const)('with %s', (_, synced, texts) => {
    expect(textsAfter(replaced(synced), '/etc/x')).toEqual(texts);
  });

  it('without luck is the old one, with luck the new one', () => {
    const history = replaced([[], []]);
    expect(textsAfter(history, '/etc/x', 'everything')).toEqual(['old']);
    expect(textsAfter(history, '/etc/x', 'nothing')).toEqual(['new']);
  });
});

it('what was written in place may be in pieces until it is synced', () => {
  const history = new DiskHistory(disk({ '/etc/x': file('x', 'old') }));
  history.note(disk({ '/etc/x': file('x', '') }));
  history.note(disk({ '/etc/x': file('x', 'new') }));
  expect(textsAfter(history, '/etc/x')).toEqual(['', 'n', 'ne', 'new', 'o', 'ol', 'old']);
  history.syncAll();
  expect(textsAfter(history, '/etc/x')).toEqual(['new']);
});

it('a removed file may be back until its folder is synced', () => {
  const history = new DiskHistory(disk({ '/etc/x': file('x', 'old') }));
  history.note(disk({}));
  expect(textsAfter(history, '/etc/x')).toEqual(['gone', 'old']);
  history.sync('/etc/');
  expect(textsAfter(history, '/etc/x')).toEqual(['gone']);
});
