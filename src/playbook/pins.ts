import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';

/** SHA-256 of a text or of bytes, in hex. */
export function sha256(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}

/**
 * A digest of a playbook and of every file that it imports by a relative path, so that a saved plan is not applied by
 * another playbook than the one that made it.
 */
export async function digestPlaybook(path: string): Promise<string> {
  const files = new Map<string, string>();
  await collect(resolve(path), files);
  const names = [...files.keys()].sort();
  // Relative order and content count, not where the folder lies.
  return sha256(names.map((name) => `${name.slice(dirname(resolve(path)).length)} ${files.get(name)}`).join('\n'));
}

/** A digest of every file below a folder: the templates. */
export async function digestFolder(folder: string): Promise<string> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const lines = await Promise.all(
    files.sort().map(async (file) => `${file.slice(folder.length)} ${sha256(await readFile(file))}`),
  );
  return sha256(lines.join('\n'));
}

async function collect(file: string, files: Map<string, string>): Promise<void> {
  if (files.has(file)) return;
  const text = await readFile(file, 'utf8').catch(() => null);
  if (text === null) return;
  files.set(file, sha256(text));
  const imports = [...text.matchAll(/\b(?:from|import)\s*\(?\s*['"](\.{1,2}\/[^'"]+)['"]/g)].map(
    (match) => match[1] ?? '',
  );
  for (const target of imports) {
    const base = resolve(dirname(file), target);
    for (const candidate of [base, base.replace(/\.js$/, '.ts'), `${base}.ts`]) await collect(candidate, files);
  }
}
