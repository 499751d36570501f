import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { readNodesFile } from '../../src/lab/vm/nodes-file.ts';
import { vfleet } from '../cli/program.ts';
import { temporaryFolder } from '../temporary-folder.ts';

const page = await readFile(join(import.meta.dirname, '../../docs/ci.md'), 'utf8');

/** The files that the page shows, by the name in their first line. */
const files = new Map(
  [...page.matchAll(/^```yaml\n# (?<name>\S+)\n(?<text>[^]*?)^```$/gm)].map(({ groups }) => [
    groups?.['name'] ?? '',
    groups?.['text'] ?? '',
  ]),
);
const names = ['ci/nodes.yaml', '.github/workflows/nodes.yml', '.gitlab-ci.yml'];

/** Every text in a document, as YAML gives it to a runner: with folded lines joined. */
function texts(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(texts) : [];
}

/** The words behind each `vfleet` of a shell's lines, up to the end of that command. */
function commands(text: string): readonly (readonly string[])[] {
  const lines = text.replaceAll('\\\n', ' ').split('\n');
  const calls = lines.flatMap((line) => [...line.matchAll(/\bnpx vfleet ([^|;&)]+)/g)].map(([, words = '']) => words));
  return calls.map((words) => words.trim().split(/\s+/));
}

/** Each distinct command of a file, with the options that it is given. */
function used(name: string): ReadonlyMap<string, ReadonlySet<string>> {
  const found = new Map<string, Set<string>>();
  for (const words of texts(parse(files.get(name) ?? '')).flatMap(commands)) {
    const command = (words[0] === 'lab' ? words.slice(0, 3) : words.slice(0, 1)).join(' ');
    const end = words.indexOf('--');
    const options = words.slice(0, end < 0 ? words.length : end).filter((word) => word.startsWith('-'));
    found.set(command, new Set([...(found.get(command) ?? []), ...options]));
  }
  return found;
}

describe('docs/ci.md', () => {
  it('shows these files, and each is YAML', () => {
    expect([...files.keys()]).toEqual(names);
    expect(page.match(/^```yaml$/gm)).toHaveLength(names.length);
    for (const text of files.values()) expect(typeof parse(text)).toBe('object');
  });

  it('has nodes that can be had, and jobs that name no other', async () => {
    const file = join(temporaryFolder('ci'), 'nodes.yaml');
    await writeFile(file, files.get('ci/nodes.yaml') ?? '');
    const nodes = (await readNodesFile(file)).map(({ name }) => name);
    for (const name of names.slice(1)) {
      const limits = [...(files.get(name) ?? '').matchAll(/ -l ([\w:-]+)/g)].flatMap(([, limit = '']) =>
        limit.split(':'),
      );
      expect(limits.length).toBeGreaterThan(0);
      expect(nodes).toEqual(expect.arrayContaining(limits));
    }
  });

  it.each(names.slice(1))('tells the whole story in %s', (name) => {
    const commands = [...used(name).keys()];
    const story = ['lab vm up', 'plan', 'apply', 'verify', 'lab vm ssh', 'lab vm status', 'lab vm down'];
    expect(commands.toSorted()).toEqual(story.toSorted());
  });

  it.each(names.slice(1))('gives every command in %s only options that it has', async (name) => {
    const helps = [...used(name)].map(async ([command, options]) => {
      const { code, stdout } = await vfleet([...command.split(' '), '--help']);
      expect([command, code]).toEqual([command, 0]);
      expect(stdout).toMatch(new RegExp(`^vfleet ${command}\\b`));
      for (const option of options) {
        expect(stdout, `vfleet ${command}`).toMatch(new RegExp(`(?<![\\w-])${option}(?![\\w-])`));
      }
    });
    await Promise.all(helps);
  });
});
