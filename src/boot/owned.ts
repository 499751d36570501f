/**
 * Tokens of kernel arguments that the runner put there, by place: the path of a file, or the name of a tool that keeps
 * them. A place with no tokens was looked at, and everything in it was there before.
 */
export type OwnedArguments = Readonly<Record<string, readonly string[]>>;

/** The place that stands for every place: records of the first version did not tell them apart. */
export const anywhere = '*';

/** Tokens that are the runner's in one place. */
export function ownedAt(owned: OwnedArguments, place: string): readonly string[] {
  return owned[place] ?? owned[anywhere] ?? [];
}

/**
 * Tokens that are the runner's in one place. A boot entry that was never looked at is that of a kernel which was installed
 * since, with the arguments of the others.
 */
export function inheritedAt(owned: OwnedArguments, place: string): readonly string[] {
  if (owned[place] !== undefined || owned[anywhere] !== undefined) return ownedAt(owned, place);
  if (!isEntry(place)) return [];
  const { '/etc/default/grub': _, ...places } = owned;
  return ownedSomewhere(places);
}

/** Whether a place is a boot entry that is a file of its own. */
export function isEntry(place: string): boolean {
  return /\/loader\/entries\/[^/]+$/.test(place);
}

/** All tokens that are the runner's in some place. */
export function ownedSomewhere(owned: OwnedArguments): readonly string[] {
  return [...new Set(Object.values(owned).flat())];
}

/** Both together. A place that only one of them names is as that one says. */
export function joinOwned(one: OwnedArguments, other: OwnedArguments): OwnedArguments {
  const joined: Record<string, readonly string[]> = { ...one };
  for (const [place, tokens] of Object.entries(other)) {
    joined[place] = [...new Set([...(one[place] ?? []), ...tokens])];
  }
  return joined;
}

/** What is left when some tokens, place by place, are no longer for the taking. */
export function withoutOwned(owned: OwnedArguments, taken: OwnedArguments): OwnedArguments {
  return Object.fromEntries(
    Object.entries(owned).map(([place, tokens]) => {
      const gone = ownedAt(taken, place);
      return [place, tokens.filter((token) => !gone.includes(token))];
    }),
  );
}
