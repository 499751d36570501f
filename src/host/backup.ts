import { z } from 'zod';

/** What a run is, as it is kept beside its backups. */
export interface About {
  readonly command: string;
  /** `null`: no playbook's. */
  readonly playbook: string | null;
}

/** Backups that one run made on a host. */
export interface Backup {
  /** The run's name, which begins with its time. */
  readonly run: string;
  /** When it began: ISO 8601, UTC; `null`: its name does not say. */
  readonly at: string | null;
  /** `null`: made before this was kept. */
  readonly about: About | null;
  /** Files that it kept, by the path where they stood. */
  readonly files: readonly string[];
  /** An undo may need it: it holds what stood somewhere before the first write. */
  readonly needed: boolean;
}

/** The file in a folder of backups that says what the run is. */
export const aboutFile = '.vfleet';

const aboutSchema = z.object({ command: z.string(), playbook: z.string().nullable() });

/** The text that is kept. */
export function printAbout(about: About): string {
  return `${JSON.stringify(about)}\n`;
}

/** What was kept; `null`: nothing that can be read. */
export function parseAbout(text: string): About | null {
  try {
    return aboutSchema.parse(JSON.parse(text));
  } catch {
    return null;
  }
}

/** The time in a run's name: `2026-11-23T03-50-00Z-5f3a`. */
export function timeOf(run: string): string | null {
  const found = /^(\d{4}-\d\d-\d\dT)(\d\d)-(\d\d)-(\d\d)Z-/.exec(run);
  return found === null ? null : `${found[1]}${found[2]}:${found[3]}:${found[4]}Z`;
}

/** Runs whose backups may go: all but the newest so many, and those that an undo may need. Pure. */
export function toPrune(backups: readonly Backup[], keep: number): readonly string[] {
  const newestFirst = backups.toSorted((one, other) => (one.run < other.run ? 1 : -1));
  return newestFirst
    .slice(keep)
    .filter(({ needed }) => !needed)
    .map(({ run }) => run);
}
