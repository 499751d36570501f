import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { digestFolder, digestPlaybook } from '../../src/playbook/pins.ts';
import { folderOf } from './folder.ts';

const files = {
  'books/a.ts':
    "import { x } from '../lib/x.js';\nimport type { T } from './types';\nexport * from './more';\nconst u = new URL('a.hbs', import.meta.url);\n",
  'books/a.hbs': '{{x}}\n',
  'books/types.ts': 'export type T = string;\n',
  'books/more/index.ts': "export const later = () => import('../../lib/late.ts');\n",
  'lib/x.ts': "import data from './data.json';\nexport const x = data;\n",
  'lib/data.json': '{}\n',
  'lib/late.ts': "import '../books/a.ts';\n",
  'lib/unused.ts': '\n',
};

describe('the digest of a playbook', () => {
  it.each(Object.keys(files).filter((name) => !name.includes('unused')))('changes with %s', async (name) => {
    const folder = folderOf(files);
    const before = await digestPlaybook(join(folder, 'books/a.ts'));
    writeFileSync(join(folder, name), `${files[name as keyof typeof files]} `);
    expect(await digestPlaybook(join(folder, 'books/a.ts'))).not.toBe(before);
  });

  it('does not change with the place of its folder, nor with a file that it does not use', async () => {
    const folder = folderOf(files);
    const before = await digestPlaybook(join(folder, 'books/a.ts'));
    mkdirSync(join(folder, 'a/longer/place'), { recursive: true });
    for (const part of ['books', 'lib'])
      cpSync(join(folder, part), join(folder, 'a/longer/place', part), { recursive: true });
    writeFileSync(join(folder, 'a/longer/place/lib/unused.ts'), 'changed\n');
    expect(await digestPlaybook(join(folder, 'a/longer/place/books/a.ts'))).toBe(before);
  });

  it('changes when a file that it imports goes', async () => {
    const folder = folderOf(files);
    const before = await digestPlaybook(join(folder, 'books/a.ts'));
    rmSync(join(folder, 'lib/data.json'));
    expect(await digestPlaybook(join(folder, 'books/a.ts'))).not.toBe(before);
  });
});

describe('the digest of a folder', () => {
  it('changes with content and names, not with its place', async () => {
    const digests = await Promise.all(
      [{ a: '1', 'b/c': '2' }, { a: '1', 'b/c': '2' }, { a: '1', 'b/c': '3' }, { a: '1', 'b/d': '2' }, { a: '1' }].map(
        (content) => digestFolder(folderOf(content)),
      ),
    );
    expect(digests[0]).toBe(digests[1]);
    expect(new Set(digests).size).toBe(4);
  });
});
