import { parseArguments } from './arguments.ts';
import { type BlsFiles, blsFiles, blsPaths, cmdlinePath, configPathOf, environmentPathOf } from './bls-files.ts';
import { type BlsLine, blsLines, hasVariable } from './bls-line.ts';
import { defaultsPath, editPlaces, type PlaceEdit, standingInPlaces } from './bls-places.ts';
import { judgeBlsReadBack, readBlsBack } from './bls-read-back.ts';
import { syncBls } from './bls-sync.ts';
import { lineOf, outvotedNotes, refuseContradiction } from './contradiction.ts';
import type { BootDriver, BootInput, BootPlan } from './driver.ts';
import { parseEnvironment } from './grub-environment.ts';
import { type ArgumentWish, missingInOrder } from './wish.ts';

/**
 * Boot entries that GRUB's `blscfg` lists (EL8 and later, Fedora): arguments stand in each file of `/boot/loader/entries`, or
 * in the variable `kernelopts` of `grubenv` where an entry names it. They are edited there, and moreover where others take
 * them from: `/etc/kernel/cmdline` (kernels installed later) and `/etc/default/grub` (`grub2-mkconfig` of EL8 to EL 9.2). No
 * `grub.cfg` is written, so that no stub on an ESP can be overwritten, and `$tuned_params` stays tuned's.
 *
 * Power may be lost between two files. The default entry is written last: until then it boots as before. A file is replaced
 * by a rename, which is atomic but on vfat (EL8's `grubenv` on the ESP): where the name is lost for that moment, GRUB takes the
 * `kernelopts` that `grub.cfg` sets.
 */
export const bls: BootDriver = {
  loader: 'bls',
  generates: false,
  read: (facts) => ({ files: [defaultsPath, ...blsPaths(facts)] }),
  plan,
  standing: (input) => {
    const files = blsFiles(input);
    return standingInPlaces(input, files, blsLines(files));
  },
  regenerate: (facts) => syncBls(environmentPathOf(facts)),
  readBack: (facts) => readBlsBack(configPathOf(facts), environmentPathOf(facts)),
  judgeReadBack: judgeBlsReadBack,
};

function plan(wish: ArgumentWish, input: BootInput): BootPlan {
  const files = blsFiles(input);
  const edits = editPlaces(wish, input, files, blsLines(files));
  const lines = blsLines(edited(files, edits));
  for (const line of lines) refuseContradiction(wish, line.tokens, input.host);
  const chosen = lines.find((line) => line.default) ?? lines[0];
  return {
    files: edits
      .filter(({ after, text }) => after !== text)
      .map(({ path, before, after, encoding }) => ({ path, before, after, encoding })),
    ownedTokens: Object.fromEntries(edits.map((edit) => [edit.path, ownedOf(wish, edit)])),
    added: unique(edits.flatMap((edit) => edit.added)),
    removed: unique(edits.flatMap((edit) => edit.removed)),
    notes: unique([...edits.flatMap((edit) => edit.notes), ...notesOf(wish, input, files, lines, edits)]),
    line: chosen === undefined || chosen.tokens.some((token) => token.opaque) ? null : lineOf(chosen.tokens),
  };
}

/** The files as they would be. */
function edited(files: BlsFiles, edits: readonly PlaceEdit[]): BlsFiles {
  const after = (path: string, text: string): string => edits.find((edit) => edit.path === path)?.after ?? text;
  const { environment } = files;
  const text = environment === null ? '' : after(environment.path, environment.text);
  return {
    ...files,
    environment: environment && { ...environment, text, block: parseEnvironment(environment.path, text) },
    entries: files.entries.map((entry) => ({ ...entry, text: after(entry.path, entry.text) })),
  };
}

function ownedOf(wish: ArgumentWish, { owned, added }: PlaceEdit): readonly string[] {
  return wish.present.filter((token) => owned.includes(token) || added.includes(token));
}

function notesOf(
  wish: ArgumentWish,
  { facts, state }: BootInput,
  files: BlsFiles,
  lines: readonly BlsLine[],
  edits: readonly PlaceEdit[],
): readonly string[] {
  const unknown = lines.flatMap((line) => line.tokens.filter((token) => token.opaque));
  const running = parseArguments(facts.boot.running).map((argument) => argument.token);
  const isMissing = missingInOrder(wish, running).length > 0;
  const stillRun = unique(edits.flatMap((edit) => edit.removed)).filter((token) => running.includes(token));
  const own = !lines.some((line) => hasVariable(line, 'kernelopts')) && state.file(cmdlinePath).kind === 'absent';
  return [
    ...lines.flatMap((line) => {
      const places = [line.path, ...(hasVariable(line, 'kernelopts') ? [files.environment?.path] : [])];
      const added = edits.flatMap((edit) => (places.includes(edit.path) ? edit.added : []));
      return outvotedNotes(wish, added, line.tokens);
    }),
    ...unknown.map(({ path, line, text }) => `${path}:${line} nobody can tell what ${text} stands for`),
    ...(own && files.vendorCmdline
      ? [
          'a kernel that is installed later takes the arguments of /usr/lib/kernel/cmdline, and lacks these until the next run',
        ]
      : []),
    ...(own && !files.vendorCmdline && isMissing
      ? [
          `there is no ${cmdlinePath}: a kernel that is installed before the reboot takes the running arguments, and lacks these`,
        ]
      : []),
    ...(own && !files.vendorCmdline && stillRun.length > 0
      ? [
          `there is no ${cmdlinePath}: a kernel that is installed before the reboot takes the running arguments, ${stillRun.join(' ')} among them`,
        ]
      : []),
  ];
}

function unique(values: readonly string[]): readonly string[] {
  return [...new Set(values)];
}
