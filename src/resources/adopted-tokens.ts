import type { OwnedArguments } from '../boot/owned.ts';
import type { ArgumentWish } from '../boot/wish.ts';
import type { Adoption } from './resource.ts';

/**
 * Wished tokens that stand in a place and are to become the runner's there. Only what stands there once: of two, nobody could
 * say which one an undo should take out.
 */
export function adoptedTokens(
  { present }: ArgumentWish,
  standing: OwnedArguments | undefined,
  adopt: Adoption | undefined,
): OwnedArguments {
  if (standing === undefined || adopt === undefined) return {};
  const places = Object.entries(standing).map(([place, tokens]) => {
    const known = adopt.tokens.flatMap((byPlace) => byPlace[place] ?? []);
    const once = (token: string): boolean => tokens.filter((other) => other === token).length === 1;
    return [place, present.filter((token) => once(token) && !known.includes(token))] as const;
  });
  return Object.fromEntries(places.filter(([, tokens]) => tokens.length > 0));
}
