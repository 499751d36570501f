import { parseArgument } from './arguments.ts';
import { undamaged } from './damaged.ts';
import { wrongValue } from './kernel-parameter.ts';
import { meantParameter } from './known-parameters.ts';
import { bootedCause } from './truth-booted.ts';
import {
  type EntryTruth,
  type Gap,
  gap,
  isFulfilled,
  type Stages,
  type Truth,
  type TruthContext,
  tokensOf,
} from './truth-stage.ts';
import { writtenGaps } from './truth-written.ts';
import type { ArgumentWish } from './wish.ts';

/** Why wanted, written and running differ for one name, the first cause first. */
export function gapsOf(truth: Truth, stages: Stages, wish: ArgumentWish | null, context: TruthContext): readonly Gap[] {
  const spelling = spellingGaps(truth);
  const overridden = wish === null ? [] : overriddenGaps(truth, stages, wish);
  // What a later argument overrules is there: to say as well that it is missing would lead astray.
  const differences = overridden.length > 0 ? [] : differencesOf(truth, stages, wish, context);
  return [...spelling, ...overridden, ...differences];
}

function differencesOf(truth: Truth, stages: Stages, wish: ArgumentWish | null, context: TruthContext): readonly Gap[] {
  const written = writtenGaps(truth, stages, wish, context);
  const first = defaultOf(truth.entries);
  if (truth.runs) return written;
  // What the default entry lacks a reboot does not bring; what only runs it takes away.
  if (first === undefined || !first.has) return written;
  if (wish === null && first.tokens.length === 0) return written;
  return [...written, bootedCause(truth, stages, context)];
}

function spellingGaps({ name, wanted, configured, running }: Truth): readonly Gap[] {
  const meant = meantParameter(name);
  const known = meant !== null && (wanted !== 'absent' || running.length > 0);
  const tokens = [
    ...(Array.isArray(wanted) ? (wanted as readonly string[]) : []),
    ...(configured ?? []).map(({ token }) => token),
    ...running,
  ];
  const wrong = tokens.map((token) => {
    const argument = parseArgument(token);
    return { token, problem: argument.value === null ? null : wrongValue(argument.name, argument.value) };
  });
  const first = wrong.find(({ problem }) => problem !== null);
  const broken = tokens.find((token) => undamaged(token) !== null);
  return [
    ...(known
      ? [gap('misspelt', `no argument ${name} is known: the kernel takes it without a word`, `write ${meant}`)]
      : []),
    ...(broken === undefined
      ? []
      : [
          gap(
            'damaged',
            `${broken} is damaged: it was ${undamaged(broken)}`,
            `write ${undamaged(broken)} in its place`,
          ),
        ]),
    ...(first?.problem ? [gap('wrong-value', `${first.token}: ${first.problem.found}`, first.problem.next)] : []),
  ];
}

/** A wanted token that stands there, and that a later one with its name overrules; the first stage of the three. */
function overriddenGaps(truth: Truth, { entries, running, configured }: Stages, wish: ArgumentWish): readonly Gap[] {
  const placed = truth.configured ?? [];
  const lines = [
    {
      where: placed.map(({ place }) => place),
      line: placed.map(({ token }) => token),
      whole: configured?.tokens.map(({ token }) => token) ?? [],
    },
    ...(entries ?? []).map((entry, at) => ({
      where: [`boot entry "${entry.title}"`],
      line: truth.entries?.[at]?.tokens ?? [],
      whole: tokensOf(entry.arguments),
    })),
    { where: ['the running command line'], line: truth.running, whole: running },
  ];
  for (const { where, line, whole } of lines) {
    const lost = wish.present.find((token) => line.includes(token) && line.at(-1) !== token);
    if (lost === undefined || isFulfilled(wish, whole)) continue;
    const winner = line.at(-1) ?? '';
    const [from, to] = [where[line.lastIndexOf(lost)] ?? where[0], where[line.length - 1] ?? where[0]];
    const found =
      from === to
        ? `${winner} comes after ${lost} in ${from}, and the last one wins`
        : `${winner} in ${to} comes after ${lost} in ${from}, and the last one wins`;
    return [gap('overridden', found, `take ${winner} out of ${to}`)];
  }
  return [];
}

function defaultOf(entries: readonly EntryTruth[] | null): EntryTruth | undefined {
  return entries?.find((entry) => entry.default) ?? entries?.[0];
}
