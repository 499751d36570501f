import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { VfleetError } from '../errors.ts';
import { lockFile } from '../events/open-run.ts';
import { readJournal } from '../events/read-journal.ts';
import { runsFolder } from '../events/run-folder.ts';
import { takeLock } from '../lock/file-lock.ts';
import { escapeJson } from '../report/escape.ts';
import { exitCodes } from '../report/exit-code.ts';
import { fold } from '../report/fold.ts';
import { count } from '../report/text/block.ts';
import { renderRuns } from '../report/text/runs.ts';
import type { Environment } from './environment.ts';
import { hasColour, say, write } from './output.ts';
import { shownArguments } from './same-work.ts';
import { showRun } from './show.ts';
import { findRun, givenIn, readRun, runNames, type StoredRun } from './stored-run.ts';
import { UsageError } from './usage-error.ts';

/** What `runs` parses. */
export interface RunsArguments {
  readonly run?: string | undefined;
  readonly last: number;
  readonly prune?: number | undefined;
  readonly json: boolean;
  readonly color?: boolean | undefined;
  readonly verbose: boolean;
}

/** Lists the runs of this machine, shows the report of one, or removes old ones. Gives the exit code. */
export async function runs(args: RunsArguments, environment: Environment): Promise<number> {
  const { stateHome } = environment;
  if (args.prune !== undefined) {
    if (args.run !== undefined) throw new UsageError('runs --prune: it is about all runs; leave the name out');
    return prune(args.prune, stateHome);
  }
  if (args.run !== undefined) return showOne(await findRun(stateHome, args.run), args, environment);
  const names = await runNames(stateHome);
  const found: StoredRun[] = [];
  // One after the other: a journal of thousands of hosts is large.
  for (const name of names.slice(0, args.last)) found.push(await readRun(stateHome, name));
  if (args.json) write(`${escapeJson(JSON.stringify(documentOf(found), null, 2))}\n`);
  else {
    write(renderRuns(found, { colour: hasColour(args, environment, process.stdout) }));
    if (names.length > found.length)
      say(`${names.length - found.length} older; all of them with --last ${names.length}\n`);
  }
  return exitCodes.done;
}

/** The report of a run, as it was shown at its end, or would be. */
async function showOne(name: string, args: RunsArguments, environment: Environment): Promise<number> {
  const folder = join(runsFolder(environment.stateHome), name);
  const { events } = await readJournal(join(folder, 'journal.jsonl'));
  const shown = shownArguments(givenIn(events, folder), args);
  const summary = fold(events);
  showRun(summary, summary.command ?? 'apply', shown, environment);
  return exitCodes.done;
}

/** Removes all but the newest so many; never one that somebody is at work in. */
async function prune(keep: number, stateHome: string): Promise<number> {
  const old = (await runNames(stateHome)).slice(keep);
  let removed = 0;
  for (const name of old) {
    const folder = join(runsFolder(stateHome), name);
    const lock = await takeLock(lockFile(folder));
    if (lock.kind === 'busy') {
      say(`kept ${name}: ${lock.holder} is at work on it\n`);
      continue;
    }
    await rm(folder, { recursive: true, force: true }).catch((cause: unknown) => {
      throw new VfleetError({
        code: 'journal.prune',
        thing: folder,
        expected: 'that it can be removed',
        found: cause instanceof Error ? cause.message : String(cause),
        next: 'remove it by hand',
        cause,
      });
    });
    removed += 1;
  }
  say(`removed ${count(removed, 'run')}\n`);
  return exitCodes.done;
}

/** Keys are always there; a key that goes or changes its meaning is a new version. */
function documentOf(found: readonly StoredRun[]) {
  return {
    version: 1,
    runs: found.map(({ name, folder, standing, parts, summary, about }) => ({
      run: name,
      standing,
      command: summary?.command ?? null,
      dryRun: summary?.dryRun ?? false,
      playbook: summary?.playbook ?? null,
      startedAt: summary?.startedAt ?? null,
      endedAt: summary?.endedAt ?? null,
      parts,
      totals: summary === null ? null : { ...summary.totals.states, ...sums(summary.totals) },
      about,
      folder,
    })),
  };
}

function sums({ hosts, notEnded, writes, reboots }: NonNullable<StoredRun['summary']>['totals']) {
  return { hosts, notEnded, writes, reboots };
}
