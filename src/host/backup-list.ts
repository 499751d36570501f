import { VfleetError } from '../errors.ts';
import { parseRead, readScript } from '../resources/batch.ts';
import type { Read } from '../resources/resource.ts';
import { type Script, sh } from '../shell/script.ts';
import { aboutFile, type Backup, parseAbout, timeOf, toPrune } from './backup.ts';
import { runHeld } from './hold.ts';
import { recordIn, recordRead } from './look.ts';
import { runRead } from './read.ts';
import { type HostRecord, recordPath, stateFolder } from './record.ts';
import { recordChanged, recordTimeout } from './record-write.ts';
import type { Session } from './session.ts';

const backups = `${stateFolder}/backups`;

/** Prints every run that has kept something, what it is, and its files. */
export function listProbe(): Script {
  return sh`
cd ${backups} 2>/dev/null || exit 0
for run in *; do
  [ -d "$run" ] || continue
  printf 'run %s\n' "$run"
  (
    cd "$run" || exit
    if [ -f ${aboutFile} ]; then sed 's/^/about /' ${aboutFile}; fi
    find . -type f ! -path ${`./${aboutFile}`} ! -name '*.vfleet-part' | LC_ALL=C sort | sed 's/^\\./file /'
  )
done`;
}

/** What the probe printed, the oldest run first. Folders that no run has made are left out. Pure. */
export function parseList(text: string, { files }: HostRecord): readonly Backup[] {
  const originals = new Set(
    Object.values(files).flatMap(({ original }) => (original.kind === 'backup' ? [original.run] : [])),
  );
  const runs = text.split(/^run /m).slice(1);
  return runs.flatMap((block) => {
    const [run = '', ...lines] = block.split('\n');
    const kept = lines.flatMap((line) => (line.startsWith('file /') ? [line.slice('file '.length)] : []));
    if (!/^[\w-]+$/.test(run) || kept.length === 0) return [];
    const about = lines.find((line) => line.startsWith('about '));
    return [
      {
        run,
        at: timeOf(run),
        about: about === undefined ? null : parseAbout(about.slice('about '.length)),
        files: kept,
        needed: originals.has(run),
      },
    ];
  });
}

/** Tells what backups there are; with `keep` removes old ones first. */
export async function listBackups(session: Session, keep: number | null): Promise<void> {
  let list = await read(session);
  const old = keep === null ? [] : toPrune(list, keep);
  if (old.length > 0 && session.context.mode === 'apply') {
    session.stopHere();
    await prune(session, old);
    list = await read(session);
  }
  session.context.bus.emit({ type: 'backups', host: session.name, backups: list, old });
}

async function read(session: Session): Promise<readonly Backup[]> {
  session.enter('plan');
  const reads = new Map<string, Read>([recordRead, ['backups', { probes: { list: listProbe() } }]]);
  const found = parseRead(reads, await runRead(session.context, 'plan', readScript(reads)), session.name);
  const record = recordIn(session, found);
  return parseList(found.states.get('backups')?.probe('list').stdout ?? '', record);
}

/** Removes backups where no other run is at work, under the host lock, unless the record says otherwise by now what an undo may need. */
async function prune(session: Session, runs: readonly string[]): Promise<void> {
  session.enter('apply');
  session.begun = true;
  const output = await runHeld(
    session,
    (lease) => sh`
exec 9>>${`${stateFolder}/lock`}
${lease}
flock -w 60 9 || { section busy; exit 75; }
if [ -f ${recordPath} ]; then sum=$(sha256sum <${recordPath}); sum=\${sum%% *}; else sum=absent; fi
[ "$sum" = ${session.recordDigest} ] || { section changed; exit 22; }
cd ${backups} && rm -rf -- ${runs} && sync ${backups}`,
    { timeout: recordTimeout, signal: session.context.abandon },
  );
  if (output.sections.has('changed')) throw recordChanged(session.name);
  if (output.code === 0) {
    session.writes += 1;
    return;
  }
  throw new VfleetError({
    code: 'backups.not-removed',
    host: session.name,
    thing: backups,
    expected: 'that old backups can be removed',
    found: output.sections.has('busy') ? 'the host lock held by another run' : output.stderr.trim(),
    next: 'look at rights there, then run it again',
  });
}
