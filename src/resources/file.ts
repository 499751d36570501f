import { VfleetError } from '../errors.ts';
import { render, type Template, type TemplateData } from '../template/template.ts';
import { diffOf, type Wished } from './diff.ts';
import type { Effect } from './effect.ts';
import { defaultEffects } from './places.ts';
import type { Change, ChangeContext, Resource, State } from './resource.ts';
import { togetherWith } from './shared-tokens.ts';

export interface FileOptions {
  /** Three or four octal digits. Default: as it is; `0644` for a new file. */
  readonly mode?: string;
  /** `user:group`. Default: as it is; `root:root` for a new file. */
  readonly owner?: string;
  /** What a change makes due. Default: what is known of the place, such as `/etc/modprobe.d`; elsewhere nothing. */
  readonly effects?: readonly Effect[];
}

/** The text of a file, or the template that makes it. */
export type FileContent = string | { readonly template: Template; readonly data: TemplateData };

/**
 * A whole file. What stood there before is shown in the diff and backed up; folders above it are made. Errors
 * (`VfleetError`): `file.invalid` at once; those of `render`; `file.type` on a host where something else is at the path.
 *
 * @example
 * file('/etc/modprobe.d/kvm.conf', 'options kvm ignore_msrs=1\n')
 */
export function file(path: string, content: FileContent, options: FileOptions = {}): Resource {
  refuseArguments(path, content, options);
  const name = `file ${path}`;
  return {
    kind: 'file',
    name,
    read: () => ({ files: [path] }),
    change: (state, context) => change({ path, name, content, options }, state, context),
  };
}

interface Wish {
  readonly path: string;
  readonly name: string;
  readonly content: FileContent;
  readonly options: FileOptions;
}

function change({ path, name, content, options }: Wish, state: State, context: ChangeContext): Change | null {
  const { host } = context;
  const before = state.file(path);
  if (before.kind === 'other') {
    throw new VfleetError({
      code: 'file.type',
      host,
      thing: path,
      expected: 'a regular file, or nothing',
      found: before.type,
      next: 'move it away, or name the file that it leads to; nothing was changed',
    });
  }
  const text = typeof content === 'string' ? content : render(content.template, content.data, { host });
  const old = before.kind === 'file' ? before : { mode: '0644', owner: 'root:root' };
  const wished: Wished = {
    bytes: Buffer.from(text),
    mode: options.mode?.padStart(4, '0') ?? old.mode,
    owner: options.owner ?? old.owner,
  };
  const sameText = before.kind === 'file' && before.bytes.equals(wished.bytes);
  const effects = options.effects ?? defaultEffects(path);
  if (sameText && wished.mode === old.mode && wished.owner === old.owner) return owned(path, name, effects, context);
  const { mode, owner } = wished;
  return {
    resource: name,
    summary:
      before.kind === 'absent'
        ? `create ${path}`
        : sameText
          ? `${path}: mode ${mode}, owner ${owner}`
          : `change ${path}`,
    diffs: [diffOf(path, before, wished)],
    actions: [{ kind: 'write', path, text, mode, owner }],
    effects,
    notes: [],
  };
}

/** Nothing is to be written; it may be ours already, or become so. */
function owned(
  path: string,
  resource: string,
  effects: readonly Effect[],
  { adopt, shared }: ChangeContext,
): Change | null {
  const nothing = { resource, diffs: [], actions: [], effects: [], notes: [] };
  const others = shared?.files.get(path);
  if (others?.whole) return { ...nothing, summary: `own ${path} ${togetherWith(others.playbooks)}`, shares: [path] };
  if (adopt === undefined || adopt.files.has(path)) return null;
  const adopts = [{ path, owns: 'whole', original: 'unknown', effects } as const];
  return { ...nothing, summary: `take over ${path} as it is`, adopts };
}

function refuseArguments(path: string, content: FileContent, { mode, owner }: FileOptions): void {
  if (!/^(?:\/[^/]+)+$/.test(path) || /\p{Cc}|[*?[]|\/\.{1,2}(?:\/|$)/u.test(path)) {
    throw invalid(
      JSON.stringify(path),
      'the absolute path of a file, with no "..", control character or glob',
      'another text',
    );
  }
  if (typeof content === 'string' && content.includes('\0')) throw invalid(path, 'text', 'a NUL character in it');
  if (mode !== undefined && !/^[0-7]{3,4}$/.test(mode)) throw invalid(path, 'a mode as 0644', JSON.stringify(mode));
  if (owner !== undefined && !/^[\w.-]+\$?:[\w.-]+$/.test(owner)) {
    throw invalid(path, 'an owner as root:root', JSON.stringify(owner));
  }
}

function invalid(thing: string, expected: string, found: string): VfleetError {
  return new VfleetError({
    code: 'file.invalid',
    thing: `file ${thing}`,
    expected,
    found,
    next: 'correct the playbook',
  });
}
