import { isMap, isScalar, type Node } from 'yaml';
import { didYouMean } from '../nearest.ts';
import { readRolloutKey, rolloutExpected, rolloutKeys } from '../rollout/wish.ts';
import { type Entry, entriesOf, kindOf, type YamlFile } from './document.ts';
import type { Draft } from './draft.ts';
import { type Problems, positionOf } from './problem.ts';
import { valueOf } from './value.ts';

/** What is said where a key `rollout` has no meaning. */
export const rolloutElsewhere =
  'how a rollout goes is said once for all hosts: under "all:" of an inventory file, in a playbook, or by options of apply';

/** Whether a value is meant as the wish of a rollout, and not as a variable of that name. */
export function isRollout(value: Node | null): boolean {
  if (!isMap(value)) return false;
  return value.items.some(({ key }) => isScalar(key) && rolloutKeys.some((known) => known === key.value));
}

/** Reads `rollout:` under `all:` into a draft, key by key; in a second file of the same inventory no key may stand again. */
export function readRollout(
  draft: Draft,
  rollout: Entry,
  yaml: YamlFile,
  path: readonly string[],
  problems: Problems,
): void {
  const map = rollout.value;
  if (!isMap(map)) {
    if (kindOf(map) === 'nothing') return;
    const text = `expected a map as rollout: { perRack: 2 }, found ${kindOf(map)}`;
    problems.add('inventory.type', yaml.place(map), path, text);
    return;
  }
  for (const entry of entriesOf(map, yaml, path, problems)) readEntry(draft, entry, yaml, path, problems);
}

function readEntry(draft: Draft, entry: Entry, yaml: YamlFile, above: readonly string[], problems: Problems): void {
  const path = [...above, entry.key];
  const key = rolloutKeys.find((known) => known === entry.key);
  if (key === undefined) {
    const hint = didYouMean(entry.key, rolloutKeys) || `; known are ${rolloutKeys.join(', ')}`;
    problems.add('inventory.unknown-key', entry.place, path, `unknown key${hint}`);
    return;
  }
  const value = valueOf(entry.value, yaml, path, problems);
  const wish = readRolloutKey(key, value);
  if (wish === null) {
    const place = kindOf(entry.value) === 'nothing' ? entry.place : yaml.place(entry.value);
    const found = isScalar(entry.value) && value !== null ? JSON.stringify(value) : kindOf(entry.value);
    problems.add('inventory.value', place, path, `expected ${rolloutExpected[key]}, found ${found}`);
    return;
  }
  const first = draft.rollout.get(key);
  const position = positionOf(entry.place);
  if (first === undefined) draft.rollout.set(key, { value: wish, position });
  else problems.add('inventory.duplicate', entry.place, path, `said twice, the first is at ${first.position}`);
}
