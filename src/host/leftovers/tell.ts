import { bootDriver } from '../../boot/choose-driver.ts';
import type { Facts, SetupFile } from '../../facts/facts.ts';
import type { HostRecord } from '../record.ts';
import type { Session } from '../session.ts';
import { findLeftovers } from './find.ts';
import type { Finding, Leftover } from './finding.ts';
import { installerPaths } from './installer-files.ts';

/** What decides about the fate of leftovers. */
interface Circumstances {
  /** Paths that the run changes. */
  readonly changed: ReadonlySet<string>;
  readonly adopt: boolean;
  /** Arguments that stand there already can become the runner's on this boot loader. */
  readonly argumentsToo: boolean;
}

/**
 * Tells once what an earlier preparation has left on the host, and what becomes of it. `facts` are those from before anything
 * was changed.
 */
export function tellLeftovers(session: Session, facts: Facts): void {
  const { record, wants, changes, context } = session;
  // Without an `ensure` nobody knows what is the runner's own.
  if (session.step === 0) return;
  const owned = Object.values(record.ownedArguments);
  const found = findLeftovers(withForeignFiles(facts, record), { wants, owned });
  if (found.length === 0) return;
  const circumstances: Circumstances = {
    changed: new Set(changes.flatMap(({ after }) => Object.keys(after ?? {}))),
    adopt: context.adopt ?? false,
    argumentsToo: canTakeArguments(facts),
  };
  const leftovers = found.map((finding) => withFate(finding, circumstances));
  context.bus.emit({ type: 'leftovers', host: session.name, leftovers });
}

/** The facts without files, and lines of files, that are the runner's. */
function withForeignFiles(facts: Facts, { files, lines }: HostRecord): Facts {
  if (facts.setup === null) return facts;
  const isForeign = ({ path }: SetupFile): boolean => files[path]?.owned !== 'whole';
  const foreign = facts.setup.files.filter(isForeign).map((file): SetupFile => {
    const own = Object.values(lines).flatMap((byPath) => byPath[file.path] ?? []);
    return { ...file, lines: file.lines.filter((line) => !own.includes(line)) };
  });
  return { ...facts, setup: { ...facts.setup, files: foreign } };
}

function canTakeArguments(facts: Facts): boolean {
  try {
    return bootDriver(facts).standing !== undefined;
  } catch {
    // A boot loader that no driver is for.
    return false;
  }
}

/** A finding with what becomes of it. Pure. */
export function withFate(finding: Finding, circumstances: Circumstances): Leftover {
  const { place, found, today, why } = finding;
  return { place, found, today, why, fate: fateOf(finding, circumstances) };
}

function fateOf({ path, adopts, repair }: Finding, { changed, adopt, argumentsToo }: Circumstances): string {
  if (repair !== undefined) return `left as it stands, byte for byte; ${repair}`;
  if (adopts === 'lines') {
    const lines = changed.has(path) ? 'the playbook adds what is missing; lines that stand there' : 'lines';
    return adopt
      ? `--adopt takes over the lines that the playbook wishes for, so that undo removes them`
      : `${lines} stay those of somebody else; --adopt takes over what the playbook wishes for`;
  }
  if (adopts === 'file') {
    if (changed.has(path)) return 'replaced by what the playbook writes; kept in a backup';
    return adopt
      ? '--adopt takes it over as it is, so that undo removes it'
      : 'left alone; --adopt takes it over as it is, so that undo removes it';
  }
  if (adopts === 'arguments') return fateOfArguments(adopt, argumentsToo);
  if (changed.has(path) && !isArgumentFile(path)) return 'replaced by what the playbook writes; kept in a backup';
  return installerPaths.includes(path)
    ? 'left alone, by --adopt too: the file is not as the Cloudpods installer writes it'
    : 'left alone';
}

function fateOfArguments(adopt: boolean, possible: boolean): string {
  if (!possible) return 'left alone: with this boot loader --adopt takes over no arguments';
  return adopt
    ? '--adopt takes over what stands there once, so that undo removes it'
    : 'left as it stands; --adopt takes it over, so that undo removes it';
}

function isArgumentFile(path: string): boolean {
  return /^\/etc\/(?:default\/grub|kernel\/cmdline)/.test(path);
}
