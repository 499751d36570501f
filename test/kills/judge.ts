import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { LabNode } from '../../src/lab/node.ts';
import type { Uncut } from './cut.ts';
import { alike, type DiskImage, differences, partitionOf } from './disk-image.ts';

/** What a cut has left neither as it was nor as the run makes it. */
export function halfWritten(image: DiskImage, uncut: Uncut): readonly string[] {
  return (
    differences(uncut.before, image)
      .filter((at) => isJudged(at) && !isTemporary(at))
      // proxmox-boot-tool writes each in place, as the plan says: that the node boots from another is judged.
      .filter((at) => partitionOf(at) === null)
      .filter((at) => {
        const [is, wished] = [image.get(at), uncut.after.get(at)];
        return is === undefined || wished === undefined ? is !== wished : !alike(is, wished);
      })
      .map((at) => `${at} is neither what it was nor what it should become: ${describe(image, at)}`)
  );
}

/** Differences that are told of one cut: more of them say the same. */
const told = 4;

/** What is not as after a run that nothing cut. */
export function unlikeUncut(image: DiskImage, uncut: Uncut): readonly string[] {
  const found = differences(uncut.after, image).filter(
    (at) => isJudged(at) && !isTemporary(at) && !isDeployment(image, at),
  );
  return [
    ...found.slice(0, told).map((at) => `in the end ${at} is not as after a run without a cut: ${describe(image, at)}`),
    ...(found.length > told ? [`and so are ${found.length - told} more`] : []),
  ];
}

/** Files that a run without a cut does not leave: beside those that it writes, and where the runner keeps its record. */
export function temporaryFiles(image: DiskImage, uncut: Uncut): readonly string[] {
  const isOurs = (at: string): boolean => isTemporary(at) || /^\/var\/lib\/vfleet\/[^/]+$/.test(at);
  return [...image.keys()].filter((at) => isOurs(at) && !uncut.after.has(at));
}

/** The command line that a node runs with; of the two folders in which ostree keeps what boots, either. */
export function commandLine(node: LabNode): string {
  const text = readFileSync(path.join(node.root, 'proc/cmdline'), 'utf8').trim();
  return text.replace(/ostree=\/ostree\/boot\.[01]/, 'ostree=/ostree/boot');
}

/** ostree takes its two folders in turns, and changes over by one link: which of them it is says nothing. */
function isDeployment(image: DiskImage, at: string): boolean {
  return image.has('/ostree') && /^\/boot\/loader(?:\.[01]|\.new)?(?:\/|$)/.test(at);
}

/** What the host's own programs read, not what the runner keeps for itself: the next run judges that. */
function isJudged(at: string): boolean {
  return partitionOf(at) !== null || /^\/(?:boot|etc|efi)\//.test(at);
}

/**
 * Names that no boot loader, `grub-mkconfig` or systemd looks at: those of the runner, and those in which `grub-mkconfig` and
 * update-initramfs begin, and the link that ostree puts in the place of the old one.
 */
export function isTemporary(at: string): boolean {
  return /\.vfleet-new(?:\.new)?$|^\/boot\/(?:.*(?:grub\.cfg|initrd\.img-[^/]*)|loader)\.new$/.test(at);
}

function describe(image: DiskImage, at: string): string {
  const entry = image.get(at);
  if (entry === undefined) return 'gone';
  const mode = entry.mode.toString(8);
  if (entry.kind !== 'file') return `a ${entry.kind}, mode ${mode}`;
  return `${entry.bytes.length} bytes, mode ${mode}, the end: ${JSON.stringify(entry.bytes.subarray(-60).toString('latin1'))}`;
}
