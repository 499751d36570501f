import type { PlannedChange, Stamped } from '../events/event.ts';

/** What was made on one host, counted over all parts of a run. */
export interface Tally {
  /** Write scripts that changed the host. */
  readonly writes: number;
  readonly reboots: number;
  /** How many there were before this part of the run. */
  readonly earlier: { readonly writes: number; readonly reboots: number };
  readonly open: Announced;
  /** What an earlier part announced: its controller died before it could tell whether it was done. */
  readonly carried: Announced;
}

/** Acts of which nobody has told yet that they are done. */
interface Announced {
  /** Resources that a write was about; `null`: none is open. */
  readonly write: readonly string[] | null;
  readonly reboot: boolean;
}

const nothing: Announced = { write: null, reboot: false };

/** Nothing was made yet. */
export const emptyTally: Tally = {
  writes: 0,
  reboots: 0,
  earlier: { writes: 0, reboots: 0 },
  open: nothing,
  carried: nothing,
};

/** The tally when its run goes on after its controller died or was stopped. */
export function nextPart({ writes, reboots, open, carried }: Tally): Tally {
  return {
    ...{ writes, reboots, earlier: { writes, reboots }, open: nothing },
    carried: { write: open.write ?? carried.write, reboot: open.reboot || carried.reboot },
  };
}

/** The tally after an event of its host. Pure. */
export function tally(before: Tally, event: Stamped): Tally {
  return counts(event) ? after(before, event) : before;
}

type Counted = Extract<
  Stamped,
  { readonly type: 'write-intent' | 'written' | 'effect-intent' | 'rebooted' | 'effect-done' | 'host-ended' }
>;
const counted: readonly string[] = [
  'write-intent',
  'written',
  'effect-intent',
  'rebooted',
  'effect-done',
  'host-ended',
] satisfies readonly Counted['type'][];

function counts(event: Stamped): event is Counted {
  return counted.includes(event.type);
}

function after(before: Tally, event: Counted): Tally {
  switch (event.type) {
    case 'write-intent': {
      const write = resourcesOf(event.changes);
      // What is written once more was not written before.
      const done = before.carried.write !== null && !before.carried.write.some((name) => write.includes(name));
      const known = done ? withEarlier(before, { writes: 1, reboots: 0 }) : before;
      return { ...known, open: { ...known.open, write }, carried: { ...known.carried, write: null } };
    }
    case 'written':
      return { ...before, writes: before.writes + 1, open: { ...before.open, write: null } };
    case 'effect-intent':
      if (event.effect.kind !== 'reboot') return before;
      return { ...before, open: { ...before.open, reboot: true }, carried: { ...before.carried, reboot: false } };
    case 'rebooted':
      return { ...before, reboots: before.reboots + 1, open: { ...before.open, reboot: false } };
    case 'effect-done': {
      if (event.effect.kind !== 'reboot' || !before.carried.reboot) return before;
      const known = withEarlier(before, { writes: 0, reboots: 1 });
      return { ...known, carried: { ...known.carried, reboot: false } };
    }
    case 'host-ended':
      return ended(before, event);
  }
}

// A runner that broke off may not know of its own writes; the events do.
function ended(before: Tally, event: Extract<Stamped, { readonly type: 'host-ended' }>): Tally {
  // All is well, and nobody did again what was announced: it was done before its controller could tell.
  const isDone = event.state === 'ok';
  const writes = isDone && before.carried.write !== null ? 1 : 0;
  const reboots = isDone && before.carried.reboot ? 1 : 0;
  const after = withEarlier(before, { writes, reboots });
  return {
    writes: Math.max(after.writes, after.earlier.writes + event.writes),
    reboots: Math.max(after.reboots, after.earlier.reboots + event.reboots),
    earlier: after.earlier,
    open: nothing,
    carried: isDone ? nothing : after.carried,
  };
}

function withEarlier(before: Tally, more: { readonly writes: number; readonly reboots: number }): Tally {
  return {
    ...before,
    writes: before.writes + more.writes,
    reboots: before.reboots + more.reboots,
    earlier: { writes: before.earlier.writes + more.writes, reboots: before.earlier.reboots + more.reboots },
  };
}

function resourcesOf(changes: readonly PlannedChange[]): readonly string[] {
  return changes.map(({ resource }) => resource);
}
