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
  /** The boot that was read last. */
  readonly boot: string | null;
}

/** Acts of which nobody has told yet that they are done. */
interface Announced {
  /** Resources that a write was about; `null`: none is open. */
  readonly write: readonly string[] | null;
  /** A reboot that was to end this boot (`null`: of which nobody knows); absent: none is open. */
  readonly reboot?: { readonly of: string | null };
}

const nothing: Announced = { write: null };

/** Nothing was made yet. */
export const emptyTally: Tally = {
  writes: 0,
  reboots: 0,
  earlier: { writes: 0, reboots: 0 },
  open: nothing,
  carried: nothing,
  boot: null,
};

/** The tally when its run goes on after its controller died or was stopped. */
export function nextPart({ writes, reboots, open, carried, boot }: Tally): Tally {
  const reboot = open.reboot ?? carried.reboot;
  return {
    ...{ writes, reboots, earlier: { writes, reboots }, open: nothing, boot },
    carried: { write: open.write ?? carried.write, ...(reboot !== undefined && { reboot }) },
  };
}

/** The tally after an event of its host. Pure. */
export function tally(before: Tally, event: Stamped): Tally {
  return counts(event) ? after(before, event) : before;
}

type Counted = Extract<
  Stamped,
  {
    readonly type:
      | 'facts-read'
      | 'write-intent'
      | 'written'
      | 'effect-intent'
      | 'rebooted'
      | 'effect-done'
      | 'host-ended';
  }
>;
const counted: readonly string[] = [
  'facts-read',
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
    case 'facts-read':
      return read(before, event.facts.identity.bootId);
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
      return {
        ...before,
        open: { ...before.open, reboot: { of: before.boot } },
        carried: withoutReboot(before.carried),
      };
    case 'rebooted':
      return { ...before, reboots: before.reboots + 1, open: withoutReboot(before.open) };
    case 'effect-done':
      return event.effect.kind === 'reboot' ? rebootedEarlier(before) : before;
    case 'host-ended':
      return ended(before, event);
  }
}

/** Another boot than the one that was to end proves the reboot, whatever is made of the host from here. */
function read(before: Tally, boot: string | null): Tally {
  const ended = before.carried.reboot?.of ?? null;
  const isProved = ended !== null && boot !== null && boot !== ended;
  return { ...(isProved ? rebootedEarlier(before) : before), boot };
}

function rebootedEarlier(before: Tally): Tally {
  if (before.carried.reboot === undefined) return before;
  const known = withEarlier(before, { writes: 0, reboots: 1 });
  return { ...known, carried: withoutReboot(known.carried) };
}

function withoutReboot({ write }: Announced): Announced {
  return { write };
}

// A runner that broke off may not know of its own writes; the events do.
function ended(before: Tally, event: Extract<Stamped, { readonly type: 'host-ended' }>): Tally {
  // All is well, and nobody did again what was announced: it was done before its controller could tell.
  const isDone = event.state === 'ok';
  const writes = isDone && before.carried.write !== null ? 1 : 0;
  const reboots = isDone && before.carried.reboot !== undefined ? 1 : 0;
  const after = withEarlier(before, { writes, reboots });
  return {
    writes: Math.max(after.writes, after.earlier.writes + event.writes),
    reboots: Math.max(after.reboots, after.earlier.reboots + event.reboots),
    earlier: after.earlier,
    open: nothing,
    carried: isDone ? nothing : after.carried,
    boot: after.boot,
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
