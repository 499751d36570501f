import { decode } from '../boot/source-text.ts';
import { VfleetError } from '../errors.ts';
import type { Facts } from '../facts/facts.ts';
import { moduleState } from '../facts/modules.ts';
import { raw, type Script, sh } from '../shell/script.ts';
import { render } from '../template/template.ts';
import { diffOf } from './diff.ts';
import type { Effect } from './effect.ts';
import { hasLine, splitLines, withoutLines } from './lines.ts';
import type { Adopted, Change, ChangeContext, FileState, Resource, State } from './resource.ts';
import { sharedLines } from './shared-lines.ts';

const unit = 'systemd-modules-load.service';

/** Lines of these modules are the guide's, whoever wrote them; where the kernel lacks the module they only do harm. */
const guided: readonly string[] = ['vfio', 'vfio_iommu_type1', 'vfio_pci', 'vfio_virqfd'];

/**
 * Kernel modules that are loaded at every boot, and now: lines of `/etc/modules-load.d/NAME`. Comments and other lines of
 * an existing file stay byte for byte; a line of a VFIO module that the kernel which will boot lacks is removed, because it
 * makes `systemd-modules-load` fail (modules-load.d(5)). Errors (`VfleetError`): `modules.invalid` at once;
 * `modules.absent`, `modules.type` on a host.
 *
 * @example
 * modulesToLoad('vfio.conf', vfioModules(host.facts))
 */
export function modulesToLoad(name: string, modules: readonly string[]): Resource {
  refuseArguments(name, modules);
  const path = `/etc/modules-load.d/${name}`;
  const resource = `modules to load ${name}`;
  return {
    kind: 'modules to load',
    name: resource,
    read: (facts) => ({
      files: [path],
      probes: { loaded: loadedProbe(modules.filter((module) => isUnknown(facts, module))) },
    }),
    change: (state, context) => change({ resource, path, modules }, state, context),
    wants: () => ({ modules }),
  };
}

interface Wish {
  readonly resource: string;
  readonly path: string;
  readonly modules: readonly string[];
}

function change({ resource, path, modules }: Wish, state: State, context: ChangeContext): Change | null {
  const { host, facts, ownedLines = {} } = context;
  const before = state.file(path);
  refuseState(path, before, modules, facts, host);
  const { text: old, encoding } =
    before.kind === 'file' ? decode(before.bytes) : { text: '', encoding: 'utf8' as const };
  const owned = ownedLines[path] ?? [];
  const { text, added } = edit(old, modules, owned, facts);
  const taken = adoptedLines(path, old, modules, context).filter((line) => hasLine(text, line));
  const shared = sharedLines(path, { old, text }, (line) => isWished(modules, line), context);
  const running = new Set(state.probe('loaded').stdout.split('\n'));
  const toLoad = modules.filter((module) => canBeLoadedNow(facts, module) && !running.has(module));
  const effects: Effect[] =
    toLoad.length === 0 ? [] : [{ kind: 'service', reason: `${toLoad.join(', ')} not loaded`, unit }];
  const becomes = taken.length > 0 || shared.summary !== null;
  if (text === old && before.kind === 'file' && effects.length === 0 && !becomes) return null;
  const written = text !== old || before.kind === 'absent';
  const own = [...owned.filter((line) => hasLine(text, line)), ...shared.lines, ...taken, ...added];
  const { mode, owner } = before.kind === 'file' ? before : { mode: '0644', owner: 'root:root' };
  return {
    resource,
    summary: [
      ...summaryOf(written ? modules : [], toLoad, taken),
      ...(shared.summary === null ? [] : [shared.summary]),
    ].join(', '),
    diffs: written ? [diffOf(path, before, { bytes: Buffer.from(text, encoding), mode, owner })] : [],
    actions: written ? [{ kind: 'write', path, text, mode, owner, ...(encoding === 'latin1' && { encoding }) }] : [],
    effects,
    notes: kernelNotes(modules, facts),
    owns: 'parts',
    ...((written || becomes) && { ownedLines: { [path]: own } }),
    ...(shared.summary !== null && { shares: shared.files }),
    ...(taken.length > 0 && { adopts: [adoptedFile(path, old, [...owned, ...taken])] }),
  };
}

function summaryOf(atBoot: readonly string[], now: readonly string[], taken: readonly string[]): readonly string[] {
  const load =
    atBoot.length > 0 ? [`load ${atBoot.join(' ')} at boot`] : now.length > 0 ? [`load ${now.join(' ')} now`] : [];
  return [...load, ...(taken.length > 0 ? [`take over ${taken.join(' ')} as they stand there`] : [])];
}

/** Lines of wished modules that stand there, and that nobody of ours owns, where they are to be taken over. */
function adoptedLines(
  path: string,
  old: string,
  modules: readonly string[],
  { adopt }: ChangeContext,
): readonly string[] {
  if (adopt === undefined || adopt.files.has(path)) return [];
  const known = adopt.lines.flatMap((byPath) => byPath[path] ?? []);
  const lines = splitLines(old).map((line) => line.replace(/\r?\n$/, ''));
  return lines.filter((line) => modules.some((module) => same(module, moduleOf(line))) && !known.includes(line));
}

/** Where every line is ours, nothing is left of the file without them. */
function adoptedFile(path: string, old: string, own: readonly string[]): Adopted {
  const original = withoutLines(old, own).trim() === '' ? 'absent' : 'unknown';
  return { path, owns: 'parts', original, effects: [] };
}

/**
 * The text with what is missing at its end, without own lines that are not wished any more, and without lines that name a
 * VFIO module which the kernel lacks.
 */
function edit(
  old: string,
  modules: readonly string[],
  owned: readonly string[],
  facts: Facts,
): { readonly text: string; readonly added: readonly string[] } {
  const stale = owned.filter((line) => !modules.some((module) => same(module, moduleOf(line))));
  const lines = splitLines(withoutLines(old, stale)).filter((line) => {
    const named = moduleOf(line);
    const wished = modules.some((module) => same(module, named));
    return wished || !guided.some((module) => same(module, named)) || moduleState(facts, named).next !== 'absent';
  });
  const missing = modules.filter((module) => !lines.some((line) => same(module, moduleOf(line))));
  const kept = lines.join('');
  if (missing.length === 0) return { text: kept, added: [] };
  const gap = kept === '' || kept.endsWith('\n') ? '' : '\n';
  const added = render('modules-load.conf.hbs', { modules: missing });
  return { text: `${kept}${gap}${added}`, added: added.split('\n').filter(Boolean) };
}

/** Which kernel it was decided for, where that is not the one that runs, or not known. */
function kernelNotes(modules: readonly string[], facts: Facts): readonly string[] {
  const { running, next } = facts.kernel;
  if (next === running) return [];
  if (next === null) return [`which kernel will boot is not known: taken for ${running}, which runs now`];
  const later = modules.filter((module) => moduleState(facts, module).running === 'absent');
  const notNow = later.length === 0 ? '' : `; ${later.join(', ')}: not loaded now, as ${running} has no such module`;
  return [`decided for ${next}, the kernel that will boot (${running} runs now)${notNow}`];
}

function isWished(modules: readonly string[], line: string): boolean {
  return modules.some((module) => same(module, moduleOf(line)));
}

/** The module that a line names; empty for comments and blank lines (modules-load.d(5)). */
function moduleOf(line: string): string {
  const text = line.trim();
  return /^[#;]/.test(text) ? '' : text;
}

function same(one: string, other: string): boolean {
  return one.replaceAll('-', '_') === other.replaceAll('-', '_');
}

/** Facts do not say; the probe does. */
function isUnknown(facts: Facts, module: string): boolean {
  return moduleState(facts, module).running === null;
}

/** Where only the kernel that will boot has a module, there is nothing to load now. */
function canBeLoadedNow(facts: Facts, module: string): boolean {
  const { running } = moduleState(facts, module);
  return running === 'available' || running === null;
}

/** Prints those of the modules that are loaded or built in. */
function loadedProbe(modules: readonly string[]): Script {
  if (modules.length === 0) return raw(':');
  return sh`
for module in ${modules.map((module) => module.replaceAll('-', '_'))}; do
  pattern=$(printf %s "$module" | sed 's/_/[-_]/g')
  if [ -d "/sys/module/$module" ] || grep -qs "/$pattern\\.ko" "/lib/modules/$(uname -r)/modules.builtin"; then
    echo "$module"
  fi
done`;
}

function refuseArguments(name: string, modules: readonly string[]): void {
  if (!/^[\w][\w.-]*\.conf$/.test(name)) {
    throw invalid(JSON.stringify(name), 'the name of a file that ends in .conf', 'another text');
  }
  const wrong = modules.find((module) => !/^\w[\w-]*$/.test(module));
  if (wrong !== undefined) throw invalid(name, 'names of modules', JSON.stringify(wrong));
}

function invalid(thing: string, expected: string, found: string): VfleetError {
  const next = 'correct the playbook';
  return new VfleetError({ code: 'modules.invalid', thing: `modules to load ${thing}`, expected, found, next });
}

function refuseState(path: string, before: FileState, modules: readonly string[], facts: Facts, host: string): void {
  if (before.kind === 'other') {
    const next = 'move it away; nothing was changed';
    throw new VfleetError({
      code: 'modules.type',
      host,
      thing: path,
      expected: 'a regular file',
      found: before.type,
      next,
    });
  }
  const absent = modules.find((module) => moduleState(facts, module).next === 'absent');
  if (absent === undefined) return;
  throw new VfleetError({
    code: 'modules.absent',
    host,
    thing: `module ${absent}`,
    expected: 'a module of the kernel that will boot',
    found: `no such module in ${facts.kernel.next ?? 'it'}`,
    next: absent === 'vfio_virqfd' ? 'use vfioModules(host.facts)' : 'install the package that holds it, or drop it',
  });
}
