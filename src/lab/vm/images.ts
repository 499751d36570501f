import { availableParallelism } from 'node:os';
import pLimit from 'p-limit';
import { type Accelerator, chooseAccelerator, type WishedAccelerator } from './accelerator.ts';
import { buildImage, findImage, type Image } from './image.ts';
import { checkPrograms } from './programs.ts';
import { type Recipe, recipeName } from './recipe.ts';

/** What nodes start from. */
export interface Images {
  readonly accelerator: Accelerator;
  of(recipe: Recipe): Image;
}

/** How images are had. */
export interface ImageOptions {
  readonly cache: string;
  readonly mirror?: string | undefined;
  readonly accelerator: WishedAccelerator;
  readonly onStep: (thing: string, text: string) => void;
}

/**
 * The images of these recipes, from the cache or built, side by side.
 * Errors: `lab.vm-programs`, `lab.vm-kvm`, `lab.vm-program`, `lab.vm-bake`.
 */
export async function prepareImages(recipes: readonly Recipe[], options: ImageOptions): Promise<Images> {
  const { cache, onStep } = options;
  const distinct = [...new Map(recipes.map((recipe) => [recipeName(recipe), recipe])).values()];
  const cached = await Promise.all(distinct.map((recipe) => findImage(cache, recipe)));
  const builds = distinct.filter((_, index) => cached[index] === null).map((recipe) => recipe.firmware);
  await checkPrograms({ firmwares: distinct.map((recipe) => recipe.firmware), builds });

  let chosen: Promise<Accelerator> | null = null;
  const accelerator = (image: Image) => (chosen ??= chooseAccelerator(options.accelerator, image, cache));
  const limit = pLimit(availableParallelism());
  const build = async (recipe: Recipe): Promise<Image> => {
    const began = Date.now();
    const name = `image ${recipeName(recipe)}`;
    const image = await buildImage(recipe, { ...options, accelerator, onStep: (text) => onStep(name, text) });
    onStep(name, `built, ${Math.round((Date.now() - began) / 1000)} s`);
    return image;
  };
  // All of them end before the first failure is told: none goes on behind the user's back.
  const results = await Promise.allSettled(
    distinct.map(async (recipe, index) => cached[index] ?? (await limit(build, recipe))),
  );
  const images = new Map<string, Image>();
  for (const [index, recipe] of distinct.entries()) {
    const result = results[index];
    if (result?.status === 'rejected') throw result.reason;
    if (result !== undefined) images.set(recipeName(recipe), result.value);
  }
  const of = (recipe: Recipe): Image => {
    const image = images.get(recipeName(recipe));
    if (image === undefined) throw new Error(`no image ${recipeName(recipe)} was asked for`);
    return image;
  };
  const [any] = images.values();
  if (any === undefined) throw new Error('a lab without nodes');
  return { accelerator: await accelerator(any), of };
}
