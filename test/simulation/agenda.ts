interface Entry {
  readonly at: number;
  readonly order: number;
  act: (() => void) | null;
}

/** What is to be done when: by time, and at one time in the order in which it was asked for. */
export interface Agenda {
  add(at: number, act: () => void): () => void;
  take(): { readonly at: number; readonly act: () => void } | null;
}

/** A binary heap. */
export function createAgenda(): Agenda {
  const heap: Entry[] = [];
  let count = 0;
  const before = (one: Entry, other: Entry): boolean =>
    one.at < other.at || (one.at === other.at && one.order < other.order);
  const place = (index: number, entry: Entry): void => {
    heap[index] = entry;
  };
  const rise = (entry: Entry): void => {
    let at = heap.length;
    for (let above = (at - 1) >> 1; at > 0; above = (at - 1) >> 1) {
      const parent = heap[above];
      if (parent === undefined || !before(entry, parent)) break;
      place(at, parent);
      at = above;
    }
    place(at, entry);
  };
  const sink = (entry: Entry): void => {
    let at = 0;
    for (;;) {
      const [left, right] = [heap[2 * at + 1], heap[2 * at + 2]];
      const least = right !== undefined && left !== undefined && before(right, left) ? right : left;
      if (least === undefined || before(entry, least)) break;
      place(at, least);
      at = 2 * at + (least === left ? 1 : 2);
    }
    place(at, entry);
  };
  const pop = (): Entry | undefined => {
    const first = heap[0];
    const last = heap.pop();
    if (last !== undefined && last !== first) sink(last);
    return first;
  };
  return {
    add(at, act) {
      const entry: Entry = { at, order: count, act };
      count += 1;
      rise(entry);
      return () => {
        entry.act = null;
      };
    },
    take() {
      for (let entry = pop(); entry !== undefined; entry = pop()) {
        if (entry.act !== null) return { at: entry.at, act: entry.act };
      }
      return null;
    },
  };
}
