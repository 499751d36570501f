import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';

/** SHA-256 of a text or of bytes, in hex. */
export function sha256(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}

/**
 * A digest of a playbook and of every file that it, or one of these, names by a relative path: `import … from './x.ts'`,
 * `new URL('x.hbs', import.meta.url)`. By it a saved plan is not applied by another playbook than the one that made it. It
 * stays the same when all of them move together.
 */
export async function digestPlaybook(path: string): Promise<string> {
  const files = new Map<string, string>();
  await collect(resolve(path), files);
  const folder = dirname(resolve(path));
  return digestLines([...files].map(([file, digest]) => `${relative(folder, file)} ${digest}`));
}

/** A digest of every file below a folder: the templates. */
export async function digestFolder(folder: string): Promise<string> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return digestLines(
    await Promise.all(files.map(async (file) => `${relative(folder, file)} ${sha256(await readFile(file))}`)),
  );
}

function digestLines(lines: readonly string[]): string {
  return sha256(lines.toSorted().join('\n'));
}

const mentions = [
  /\b(?:from|import|require)\s*\(?\s*['"](?<path>\.{1,2}\/[^'"]+)['"]/g,
  /\bnew\s+URL\(\s*['"](?<path>[^'":]+)['"]\s*,\s*import\.meta\.url/g,
];

async function collect(file: string, files: Map<string, string>): Promise<void> {
  if (files.has(file)) return;
  const bytes = await readFile(file).catch(() => null);
  if (bytes === null) return;
  files.set(file, sha256(bytes));
  if (!/\.[cm]?[jt]sx?$/.test(file)) return;
  const text = bytes.toString('utf8');
  const paths = mentions.flatMap((mention) => [...text.matchAll(mention)].map((match) => match.groups?.['path'] ?? ''));
  for (const path of paths) {
    const base = resolve(dirname(file), path);
    // As the loader finds them: `.js` may be written for `.ts`, and the end left out.
    for (const candidate of [base, base.replace(/\.([cm]?)js$/, '.$1ts'), `${base}.ts`, `${base}.js`]) {
      await collect(candidate, files);
    }
    for (const index of ['index.ts', 'index.js']) await collect(join(base, index), files);
  }
}
