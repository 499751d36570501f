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
