import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import * as api from '../../src/index.ts';
import type { Playbook } from '../../src/playbook/define.ts';
import { loadPlaybook } from '../../src/playbook/load.ts';
import { errorOf, folderOf } from './folder.ts';

const cache = folderOf({});
const load = (path: string): Promise<Playbook> => loadPlaybook(path, { api, cache, shipped: ['passthrough', 'sriov'] });

describe('a playbook anywhere on disk', () => {
  it('is loaded with types, relative imports of TypeScript and JavaScript, and top-level await', async () => {
    const folder = folderOf({
      'book.ts': [
        "import { readFile } from 'node:fs/promises';",
        "import { playbook, type PlaybookDefinition, z } from 'vfleet';",
        "import { suffix } from './lib/suffix.ts';",
        "import { mark } from './lib/mark.js';",
        'enum Size { Small = 1 }',
        "const text: string = await readFile(new URL('name.txt', import.meta.url), 'utf8');",
        'export default playbook({ name: `${text.trim()}${suffix}${mark}${Size.Small}`, vars: z.object({ a: z.string() }) });',
      ].join('\n'),
      'name.txt': 'Name\n',
      'lib/suffix.ts': "export const suffix: `-${string}` = '-x';\n",
      'lib/mark.ts': "export const mark = '!' as const;\n",
    });
    const playbook = await load(join(folder, 'book.ts'));
    expect(playbook.name).toBe('Name-x!1');
    // One zod for both sides: what the playbook made is what the runner knows.
    expect(playbook.vars).toBeInstanceOf(api.z.ZodObject);
  });

  it('is read anew each time', async () => {
    const folder = folderOf({
      'a.ts': "import { playbook } from 'vfleet';\nexport default playbook({ name: 'one' });\n",
    });
    const file = join(folder, 'a.ts');
    expect((await load(file)).name).toBe('one');
    writeFileSync(file, "import { playbook } from 'vfleet';\nexport default playbook({ name: 'two' });\n");
    expect((await load(file)).name).toBe('two');
  });

  it('gets the errors of vfleet as they are', async () => {
    const folder = folderOf({
      'a.ts':
        "import { playbook, VfleetError } from 'vfleet';\nexport default playbook({ name: 'x', gate() { throw new VfleetError({ code: 'mine', host: 'h', thing: 't' }); } });\n",
    });
    const playbook = await load(join(folder, 'a.ts'));
    const error = await errorOf(() => playbook.gate({} as never));
    expect(error.parts).toEqual({ code: 'mine', host: 'h', thing: 't' });
  });
});

describe('a playbook that cannot be loaded', () => {
  const cases: readonly (readonly [string, string, RegExp])[] = [
    [
      'a syntax error',
      'export default {\n  a: 1,\n  const = 3,\n};\n',
      /^F\/bad\.ts:3:\d+: expected a playbook that loads/,
    ],
    ['no default export', "import { playbook } from 'vfleet';\nplaybook({ name: 'x' });\n", /found no default export/],
    [
      'another default export',
      "export default 'text';\n",
      /found a default export of type string; next: import \{ playbook \}/,
    ],
    ['a default export of null', 'export default null;\n', /found a default export of type object/],
    [
      'an error of its own',
      "import { playbook } from 'vfleet';\n\nconst none: string[] = [];\nexport default playbook({ name: none[0].trim() });\n",
      /^F\/bad\.ts:4: .*Cannot read properties of undefined/,
    ],
    ['something thrown that is no error', "throw 'no';\n", /^F\/bad\.ts: .*found no; next/],
    [
      'an error in a file that it imports',
      "import { a } from './lib.ts';\nexport default a;\n",
      /^F\/lib\.ts:3: .*found the lib is broken/,
    ],
    [
      'an import of what is not there',
      "import { playbook } from 'vfleet';\nimport { a } from './none.ts';\nexport default playbook({ name: a });\n",
      /^F\/bad\.ts:2: .*Cannot find module '\.\/none\.ts'/,
    ],
    [
      'an import from vfleet of what it does not have',
      "import { playbok } from 'vfleet';\nexport default playbok({ name: 'x' });\n",
      /^F\/bad\.ts:2: .*found that vfleet exports no playbok, did you mean "playbook"\?/,
    ],
    [
      'a resource that cannot be',
      "import { file } from 'vfleet';\nfile('etc/motd', '');\n",
      /^F\/bad\.ts:2: .*the absolute path of a file/,
    ],
  ];
  it.each(cases)('because of %s names the file and the line', async (_, text, said) => {
    const folder = folderOf({
      'bad.ts': text,
      'lib.ts': "// a\n\nthrow new Error('the lib is broken');\nexport const a = 1;\n",
    });
    const { message } = await errorOf(() => load(join(folder, 'bad.ts')));
    expect(message.replaceAll(folder, 'F')).toMatch(said);
  });

  it.each([
    ['pasthrough', /found no such file, did you mean "passthrough"\?/],
    ['other', /comes with vfleet: passthrough, sriov, found no such file; next/],
    ['F', /found a folder/],
    ['F/book', /found no such file, did you mean "F\/book\.ts"\?/],
    ['F/book.ts/x', /found no such file/],
    ['F/book.txt', /found a file that does not end in \.ts, \.mts, \.js, \.mjs/],
  ])('because %s is none says what there is', async (name, said) => {
    const folder = folderOf({ 'book.ts': '', 'book.txt': '' });
    const error = await errorOf(() => load(name.replace('F', folder)));
    expect(error.code).toBe('playbook.missing');
    expect(error.message.replaceAll(folder, 'F')).toMatch(said);
  });
});
