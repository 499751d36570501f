import { createHash } from 'node:crypto';
import { joinScripts, raw, type Script, sh } from '../shell/script.ts';
import { fingerprintFunctions } from './fingerprint.ts';
import type { Seen } from './read-batch.ts';
import type { Action } from './resource.ts';
import { exits, writeFunctions } from './write-functions.ts';

interface Write {
  /** What the read script saw: on any difference nothing is written. */
  readonly guards: Seen;
  /** All files are replaced first, all at once as far as a file system can; then scripts run, in order. */
  readonly actions: readonly Action[];
  /** Judges, before anything else, whether this run may work on the host; it ends the script where not. Default: it may. */
  readonly admission?: Script | undefined;
  /** Text of `state.json`, which is in place before the first file is replaced. */
  readonly record: string;
  /** Text that takes the place of `record` once all files are replaced. Default: it stays. */
  readonly recordAfter?: string | undefined;
  /** `/var/lib/vfleet`: holds the record and the lock. */
  readonly stateFolder: string;
  /** Each file that is replaced or removed is first copied below it, once. */
  readonly backupFolder: string;
  /** Kept beside the backups: what the run is. Default: nothing. */
  readonly about?: string | undefined;
}

type FileWrite = Extract<Action, { kind: 'write' | 'restore' }>;

/**
 * One script that writes everything, or nothing: it takes the host lock, compares the guards, makes the backups, prepares
 * and syncs all new files beside their targets, puts the record in place, and only then renames.
 */
export function writeScript(write: Write): Script {
  const { guards, actions, record, recordAfter, stateFolder, backupFolder, about, admission = raw(':') } = write;
  const writes = actions.filter((action) => action.kind === 'write' || action.kind === 'restore');
  const removes = actions.filter((action) => action.kind === 'remove');
  const runs = actions.filter((action) => action.kind === 'run');
  const recordPath = `${stateFolder}/state.json`;
  const recordTemp = tempOf(recordPath);
  const lastTemp = `${recordTemp}-last`;
  const last = recordAfter === undefined ? [] : [lastTemp];
  const temps = [recordTemp, ...last, ...writes.map((write) => tempOf(write.path))];
  const replaced = [...writes, ...removes].map((action) => action.path);
  return joinScripts([
    fingerprintFunctions,
    writeFunctions,
    sh`
state=${stateFolder}
backup=${backupFolder}
undo() {
  [ -n "$locked" ] || return 0
  rm -f ${temps}
  printf %s "$made" | while IFS= read -r folder; do rmdir "$folder" 2>/dev/null; done
}
open_lock`,
    // Before the lock: while somebody's job holds that, who it is stands in the lease.
    admission,
    raw('take_lock'),
    ...[...guards.files].map(([path, print]) => sh`guard ${path} ${print}`),
    ...[...guards.globs].map(([glob, matches]) => guardGlob(glob, matches)),
    raw('judge_guards'),
    ...replaced.map((path) => sh`keep ${path} ${folderOf(path)}`),
    about === undefined ? raw(':') : sh`tell ${about}`,
    sh`prepare ${recordPath} ${recordTemp} 0600 '' ${digestOf(Buffer.from(record))} %s ${record}`,
    recordAfter === undefined
      ? raw(':')
      : sh`prepare ${recordPath} ${lastTemp} 0600 '' ${digestOf(Buffer.from(recordAfter))} %s ${recordAfter}`,
    ...[...new Set(writes.flatMap((write) => foldersOf(write.path)))].map((folder) => sh`make_folder ${folder}`),
    ...writes.map(prepare),
    sh`
flush ${temps}
mv -f ${recordTemp} ${recordPath} || fail ${exits.untouched} record ${recordPath}
sync ${stateFolder}
begin`,
    ...writes.map((write) => sh`replace ${tempOf(write.path)} ${write.path}`),
    ...removes.map(
      ({ path, folders = [] }) => sh`rm -f ${path} || fail ${exits.partly} remove ${path}
section ${'done'}; printf '%s\\0' ${path}
leave ${folders.toReversed()}`,
    ),
    replaced.length === 0 ? raw(':') : sh`settle_folders ${[...new Set(replaced.map(folderOf))]}`,
    recordAfter === undefined
      ? raw(':')
      : sh`
mv -f ${lastTemp} ${recordPath} || fail ${exits.partly} record ${recordPath}
sync ${stateFolder}`,
    raw('umask 022\ntrap - HUP INT TERM PIPE'),
    ...runs.map((action, index) => run(action.script, index)),
    raw('section end'),
  ]);
}

function guardGlob(glob: string, matches: readonly string[]): Script {
  return sh`
found=
for f in ${raw(glob)}; do if [ -e "$f" ] || [ -h "$f" ]; then found="$found$f
"; fi; done
[ "$found" = ${matches.map((path) => `${path}\n`).join('')} ] || differs ${glob}`;
}

function prepare(write: FileWrite): Script {
  if (write.kind === 'restore')
    return sh`prepare_copy ${write.path} ${tempOf(write.path)} ${write.mode} ${write.owner} ${write.sha256} ${write.from}`;
  const { path, mode, owner, text } = write;
  const bytes = Buffer.from(text, write.encoding ?? 'utf8');
  const [format, argument] = write.encoding === 'latin1' ? ['%b', escaped(bytes)] : ['%s', text];
  return sh`prepare ${path} ${tempOf(path)} ${mode} ${owner} ${digestOf(bytes)} ${format} ${argument}`;
}

/** Bytes for `printf %b`, which reads `\0ooo` (POSIX.1-2017, XCU printf). */
function escaped(bytes: Buffer): string {
  return [...bytes]
    .map((byte) =>
      byte < 0x80 && byte !== 0x5c ? String.fromCharCode(byte) : `\\0${byte.toString(8).padStart(3, '0')}`,
    )
    .join('');
}

function run(script: Script, index: number): Script {
  // What it starts must not hold the lock after us.
  return sh`
section ${`run ${index}`}
(
${script}
) 2>&1 9>&-
code=$?
section ${`code ${index}`}; printf %s "$code"
[ "$code" = 0 ] || exit ${exits.run}`;
}

/** Hidden, and with an ending that no tool which reads a folder of `*.conf` or `*.cfg` files takes for one of them. */
function tempOf(path: string): string {
  return path.replace(/([^/]*)$/, '.$1.vfleet-new');
}

function folderOf(path: string): string {
  return path.replace(/\/[^/]*$/, '') || '/';
}

/** All folders above a path, the top one first. */
function foldersOf(path: string): readonly string[] {
  const parts = folderOf(path).split('/').filter(Boolean);
  return parts.map((_, index) => `/${parts.slice(0, index + 1).join('/')}`);
}

function digestOf(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
