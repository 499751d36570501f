import { defaultEffects } from '../resources/places.ts';
import type { Seen } from '../resources/read-batch.ts';
import type { Adopted, Adoption, Change, FileState, Resource } from '../resources/resource.ts';
import { seenAt } from './after.ts';
import { installerPaths, isInstallers } from './leftovers/installer-files.ts';
import type { OwnedFile } from './owned-file.ts';
import type { HostRecord } from './record.ts';

/** What no run may take over, because it is the runner's already. */
export function adoptionOf({ files, ownedArguments, lines }: HostRecord): Adoption {
  const whole = Object.entries(files).filter(([, file]) => file.owned === 'whole');
  return {
    files: new Set(whole.map(([path]) => path)),
    tokens: Object.values(ownedArguments),
    lines: Object.values(lines),
  };
}

/**
 * The files that the Cloudpods installer leaves, with all of its own: taken over as they are, so that undo removes them. A
 * file that is not as the installer writes it stays whoever's it is.
 */
export const installersFiles: Resource = {
  kind: 'adoption',
  name: 'files of the Cloudpods installer',
  read: () => ({ files: installerPaths }),
  change: (state, { adopt }) => {
    const paths = installerPaths.filter(
      (path) => !adopt?.files.has(path) && isInstallers(path, linesOf(state.file(path))),
    );
    if (paths.length === 0) return null;
    return {
      resource: 'files of the Cloudpods installer',
      summary: `take over ${paths.length === 1 ? 'one' : paths.length} as they are, so that undo removes them`,
      ...{ diffs: [], actions: [], effects: [], notes: paths },
      adopts: paths.map(
        (path): Adopted => ({ path, owns: 'whole', original: 'absent', effects: defaultEffects(path) }),
      ),
    };
  },
};

/** A link counts as what it leads to: a unit is enabled by one. */
function linesOf(file: FileState): readonly string[] {
  const bytes = file.kind === 'absent' ? undefined : file.bytes;
  const text = bytes?.toString('utf8') ?? '';
  return text.endsWith('\n') ? text.slice(0, -1).split('\n') : text.split('\n');
}

/** What is known of files once changes have taken them over. Pure. */
export function adoptFiles(
  files: Readonly<Record<string, OwnedFile>>,
  changes: readonly Change[],
  seen: Seen,
  playbook: string,
): Readonly<Record<string, OwnedFile>> {
  const adopted: Record<string, OwnedFile> = { ...files };
  for (const { path, owns, original, effects } of changes.flatMap((change) => change.adopts ?? [])) {
    const state = seenAt(seen, path);
    if (state === null) continue;
    adopted[path] = {
      digest: state,
      earlier: state,
      original: original === 'absent' ? { kind: 'absent', folders: [] } : { kind: 'unknown' },
      playbooks: [...new Set([...(files[path]?.playbooks ?? []), playbook])],
      owned: owns,
      effects,
    };
  }
  return adopted;
}
