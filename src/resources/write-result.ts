import type { Output } from '../shell/shell.ts';
import type { Action } from './resource.ts';
import { exits } from './write-functions.ts';

/** How a write script ended. */
export type WriteResult =
  /** All is written, all scripts ran. */
  | { readonly kind: 'done'; readonly written: readonly string[]; readonly notes: readonly string[] }
  /** Another run holds the lock. Nothing was written. */
  | { readonly kind: 'locked' }
  /** These paths or globs are not as they were read. Nothing was written. */
  | { readonly kind: 'changed'; readonly paths: readonly string[] }
  /** A step failed; `written` are the files that are new all the same, mostly none. */
  | {
      readonly kind: 'failed';
      readonly step: string;
      readonly path: string;
      readonly reason: string;
      readonly written: readonly string[];
    }
  /** All files are written; the script of an action failed. */
  | {
      readonly kind: 'run-failed';
      readonly label: string;
      readonly code: number;
      readonly output: string;
      readonly written: readonly string[];
    };

/** What a write script printed. Pure; an ending that the script does not know is `failed`. */
export function parseWrite(output: Output, actions: readonly Action[]): WriteResult {
  const text = (key: string): string => output.sections.get(key)?.toString('utf8') ?? '';
  const list = (key: string): readonly string[] => text(key).split('\0').filter(Boolean);
  const written = list('done');
  if (output.code === 0 && output.sections.has('end')) {
    return { kind: 'done', written, notes: text('notes').split('\n').filter(Boolean) };
  }
  if (output.code === exits.locked && output.sections.has('locked')) return { kind: 'locked' };
  if (output.code === exits.changed && output.sections.has('changed'))
    return { kind: 'changed', paths: list('changed') };
  if (output.code === exits.run) {
    const runs = actions.filter((action) => action.kind === 'run');
    const last = runs.findLastIndex((_, index) => output.sections.has(`code ${index}`));
    const label = runs[last]?.label ?? 'a script';
    return { kind: 'run-failed', label, code: Number(text(`code ${last}`)), output: text(`run ${last}`), written };
  }
  const [step = '', path = ''] = (text('failed') || 'end').split('\n');
  const said = output.stderr.trim().split('\n').at(-1) ?? '';
  return { kind: 'failed', step: steps[step] ?? step, path, reason: reasonOf(step, said, output.code), written };
}

const steps: Readonly<Record<string, string>> = {
  tool: 'look for a tool',
  folder: 'make a folder',
  lock: 'open the lock',
  backup: 'make a backup',
  write: 'write the new file beside the old one',
  owner: 'set the owner',
  mode: 'set the mode',
  sync: 'sync the new files to disk',
  record: 'put the record in place',
  replace: 'put the new file in place',
  remove: 'remove the file',
  end: 'reach the end of the script',
};

function reasonOf(step: string, said: string, code: number): string {
  if (step === 'tool') return 'it is not installed';
  // The printf of some shells keeps silent about a short write; the digest of the file tells.
  return said || (step === 'write' ? 'it could not be written whole: is the disk full?' : `exit code ${code}`);
}
