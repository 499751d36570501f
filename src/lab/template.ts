import { chmod, copyFile, mkdir, readdir, readlink, symlink } from 'node:fs/promises';
import path from 'node:path';
import { VfleetError } from '../errors.ts';
import { starterOf } from './elf.ts';
import { execute } from './execute.ts';
import { findTools, type HostTool } from './host-tools.ts';

/** A file tree with this machine's shell, tools and libraries: copied once per lab, hard-linked into every node. */
export interface Template {
  readonly folder: string;
  /** Folders, parents first, relative to `folder`. */
  readonly folders: readonly string[];
  readonly files: readonly string[];
  readonly links: readonly { readonly path: string; readonly target: string }[];
}

/** The top folders that modern distributions keep in /usr. Nodes are merged whatever this machine is. */
const merged = ['bin', 'sbin', 'lib', 'lib64', 'lib32', 'libx32'];

/**
 * Copies the shell and the tools, with the libraries that their own loader names, to the same paths in `folder`.
 * `toolFolders`: where the tools are looked for. Errors: `lab.tool-missing`, `lab.library-missing`.
 */
export async function buildTemplate(folder: string, toolFolders?: readonly string[]): Promise<Template> {
  const tools = await findTools(toolFolders);
  for (const name of merged) {
    await mkdir(path.join(folder, 'usr', name), { recursive: true });
    await symlink(`usr/${name}`, path.join(folder, name));
  }
  const copies = new Map<string, string>();
  for (const tool of tools) copies.set(`usr/bin/${path.basename(tool.file)}`, tool.file);
  for (const file of await supportFiles(tools)) copies.set(treePath(file), file);
  for (const [target, source] of copies) await copyReadOnly(source, path.join(folder, target));
  for (const tool of tools) await nameTool(folder, tool, copies);
  return describeTemplate(folder);
}

/** A multi-call program (busybox, dash as sh) is one file, reached by the names that it answers to. */
async function nameTool(folder: string, tool: HostTool, copies: ReadonlyMap<string, string>): Promise<void> {
  if (copies.has(`usr/bin/${tool.name}`)) return;
  await symlink(path.basename(tool.file), path.join(folder, 'usr/bin', tool.name));
}

function treePath(file: string): string {
  const relative = file.replace(/^\/+/, '');
  const top = relative.split('/', 1)[0] ?? '';
  return merged.includes(top) ? `usr/${relative}` : relative;
}

async function copyReadOnly(source: string, target: string): Promise<void> {
  await mkdir(path.dirname(target), { recursive: true });
  await copyFile(source, target);
  await chmod(target, 0o555);
}

/** Everything that the tools need beside themselves: loaders, interpreters of scripts, libraries. */
async function supportFiles(tools: readonly HostTool[]): Promise<ReadonlySet<string>> {
  const support = new Set<string>();
  const seen = new Set<string>();
  const listed: { readonly loader: string; readonly file: string }[] = [];
  const queue = tools.map((tool) => tool.file);
  for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
    if (seen.has(file)) continue;
    seen.add(file);
    const starter = await starterOf(file);
    if (starter.kind === 'none') continue;
    support.add(starter.path);
    if (starter.kind === 'loader') listed.push({ loader: starter.path, file });
    else queue.push(starter.path);
  }
  for (const library of await libraries(listed)) support.add(library);
  return support;
}

/** Asks each program's own loader, as ldd(1) does, but needs neither ldd nor bash. Works with glibc and musl. */
const listScript = 'while [ $# -gt 1 ]; do "$1" --list "$2" 2>&1 || echo "vfleet-failed $2"; shift 2; done';

async function libraries(programs: readonly { loader: string; file: string }[]): Promise<readonly string[]> {
  const listing = await execute('/bin/sh', ['-c', listScript, 'sh', ...programs.flatMap((p) => [p.loader, p.file])]);
  const found: string[] = [];
  for (const line of listing.stdout.split('\n')) {
    if (/=> not found|^vfleet-failed /.test(line)) throw missingLibrary(line.trim());
    const file = /(?:=>\s+|^\s*)(\/\S+)\s+\(0x/.exec(line)?.[1];
    if (file !== undefined) found.push(file);
  }
  return [...new Set(found)];
}

function missingLibrary(line: string): VfleetError {
  return new VfleetError({
    code: 'lab.library-missing',
    thing: 'libraries of the tools that lab nodes run',
    expected: 'a path for each library',
    found: line,
    next: 'repair the package that the program belongs to',
  });
}

async function describeTemplate(folder: string): Promise<Template> {
  const folders: string[] = [];
  const files: string[] = [];
  const links: { path: string; target: string }[] = [];
  const walk = async (relative: string): Promise<void> => {
    for (const entry of await readdir(path.join(folder, relative), { withFileTypes: true })) {
      const name = path.join(relative, entry.name);
      if (entry.isSymbolicLink()) links.push({ path: name, target: await readlink(path.join(folder, name)) });
      else if (entry.isDirectory()) {
        folders.push(name);
        await walk(name);
      } else files.push(name);
    }
  };
  await walk('');
  return { folder, folders, files, links };
}
