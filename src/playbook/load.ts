import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { createJiti } from 'jiti';
import { VfleetError } from '../errors.ts';
import { isPlaybook, type Playbook } from './define.ts';

export interface LoadOptions {
  /** What `import … from 'vfleet'` gives to the playbook: the running package itself, wherever the file lies. */
  readonly api: Readonly<Record<string, unknown>>;
  /** Folder for transpiled playbooks; `false`: none is kept. */
  readonly cache: string | false;
}

/**
 * Loads a TypeScript playbook from anywhere on disk. Its types are not checked here (`tsc` does that), its syntax is.
 * Errors: `playbook.missing`, `playbook.load` (the playbook's own error, with file and line), `playbook.export`.
 */
export async function loadPlaybook(path: string, { api, cache }: LoadOptions): Promise<Playbook> {
  const file = resolve(path);
  if (!(await isFile(file))) {
    throw new VfleetError({
      code: 'playbook.missing',
      thing: path,
      expected: 'a playbook: a TypeScript file',
      found: 'no such file',
      next: 'name a file, or one of the shipped playbooks such as `passthrough`',
    });
  }
  // `virtualModules`, not `alias`: aliases match by prefix and would also catch `vfleet-something`.
  const jiti = createJiti(import.meta.url, {
    virtualModules: { vfleet: api },
    fsCache: cache,
    moduleCache: false,
    interopDefault: false,
  });
  const loaded = await importWith(jiti, file, path);
  const found = loaded.default;
  if (isPlaybook(found)) return found;
  throw new VfleetError({
    code: 'playbook.export',
    thing: path,
    expected: '`export default playbook({ … })`',
    found: found === undefined ? 'no default export' : `a default export of type ${typeof found}`,
    next: "import { playbook } from 'vfleet' and export what it returns",
  });
}

async function importWith(jiti: ReturnType<typeof createJiti>, file: string, path: string) {
  try {
    return await jiti.import<{ readonly default?: unknown }>(file);
  } catch (thrown) {
    throw new VfleetError({
      code: 'playbook.load',
      thing: path,
      expected: 'a playbook that loads',
      found: describe(thrown, file),
      next: 'correct the playbook',
      cause: thrown,
    });
  }
}

/** The message and the first position inside the playbook, which is where its author must look. */
function describe(thrown: unknown, file: string): string {
  if (!(thrown instanceof Error)) return String(thrown);
  const position = thrown.stack
    ?.split('\n')
    .find((line) => line.includes(file))
    ?.match(/:(\d+):(\d+)\)?$/);
  const message = thrown.message.split('\n')[0] ?? thrown.message;
  return position ? `${message} (line ${position[1]}, column ${position[2]})` : message;
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}
