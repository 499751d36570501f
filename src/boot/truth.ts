import type { BootEntry } from '../facts/facts.ts';
import { parseArgument } from './arguments.ts';
import { canonicalName } from './kernel-parameter.ts';
import { ownEntries } from './own-entries.ts';
import { gapsOf } from './truth-gaps.ts';
import { configuredTokens, isGenerated } from './truth-places.ts';
import {
  type ArgumentTruth,
  type BootView,
  type EntryTruth,
  isFulfilled,
  isNamed,
  type Stages,
  type TruthContext,
  tokensOf,
} from './truth-stage.ts';
import { type ArgumentWish, isAbsent, names } from './wish.ts';

/**
 * The three-way truth of kernel arguments, name by name: first those that are wanted, then all others that somebody
 * configures, writes to an entry or runs, without what boot loaders put there by themselves. Pure.
 */
export function explainBoot(facts: BootView, wish: ArgumentWish, context: TruthContext = {}): readonly ArgumentTruth[] {
  const configured = configuredTokens(facts.boot);
  const entries = ownEntries(facts);
  const running = tokensOf(facts.boot.running);
  const seen = [
    ...(configured?.tokens.map(({ token }) => token) ?? []),
    ...(entries ?? []).flatMap((entry) => tokensOf(entry.arguments)),
    ...running,
  ];
  const wished = [...wish.present.map((token) => parseArgument(token).name), ...wish.absent];
  const others = seen.map((token) => parseArgument(token).name).filter((name) => !isGeneratedName(name));
  return distinct([...wished, ...others]).map((name) => {
    const stages = { name, facts, configured, entries, running };
    return truthOf(stages, namedIn(wish, name), context);
  });
}

function truthOf(stages: Stages, wish: ArgumentWish | null, context: TruthContext): ArgumentTruth {
  const { name, facts, configured, entries, running } = stages;
  const placed = configured?.tokens.filter(({ token }) => isNamed(token, name)) ?? null;
  const first = entries?.find((entry) => entry.default) ?? entries?.[0];
  const reference =
    placed !== null && placed.length > 0 && isGenerated(facts.boot)
      ? placed.map(({ token }) => token)
      : tokensOf(first?.arguments ?? '').filter((token) => isNamed(token, name));
  const says = (line: readonly string[]): boolean =>
    wish === null ? isSame(line, reference, name) : isFulfilled(wish, line);
  const truth = {
    name,
    wanted: wish === null ? null : wish.absent.length > 0 ? ('absent' as const) : wish.present,
    configured: placed,
    entries: entries?.map((entry) => entryTruth(entry, name, says)) ?? null,
    running: running.filter((token) => isNamed(token, name)),
    runs: says(running),
  };
  return { ...truth, gaps: gapsOf(truth, stages, wish, context) };
}

function entryTruth(entry: BootEntry, name: string, says: (line: readonly string[]) => boolean): EntryTruth {
  const tokens = tokensOf(entry.arguments);
  const { title, kernel } = entry;
  return {
    title,
    kernel,
    default: entry.default,
    tokens: tokens.filter((token) => isNamed(token, name)),
    has: says(tokens),
  };
}

function isSame(line: readonly string[], reference: readonly string[], name: string): boolean {
  return line.filter((token) => isNamed(token, name)).join(' ') === reference.join(' ');
}

function namedIn(wish: ArgumentWish, name: string): ArgumentWish | null {
  if (!names(wish, name)) return null;
  const present = wish.present.filter((token) => isNamed(token, name));
  return isAbsent(wish, name) ? { present: [], absent: [name] } : { ...wish, present, absent: [] };
}

/** What boot loaders and their tools put there by themselves, and variables of theirs. */
function isGeneratedName(name: string): boolean {
  return /^(?:BOOT_IMAGE|root|ro|rw|rootflags|rootfstype|init|initrd|LANG|ostree|\$.*)$/.test(name);
}

function distinct(given: readonly string[]): readonly string[] {
  const byName = new Map<string, string>();
  for (const name of given) if (!byName.has(canonicalName(name))) byName.set(canonicalName(name), name);
  return [...byName.values()];
}
