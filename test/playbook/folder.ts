import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll } from 'vitest';
import { VfleetError } from '../../src/errors.ts';

const folders: string[] = [];

afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** A folder with these files, outside of any package, removed after the test file. */
export function folderOf(files: Readonly<Record<string, string>>): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'vfleet-playbook-')));
  folders.push(folder);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

/** The error of ours that something ends in. */
export async function errorOf(act: () => unknown): Promise<VfleetError> {
  try {
    await act();
  } catch (thrown) {
    if (thrown instanceof VfleetError) return thrown;
    throw thrown;
  }
  throw new Error('nothing was thrown');
}
