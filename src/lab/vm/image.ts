import { chmod, cp, mkdir, readdir, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { VfleetError } from '../../errors.ts';
import { quote } from '../../shell/quote.ts';
import { makeSweptFolder } from '../swept-folder.ts';
import type { Accelerator } from './accelerator.ts';
import { escaped } from './devices.ts';
import { layout, type PartitionTable, partitionTable } from './partition-table.ts';
import { runProgram } from './program.ts';
import { bootstrapArguments, imageFolder, type Recipe, recipeDigest, recipeName } from './recipe.ts';

/** A disk that boots, with the kernel that is on it. */
export interface Image {
  readonly disk: string;
  readonly kernel: string;
  readonly initrd: string;
}

/** What building an image needs from around it. */
export interface Workshop {
  /** Where images are kept, by recipe. */
  readonly cache: string;
  /** Debian's mirror. Default: mmdebstrap's. */
  readonly mirror?: string | undefined;
  /** Chosen when there is a kernel to try it with. */
  readonly accelerator: (image: Image) => Promise<Accelerator>;
  readonly onStep: (text: string) => void;
}

/** The image of a recipe, when the cache has it. */
export async function findImage(cache: string, recipe: Recipe): Promise<Image | null> {
  const image = imageIn(await imagePath(cache, recipe));
  try {
    // It is renamed into its place when it is complete; so what is there is whole.
    await readFile(image.kernel);
    return image;
  } catch {
    return null;
  }
}

/**
 * Builds the image of a recipe: packages by mmdebstrap, a GPT, and a first boot in which the image installs its own boot
 * loader. As root, or with user namespaces and a range of subordinate ids.
 * Errors: `lab.vm-program`, `lab.vm-bake`.
 */
export async function buildImage(recipe: Recipe, workshop: Workshop): Promise<Image> {
  const place = await imagePath(workshop.cache, recipe);
  // Not in the cache: without root, mmdebstrap is another user, who need not be let into one's home. With root nobody else
  // is let in: root's own hooks write here, and would follow another user's link.
  const work = await makeSweptFolder(tmpdir(), 'vfleet-image-');
  try {
    const out = join(work, 'image');
    await mkdir(out);
    await cp(imageFolder, join(work, 'files'), { recursive: true });
    await partition(join(out, 'disk.raw'), partitionTable(recipe.firmware));
    if (process.getuid?.() !== 0) await letOthersIn(work, out);
    await bootstrap(recipe, work, out, workshop);
    const image = imageIn(out);
    await bake(image, await workshop.accelerator(image), workshop);
    return await keep(out, place);
  } catch (thrown) {
    throw thrown instanceof VfleetError ? thrown.about(`image ${recipeName(recipe)}`) : thrown;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function imagePath(cache: string, recipe: Recipe): Promise<string> {
  return join(cache, 'images', `${recipeName(recipe)}-${await recipeDigest(recipe)}`);
}

function imageIn(folder: string): Image {
  return { disk: join(folder, 'disk.raw'), kernel: join(folder, 'vmlinuz'), initrd: join(folder, 'initrd.img') };
}

async function partition(disk: string, table: PartitionTable): Promise<void> {
  await writeFile(disk, '');
  await truncate(disk, layout.disk * 1024 * 1024);
  await runProgram('sh', ['-c', 'printf %s "$1" | sfdisk --quiet "$2"', 'sfdisk', table, disk], { limit: minute });
}

/** Root of a user namespace is an ordinary other user outside. */
async function letOthersIn(work: string, out: string): Promise<void> {
  const files = join(work, 'files');
  for (const folder of [work, files]) await chmod(folder, 0o755);
  for (const name of await readdir(files)) await chmod(join(files, name), 0o644);
  await chmod(out, 0o777);
  await chmod(join(out, 'disk.raw'), 0o666);
}

const minute = 60_000;

async function bootstrap(recipe: Recipe, work: string, out: string, { mirror, onStep }: Workshop): Promise<void> {
  const hook = (name: string) => `sh ${quote(join(work, 'files', name))} "$1"`;
  const args = [
    `--essential-hook=${hook('before-packages')}`,
    `--customize-hook=${hook('after-packages')}`,
    ...bootstrapArguments(recipe),
    '/dev/null',
    ...(mirror === undefined ? [] : [mirror]),
  ];
  const { root, bootLoader } = layout;
  const env = {
    FIRMWARE: recipe.firmware,
    FILES: join(work, 'files'),
    OUT: out,
    ROOT_START: String(root.start),
    ROOT_SIZE: String(root.size),
    ESP_START: String(bootLoader.start),
    ESP_SIZE: String(bootLoader.size),
  };
  const tell = (line: string) => /^I: (downloading|installing)/.test(line) && onStep(line.slice(3));
  const next =
    'look at its last lines; it needs a mirror (--mirror), and 2 GiB in a TMPDIR that is not mounted noexec or nodev';
  onStep('packages, by mmdebstrap');
  await runProgram('mmdebstrap', args, { env, cwd: '/', limit: 40 * minute, onLine: tell, next });
}

/** The image's first boot: a kernel from outside starts it, and it makes its disk bootable. */
async function bake(image: Image, accelerator: Accelerator, { onStep }: Workshop): Promise<void> {
  onStep(`its first boot installs the boot loader (${accelerator.name}: ${accelerator.why})`);
  const lines = await runProgram('qemu-system-x86_64', bakeArguments(image, accelerator), { limit: 20 * minute });
  if (lines.some((line) => line.includes('lab-node: baked'))) return;
  throw new VfleetError({
    code: 'lab.vm-bake',
    thing: 'first boot',
    expected: 'the line lab-node: baked on its console',
    found: ['an end without it', ...lines.slice(-15).map((line) => `  ${line}`)].join('\n'),
  });
}

function bakeArguments({ disk, kernel, initrd }: Image, { name }: Accelerator): readonly string[] {
  const append = 'root=LABEL=root rw console=ttyS0 lab-node.bake no_timer_check panic=-1 quiet';
  return [
    ...['-accel', name, '-M', 'q35', '-cpu', 'qemu64', '-m', '1024', '-nodefaults', '-no-reboot'],
    ...['-display', 'none', '-serial', 'stdio', '-kernel', kernel, '-initrd', initrd, '-append', append],
    // Nothing is lost when this boot is: the image is built anew then.
    ...['-drive', `file=${escaped(disk)},format=raw,if=virtio,cache=unsafe`],
  ];
}

/** Into the cache, at once: another build of the same recipe may have been quicker, and its image is as good. */
async function keep(out: string, place: string): Promise<Image> {
  const images = join(place, '..');
  await mkdir(images, { recursive: true });
  // Its name is nobody's else: a half copy of one that was killed must not become a part of this one.
  const beside = await makeSweptFolder(images, '.new-');
  const copy = join(beside, 'image');
  try {
    await runProgram('cp', ['--recursive', '--sparse=always', out, copy], { limit: 10 * minute });
    await rename(copy, place).catch(() => readFile(imageIn(place).kernel));
  } finally {
    await rm(beside, { recursive: true, force: true });
  }
  return imageIn(place);
}
