import type { BlockDevice, HardwareFacts } from '../../facts/hardware.ts';
import type { Obstacle } from '../obstacle.ts';
import type { Owner } from './owner.ts';

/** Disks that the host would lose, each with all that is known to use it: its partitions, and what is built on them. */
export function diskObstacles(hardware: HardwareFacts, owner: Owner): readonly Obstacle[] {
  const { block, nvme } = hardware;
  const wholes = block.filter(({ partitionOf }) => partitionOf === null);
  return wholes.flatMap((disk) => {
    const parts = [disk, ...block.filter(({ partitionOf }) => partitionOf === disk.name)];
    const controllers = nvme.filter(({ namespaces }) => namespaces.includes(disk.name));
    // A disk of two controllers goes with each of them: its other path would be left, but nobody has looked at that one.
    const device = [...parts, ...controllers].map(owner).find((found) => found !== null);
    return device === undefined ? [] : obstacleOf(disk, parts, block, device);
  });
}

function obstacleOf(
  disk: BlockDevice,
  parts: readonly BlockDevice[],
  all: readonly BlockDevice[],
  device: string | null,
): readonly Obstacle[] {
  if (device === null) return [];
  const uses = parts.flatMap((part) => usesOf(part, all));
  const name = disk.serial === null ? disk.name : `${disk.name} (serial ${disk.serial})`;
  const reason = (texts: readonly string[]): string => `disk ${name}: ${texts.join('; ')}`;
  if (uses.some(({ boots }) => boots)) {
    const remedy = 'the host runs from it: select another disk';
    return [{ kind: 'boot-disk', device, reason: reason(uses.map(({ text }) => text)), remedy }];
  }
  if (uses.length > 0) {
    const remedy = 'unmount it, end what holds it, and take it out of /etc/fstab and the like first';
    return [{ kind: 'disk-in-use', device, reason: reason(uses.map(({ text }) => text)), remedy }];
  }
  const data = parts.flatMap(dataOn);
  if (data.length === 0) return [];
  const remedy = 'allow data to pass it with what is on it, or wipe it first (wipefs --all)';
  return [{ kind: 'data', device, reason: reason(data), remedy, consent: 'data' }];
}

interface Use {
  readonly text: string;
  /** The host boots from it, or runs from it. */
  readonly boots: boolean;
}

const bootPlaces = /^\/(?:boot(?:\/.*)?|efi|usr|var|sysroot)?$/;

function usesOf(
  device: BlockDevice,
  all: readonly BlockDevice[],
  seen: ReadonlySet<string> = new Set(),
): readonly Use[] {
  const { name, mounts, swap, holders } = device;
  const [place] = mounts;
  const more = mounts.length > 1 ? ` and ${mounts.length - 1} more` : '';
  const boots = mounts.some((mount) => bootPlaces.test(mount));
  return [
    ...(place === undefined ? [] : [{ text: `${name} is mounted at ${place}${more}`, boots }]),
    ...(swap ? [{ text: `${name} is swap`, boots: false }] : []),
    ...holders.flatMap((holder) => {
      const above = all.find((other) => other.name === holder && !seen.has(holder));
      const parts = all.filter(({ partitionOf }) => above !== undefined && partitionOf === holder);
      const through =
        above === undefined ? [] : [above, ...parts].flatMap((one) => usesOf(one, all, new Set([...seen, name])));
      const of = through.length === 0 ? '' : ` (${through.map(({ text }) => text).join(', ')})`;
      return [{ text: `${name} is held by ${holder}${of}`, boots: through.some((use) => use.boots) }];
    }),
  ];
}

function dataOn({ name, partitionOf, signature }: BlockDevice): readonly string[] {
  if (signature === null) return [`what is on ${name} could not be read`];
  if (signature !== 'none') return [`${name} has ${signature} on it`];
  return partitionOf === null ? [] : [`${name} is a partition`];
}
