import { z } from 'zod';
import type { Effect } from '../resources/effect.ts';

/** A file that the runner wrote. */
export interface OwnedFile {
  /** Its state after our last write: mode, owner and SHA-256, or `absent`. */
  readonly digest: string;
  /** Its state before that write, in which it is still where power was lost between the record and the file. */
  readonly earlier: string;
  /** What stood there before the first write of ours. */
  readonly original: Original;
  /** Names of the playbooks that wrote it. */
  readonly playbooks: readonly string[];
  /** All of it is the runner's, or only tokens and lines in it. */
  readonly owned: 'whole' | 'parts';
  /** What a change of it makes due, where all of it is the runner's. */
  readonly effects: readonly Effect[];
}

/** What stood at a path before the runner came; `unknown`: somebody else changed the file between two writes of ours. */
export type Original =
  /** `folders` were made for the file, the top one first. */
  | { readonly kind: 'absent'; readonly folders: readonly string[] }
  /** Kept by the run of this name, below its folder of backups. */
  | { readonly kind: 'backup'; readonly run: string }
  | { readonly kind: 'unknown' };

/** Lines that are the runner's, by path, as they stand there without their end. */
export type OwnedLines = Readonly<Record<string, readonly string[]>>;

/** What stood in the place of such lines, by path and line, without the end of its last line. */
export type FormerLines = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** What only a reboot takes out of the running system. */
export interface LeftRunning {
  /** Of the boot that it lasts for. */
  readonly bootId: string | null;
  /** Tokens of kernel arguments. */
  readonly arguments: readonly string[];
  /** Files whose change counts at the next boot alone. */
  readonly files: readonly string[];
  /** Tokens that a restore took out, for people alone: they may be anybody's. Absent: none, or not kept then. */
  readonly restored?: readonly string[] | undefined;
  /** The playbooks that were undone; absent: written down before this was kept. */
  readonly playbooks?: readonly string[] | undefined;
  /** Where such tokens stand although ours went: they are somebody else's, by place. */
  readonly elsewhere?: Readonly<Record<string, readonly string[]>> | undefined;
}

/** The schema of `OwnedFile`, given that of an effect. */
export function ownedFileSchema(effect: z.ZodType<Effect>): z.ZodType<OwnedFile> {
  return z.object({
    digest: z.string(),
    earlier: z.string(),
    original: z.discriminatedUnion('kind', [
      z.object({ kind: z.literal('absent'), folders: z.array(z.string()) }),
      // It becomes a part of a path.
      z.object({ kind: z.literal('backup'), run: z.string().regex(/^[\w-]+$/) }),
      z.object({ kind: z.literal('unknown') }),
    ]),
    playbooks: z.array(z.string()),
    owned: z.enum(['whole', 'parts']),
    effects: z.array(effect),
  });
}

/** The schema of `LeftRunning`. */
export const leftRunningSchema: z.ZodType<LeftRunning> = z.object({
  bootId: z.string().nullable(),
  arguments: z.array(z.string()),
  files: z.array(z.string()),
  restored: z.array(z.string()).exactOptional(),
  playbooks: z.array(z.string()).exactOptional(),
  elsewhere: z.record(z.string(), z.array(z.string())).exactOptional(),
});
