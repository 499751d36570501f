import type { OwnedArguments } from '../boot/owned.ts';
import type { HostRecord } from './record.ts';

/** Tokens that each `ensure` of a playbook wished for when it last changed something, in their order. */
export type StepWishes = readonly (readonly string[])[];

/**
 * What a playbook owns by its later `ensure`s: an earlier one, which does not know of them, must not take it for stale. Pure.
 */
export function ownedLater(record: HostRecord, playbook: string, step: number): OwnedArguments {
  const later = (record.steps?.[playbook] ?? []).slice(step + 1).flat();
  const owned = Object.entries(record.ownedArguments[playbook] ?? {});
  return Object.fromEntries(owned.map(([place, tokens]) => [place, tokens.filter((token) => later.includes(token))]));
}

/** The wishes with those of one `ensure`. What it wishes for now is no later one's any more. Pure. */
export function withStep(steps: StepWishes, step: number, wished: readonly string[]): StepWishes {
  return Array.from({ length: Math.max(steps.length, step + 1) }, (_, at) => {
    if (at === step) return wished;
    const before = steps[at] ?? [];
    return at < step ? before : before.filter((token) => !wished.includes(token));
  });
}

/** Tokens that a playbook owns by an `ensure` that a run of so many did not come to, and did not wish for otherwise. Pure. */
export function unnamedTokens(
  record: HostRecord,
  playbook: string,
  { steps, wished }: { readonly steps: number; readonly wished: readonly string[] },
): readonly string[] {
  const owned = new Set(Object.values(record.ownedArguments[playbook] ?? {}).flat());
  const recorded = new Set((record.steps?.[playbook] ?? []).slice(steps).flat());
  return [...recorded].filter((token) => owned.has(token) && !wished.includes(token));
}
