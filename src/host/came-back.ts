import { bootDriver } from '../boot/choose-driver.ts';
import { inheritedAt, isEntry, joinOwned, type OwnedArguments } from '../boot/owned.ts';
import { VfleetError } from '../errors.ts';
import type { Facts } from '../facts/facts.ts';
import type { State } from '../resources/resource.ts';
import { stillRunning } from './left-running.ts';
import type { LeftRunning } from './owned-file.ts';
import type { HostRecord } from './record.ts';
import { isKnown } from './undo-owned.ts';

/** What stands in the places of kernel arguments, as the boot driver had them read; empty where it cannot tell. */
export function standingIn(host: string, facts: Facts, state: State | null | undefined): OwnedArguments {
  if (state === null || state === undefined) return {};
  try {
    return bootDriver(facts).standing?.({ host, facts, state, owned: {} }) ?? {};
  } catch (thrown) {
    // Whoever changes something there is told of it by the driver.
    if (thrown instanceof VfleetError) return {};
    throw thrown;
  }
}

/**
 * Tokens that an undo took out, and that stand in boot entries again, though nobody of ours owns them there: while they run,
 * kernel-install(8) puts them into the entry of a kernel that is installed, and on Debian of every initramfs that is built.
 * By place, also those with none. Pure.
 */
export function cameBack(record: HostRecord, facts: Facts, standing: OwnedArguments): OwnedArguments {
  const left = stillRunning(record.leftRunning, facts);
  const owners = Object.values(record.ownedArguments);
  return Object.fromEntries(
    Object.entries(standing).map(([place, tokens]) => {
      const others = [...(left?.elsewhere?.[place] ?? []), ...owners.flatMap((owned) => inheritedAt(owned, place))];
      const back = isEntry(place) ? (left?.arguments ?? []).filter((token) => tokens.includes(token)) : [];
      return [place, back.filter((token) => !others.includes(token))];
    }),
  );
}

/** Whether an undo of a playbook has left something running that may come back. */
export function mayComeBack({ leftRunning }: HostRecord, playbook: string, facts: Facts): boolean {
  const left = stillRunning(leftRunning, facts);
  return left !== undefined && left.arguments.length > 0 && left.playbooks?.includes(playbook) === true;
}

/** The record as if the playbook that was undone owned what came back, so that one more undo takes it out. Pure. */
export function withCameBack(record: HostRecord, playbook: string, facts: Facts, standing: OwnedArguments): HostRecord {
  if (!mayComeBack(record, playbook, facts)) return record;
  const back = cameBack(record, facts, standing);
  const found = Object.entries(back).filter(([, tokens]) => tokens.length > 0);
  if (found.length === 0) return record;
  // Of a playbook that owns nothing any more, no place may take after another.
  const owned = isKnown(record, playbook) ? Object.fromEntries(found) : back;
  const joined = joinOwned(record.ownedArguments[playbook] ?? {}, owned);
  return { ...record, ownedArguments: { ...record.ownedArguments, [playbook]: joined } };
}

/** What is written down of an undo beside what it leaves running, so that what comes back is told from what stays. Pure. */
export function undoneBy(
  record: HostRecord,
  playbook: string,
  tokens: readonly string[],
  standing: OwnedArguments,
): Pick<LeftRunning, 'playbooks' | 'elsewhere'> {
  const own = record.ownedArguments[playbook] ?? {};
  const elsewhere = Object.entries(standing).flatMap(([place, there]) => {
    const mine = inheritedAt(own, place);
    const foreign = tokens.filter((token) => there.includes(token) && !mine.includes(token));
    return foreign.length === 0 ? [] : [[place, foreign] as const];
  });
  return { playbooks: [playbook], ...(elsewhere.length > 0 && { elsewhere: Object.fromEntries(elsewhere) }) };
}
