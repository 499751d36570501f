import { parseArguments } from '../boot/arguments.ts';
import { parseEnvironment, printEnvironment, variableOf, withVariable } from '../boot/grub-environment.ts';
import { isEntry } from '../boot/owned.ts';
import { VfleetError } from '../errors.ts';
import type { FileState } from '../resources/resource.ts';
import { joinScripts, type Script, sh } from '../shell/script.ts';

type RegularFile = Extract<FileState, { kind: 'file' }>;

/** Prints those of the boot entries, by the path where they stood, whose kernel is gone. `kept`: path and backup of each. */
export function goneKernels(kept: readonly (readonly [string, string])[]): Script {
  const entries = kept.filter(([path]) => isEntry(path));
  if (entries.length === 0) return sh`:`;
  return joinScripts(
    entries.map(([path, backup]) => {
      const top = path.replace(/\/loader\/entries\/[^/]+$/, '');
      // The path of an image is that on its partition.
      return sh`
image=$(sed -n 's/^[[:space:]]*linux[[:space:]][[:space:]]*\\([^[:space:]]*\\).*/\\1/p' ${backup} 2>/dev/null | head -n 1)
if [ -n "$image" ] && ! [ -e ${top}"/$image" ] && ! [ -e "/boot/$image" ] && ! [ -e "/$image" ]; then echo ${path}; fi`;
    }),
  );
}

/**
 * The `grubenv` that is to be put back: as it is now, with the `kernelopts` of the backup, as whatever else GRUB keeps there
 * (`saved_entry`, boots that are counted) is of today. `null`: one of them is none, or has no `kernelopts`.
 */
export function withOldArguments(path: string, now: FileState, backup: RegularFile): RegularFile | null {
  if (now.kind !== 'file') return null;
  try {
    const block = parseEnvironment(path, now.bytes.toString('latin1'));
    const old = variableOf(parseEnvironment(path, backup.bytes.toString('latin1')), 'kernelopts');
    if (old === null || variableOf(block, 'kernelopts') === null) return now;
    const text = printEnvironment(withVariable(block, 'kernelopts', old.value));
    return { ...now, bytes: Buffer.from(text, 'latin1') };
  } catch (thrown) {
    if (thrown instanceof VfleetError) return null;
    throw thrown;
  }
}

/** Arguments that run, and that stood in files which are restored to what has them nowhere. Pure. */
export function lostByRestore(
  running: string,
  files: readonly { readonly now: FileState; readonly backup: FileState }[],
): readonly string[] {
  const before = new Set(files.flatMap(({ now }) => wordsOf(now)));
  const after = new Set(files.flatMap(({ backup }) => wordsOf(backup)));
  const tokens = parseArguments(running).map(({ token }) => token);
  return tokens.filter((token) => before.has(token) && !after.has(token));
}

/** What may be an argument, in whatever syntax the file is. */
function wordsOf(file: FileState): readonly string[] {
  return file.kind === 'file' ? file.bytes.toString('latin1').split(/[\s"']+/) : [];
}

/** Whether a file is GRUB's environment block. */
export function isEnvironment(path: string): boolean {
  return path.endsWith('/grubenv');
}
