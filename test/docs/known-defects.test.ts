import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const root = join(import.meta.dirname, '../..');
const page = readFileSync(join(root, 'docs/known-defects.md'), 'utf8');
const sections = page.split(/^## /m).slice(1);
const rowsOf = (text: string): readonly (readonly [what: string, file: string, test: string])[] =>
  text
    .split('\n')
    .filter((line) => line.startsWith('| ') && !/^\| (---|what |trap )/.test(line))
    .map((line) => {
      const [, what = '', file = '', test = ''] = line.split(/ ?\| ?/);
      return [what, file.replaceAll('`', ''), test.replace(/^`|`$/g, '')];
    });

/** Titles of the tests in a file, as they are written there. */
function titles(file: string): readonly string[] {
  const text = readFileSync(join(root, file), 'utf8');
  const found = text.matchAll(/^\s*(?:it|test)(?:\.\w+)*(?:\([^'"`\n]*\))?\(\s*(['"`])((?:\\.|(?!\1)[^\\])*)\1/gm);
  return [...found].map(([, , title = '']) => title.replace(/\\(.)/g, '$1'));
}

it.each(rowsOf(page))('%s: has its test', (_, file, test) => {
  expect(existsSync(join(root, file)), file).toBe(true);
  expect(titles(file)).toContain(test);
});

it('all eleven defects of the installer are named, and every trap', () => {
  const [installer = '', traps = '', own = ''] = sections;
  expect([rowsOf(installer).length, rowsOf(traps).length]).toEqual([11, 15]);
  expect(rowsOf(own).length).toBeGreaterThan(3);
  const names = rowsOf(page).map(([what]) => what);
  expect(new Set(names).size).toBe(names.length);
});
