import { refuseUnknownInitramfs } from '../boot/initramfs.ts';
import { VfleetError } from '../errors.ts';
import type { Facts } from '../facts/facts.ts';
import type { Effect } from '../resources/effect.ts';
import type { Change } from '../resources/resource.ts';
import type { HostRecord } from './record.ts';
import { knownPlaybooks } from './undo-owned.ts';
import { effectsAt, pathsToUndo } from './undo-plan.ts';

/**
 * The record and the changes of an undo on a host where nobody can build an initramfs. Where one is due still, none was ever
 * built with what the playbook wrote: nothing is to be built, and it is struck with the last playbook that needs one. Errors:
 * `initramfs.unsupported`, where an image may hold files that would go; nothing is written then.
 */
export function withoutInitramfs<Plan extends { readonly changes: readonly Change[] }>(
  record: HostRecord,
  plan: Plan,
  playbook: string,
  facts: Facts,
  host: string,
): { readonly record: HostRecord; readonly plan: Plan } {
  const isDue = record.pending.some(isInitramfs);
  const makesDue = plan.changes.some(({ effects }) => effects.some(isInitramfs));
  if (!isDue && !makesDue) return { record, plan };
  try {
    refuseUnknownInitramfs(facts);
    return { record, plan };
  } catch (thrown) {
    if (!(thrown instanceof VfleetError) || !isDue) throw thrown instanceof VfleetError ? thrown.of(host) : thrown;
  }
  const isOthersToo = needs(record).some((name) => name !== playbook);
  const changes = plan.changes.map((change) => ({
    ...change,
    effects: change.effects.filter((effect) => !isInitramfs(effect)),
  }));
  const pending = isOthersToo ? record.pending : record.pending.filter((effect) => !isInitramfs(effect));
  return { record: { ...record, pending }, plan: { ...plan, changes } };
}

/**
 * The record without an initramfs that is due for no playbook any more (a restore made it due, or its playbook was undone) and
 * that nobody can build: no other undo would strike it, and every `apply` would fail of it. `null`: there is none such.
 */
export function strikeOrphan(record: HostRecord, facts: Facts): HostRecord | null {
  if (buildable(record.pending, facts).length === record.pending.length || needs(record).length > 0) return null;
  return { ...record, pending: record.pending.filter((effect) => !isInitramfs(effect)) };
}

/** Names of playbooks that own something in files which the initramfs copies. */
function needs(record: HostRecord): readonly string[] {
  return knownPlaybooks(record).filter((name) =>
    pathsToUndo(record, name).some((path) => effectsAt(path, record).some(isInitramfs)),
  );
}

function isInitramfs({ kind }: { readonly kind: string }): boolean {
  return kind === 'initramfs';
}

/** Effects without an initramfs that nobody can build: of other playbooks it stays due. */
export function buildable(effects: readonly Effect[], facts: Facts): readonly Effect[] {
  if (!effects.some(isInitramfs)) return effects;
  try {
    refuseUnknownInitramfs(facts);
    return effects;
  } catch (thrown) {
    if (!(thrown instanceof VfleetError)) throw thrown;
    return effects.filter((effect) => !isInitramfs(effect));
  }
}
