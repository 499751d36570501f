import { hostname } from 'node:os';
import type { Holder } from '../host/lease.ts';
import { hasEnded, type Owner, thisProcess } from '../lock/owner.ts';
import type { Environment } from './environment.ts';

/** The holder of one run's leases. A run may end before its process does, and leave leases on hosts that are away. */
export interface RunHolder extends Holder {
  /** Says that the run is over: a later one of this process may take its leases over. */
  end(): void;
}

/** Runs of this process that are over, by their number in it. */
const over = new Set<number>();
let latest = 0;

/** A run of this process, as leases on hosts tell of it. */
export function holderOf({ user }: Pick<Environment, 'user'>): RunHolder {
  const own = thisProcess();
  latest += 1;
  const number = latest;
  return {
    who: `${user}@${hostname()}`,
    process: JSON.stringify({ ...own, number }),
    isGone: (process) => {
      const owner = parseOwner(process);
      // Another boot id may be another machine of the same name.
      if (owner === null || owner.boot !== own.boot) return false;
      return hasEnded(owner) || (isSame(owner, own) && owner.number !== undefined && over.has(owner.number));
    },
    end: () => void over.add(number),
  };
}

function isSame(one: Owner, other: Owner): boolean {
  return one.pid === other.pid && one.namespace === other.namespace && one.machine === other.machine;
}

function parseOwner(text: string): (Owner & { readonly number?: number }) | null {
  try {
    const found: Partial<Owner> = JSON.parse(text);
    const { pid, started, boot, namespace, machine } = found;
    const whole =
      typeof pid === 'number' && [started, boot, namespace, machine].every((part) => typeof part === 'string');
    return whole ? (found as Owner) : null;
  } catch {
    return null;
  }
}
