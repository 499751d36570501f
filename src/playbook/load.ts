import { stat } from 'node:fs/promises';
import { extname, resolve } from 'node:path';
import { createJiti } from 'jiti';
import { VfleetError } from '../errors.ts';
import { didYouMean } from '../nearest.ts';
import { isPlaybook, type Playbook } from './define.ts';
import { guard } from './guard.ts';
import { positionOf } from './position.ts';

export interface LoadOptions {
  /** What `import … from 'vfleet'` gives to the playbook: the running package itself, wherever the file lies. */
  readonly api: Readonly<Record<string, unknown>>;
  /** Folder for transpiled playbooks; `false`: none is kept. */
  readonly cache: string | false;
  /** Names of playbooks that come with the package, for messages. */
  readonly shipped?: readonly string[];
}

const extensions: readonly string[] = ['.ts', '.mts', '.js', '.mjs'];

/**
 * Loads a TypeScript playbook from anywhere on disk. Its types are not checked here (`tsc` does that), its syntax is.
 * Errors: `playbook.missing`, `playbook.load` (the playbook's own error, with file and line), `playbook.export`; of its
 * functions, when they run: `playbook.threw`, `playbook.not-awaited`.
 */
export async function loadPlaybook(path: string, { api, cache, shipped = [] }: LoadOptions): Promise<Playbook> {
  const file = resolve(path);
  await requireFile(path, file, shipped);
  // `virtualModules`, not `alias`: aliases match by prefix and would also catch `vfleet-something`.
  const jiti = createJiti(import.meta.url, {
    virtualModules: { vfleet: api },
    fsCache: cache,
    moduleCache: false,
    interopDefault: false,
  });
  const loaded = await importWith(jiti, file, path, api);
  const found = loaded.default;
  if (isPlaybook(found)) return guard(found, path);
  throw new VfleetError({
    code: 'playbook.export',
    thing: path,
    expected: '`export default playbook({ … })`',
    found: found === undefined ? 'no default export' : `a default export of type ${typeof found}`,
    next: "import { playbook } from 'vfleet' and export what it returns",
  });
}

async function requireFile(path: string, file: string, shipped: readonly string[]): Promise<void> {
  const found = await kindOf(file);
  if (found === 'file' && extensions.includes(extname(file))) return;
  const others = shipped.length === 0 ? '' : `, or a playbook that comes with vfleet: ${shipped.join(', ')}`;
  throw new VfleetError({
    code: 'playbook.missing',
    thing: path,
    expected: `a playbook: a TypeScript file${others}`,
    found: found === 'file' ? `a file that does not end in ${extensions.join(', ')}` : await hint(path, found, shipped),
    next: found === 'file' ? 'name it so' : 'correct the name',
  });
}

async function hint(path: string, found: string, shipped: readonly string[]): Promise<string> {
  const beside = (await kindOf(resolve(`${path}.ts`))) === 'file' ? `, did you mean "${path}.ts"?` : '';
  return `${found}${beside || didYouMean(path, shipped)}`;
}

async function kindOf(path: string): Promise<string> {
  try {
    const found = await stat(path);
    if (found.isFile()) return 'file';
    return found.isDirectory() ? 'a folder' : 'something that is no file';
  } catch (thrown) {
    const code = thrown instanceof Error && 'code' in thrown ? thrown.code : '';
    return code === 'ENOENT' || code === 'ENOTDIR' ? 'no such file' : `that it cannot be read (${String(code)})`;
  }
}

async function importWith(jiti: ReturnType<typeof createJiti>, file: string, path: string, api: LoadOptions['api']) {
  try {
    return await jiti.import<{ readonly default?: unknown }>(file);
  } catch (thrown) {
    const { place, message } = describe(thrown, path, api);
    throw new VfleetError({
      code: 'playbook.load',
      thing: place,
      expected: 'a playbook that loads',
      found: message,
      next: 'correct the playbook',
      cause: thrown,
    });
  }
}

/** Where the author must look, and what is wrong there. */
function describe(thrown: unknown, path: string, api: LoadOptions['api']): { place: string; message: string } {
  if (!(thrown instanceof Error)) return { place: path, message: String(thrown) };
  // jiti has the place of a syntax error in the message's second line.
  const syntax = /^(?:ParseError: )?(?<what>.*?)\s*\n\s*(?<place>\/.+:\d+:\d+)$/.exec(thrown.message)?.groups;
  if (syntax !== undefined) return { place: syntax['place'] ?? path, message: syntax['what'] ?? thrown.message };
  const position = positionOf(thrown);
  const place = position === null ? path : `${position.file}:${position.line}`;
  const [message = ''] = thrown.message.split('\n');
  const unknown = /^\(0 , _vfleet\.(?<name>\w+)\) is not a function$/.exec(message)?.groups?.['name'];
  if (unknown === undefined) return { place, message };
  return { place, message: `that vfleet exports no ${unknown}${didYouMean(unknown, Object.keys(api))}` };
}
