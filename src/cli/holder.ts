import { hostname } from 'node:os';
import type { Holder } from '../host/lease.ts';
import { hasEnded, type Owner, thisProcess } from '../lock/owner.ts';
import type { Environment } from './environment.ts';

/** This process, as leases on hosts tell of it. */
export function holderOf({ user }: Pick<Environment, 'user'>): Holder {
  const own = thisProcess();
  return {
    who: `${user}@${hostname()}`,
    process: JSON.stringify(own),
    isGone: (process) => {
      const owner = parseOwner(process);
      // Another boot id may be another machine of the same name.
      return owner !== null && owner.boot === own.boot && hasEnded(owner);
    },
  };
}

function parseOwner(text: string): Owner | null {
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
