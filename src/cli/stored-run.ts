import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { VfleetError } from '../errors.ts';
import type { Stamped } from '../events/event.ts';
import type { Given } from '../events/given.ts';
import { lockFile } from '../events/open-run.ts';
import { readJournal } from '../events/read-journal.ts';
import { runsFolder } from '../events/run-folder.ts';
import { lockHolder } from '../lock/file-lock.ts';
import { didYouMean } from '../nearest.ts';
import { fold } from '../report/fold.ts';
import type { Summary } from '../report/summary.ts';
import { leftOf, resumeState } from '../rollout/resume-state.ts';

/** How a run stands. */
export type RunStanding =
  /** A process is at work in it. */
  | 'running'
  | 'finished'
  /** Its failure budget was spent, so that hosts were not started. */
  | 'halted'
  /** Somebody asked it to stop. */
  | 'interrupted'
  /** Its controller died. */
  | 'crashed'
  | 'unreadable';

/** A run as it is kept on this machine. */
export interface StoredRun {
  readonly name: string;
  readonly folder: string;
  readonly standing: RunStanding;
  /** `null`: its journal cannot be read. */
  readonly summary: Summary | null;
  /** 1, and one more for each time that it was resumed. */
  readonly parts: number;
  /** Who is at work in it, or why it cannot be read; `null`: nothing is to be said. */
  readonly about: string | null;
}

/** Names of all runs, the newest first. */
export async function runNames(stateHome: string): Promise<readonly string[]> {
  const entries = await readdir(runsFolder(stateHome), { withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .toSorted()
    .toReversed();
}

/** A run by its name, whatever state it is in. */
export async function readRun(stateHome: string, name: string): Promise<StoredRun> {
  const folder = join(runsFolder(stateHome), name);
  const holder = await lockHolder(lockFile(folder));
  try {
    const { events } = await readJournal(join(folder, 'journal.jsonl'));
    const summary = fold(events);
    const standing = holder === null ? standingOf(summary, events) : 'running';
    return { name, folder, standing, summary, parts: partsOf(events), about: holder };
  } catch (thrown) {
    if (!(thrown instanceof VfleetError)) throw thrown;
    // A journal is made a moment after its folder.
    const standing = holder === null ? 'unreadable' : 'running';
    return { name, folder, standing, summary: null, parts: 1, about: holder ?? thrown.message };
  }
}

/** The name of the run that was meant: all of it, or as much as only one has, at its beginning or its end. */
export async function findRun(stateHome: string, given: string): Promise<string> {
  const names = await runNames(stateHome);
  if (names.includes(given)) return given;
  const meant = names.filter((name) => name.startsWith(given) || name.endsWith(given));
  const [only] = meant;
  if (only !== undefined && meant.length === 1) return only;
  throw new VfleetError({
    code: 'run.unknown',
    thing: `run ${given}`,
    expected: 'the name of a run',
    found: meant.length > 1 ? `${meant.length} that it may mean` : `none${didYouMean(given, names)}`,
    next: 'look with `vfleet runs`',
  });
}

/** What a run was asked for. Errors: `run.older`, `run.nothing`. */
export function givenIn(events: readonly Stamped[], folder: string): Given {
  const started = events.find((event) => event.type === 'run-started');
  if (started?.given !== undefined) return started.given;
  const name = basename(folder);
  if (started === undefined) {
    throw new VfleetError({
      code: 'run.nothing',
      thing: `run ${name}`,
      expected: 'a run that has begun',
      found: 'nothing in its journal: it died before any host was touched',
      next: 'start it again',
    });
  }
  throw new VfleetError({
    code: 'run.older',
    thing: `run ${name}`,
    expected: 'a journal that says what the run was given',
    found: 'one of an older vfleet',
    next: `run \`vfleet ${started.command}\` again: hosts go on from what is recorded on them`,
  });
}

/** How many parts a run has. */
export function partsOf(events: readonly Stamped[]): number {
  return events.reduce((most, event) => (event.type === 'run-resumed' ? Math.max(most, event.part) : most), 1);
}

function standingOf(summary: Summary, events: readonly Stamped[]): RunStanding {
  if (summary.endedAt === null) return 'crashed';
  if (leftOf(resumeState(events)).length === 0) return 'finished';
  return summary.interrupted ? 'interrupted' : 'halted';
}
