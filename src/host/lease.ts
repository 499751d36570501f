import { VfleetError } from '../errors.ts';
import type { Output } from '../shell/shell.ts';

/** How long a lease lasts, and how often its holder renews it. */
export interface LeasePolicy {
  /** Seconds of the host's up-time for which it keeps others out, from the last time that its holder was heard of. */
  readonly seconds: number;
  /** Milliseconds between two renewals. */
  readonly renewEvery: number;
}

export const defaultLeasePolicy: LeasePolicy = { seconds: 120, renewEvery: 40_000 };

/** Who holds leases for a run. */
export interface Holder {
  /** For people: `alice@controller`. */
  readonly who: string;
  /** Tells this process from all others, so that another run of the same controller can know that it has ended. */
  readonly process: string;
  /** Whether such a process is known to have ended. One of another controller never is. */
  isGone(process: string): boolean;
}

export const unknownHolder: Holder = { who: 'somebody', process: '', isGone: () => false };

/** Why a lease keeps others out. `newer`: a newer vfleet wrote it. `free`: it does not. */
export type Hold = 'working' | 'rebooting' | 'job' | 'newer' | 'free';

/** What a host says of the lease on it. */
export interface Lease {
  readonly run: string;
  readonly who: string;
  readonly process: string;
  /** When it was taken, by the host's clock: ISO 8601, UTC. */
  readonly since: string;
  readonly hold: Hold;
  /** Seconds until it runs out, unless it is renewed. */
  readonly left: number;
}

const holds: readonly Hold[] = ['working', 'rebooting', 'job', 'newer', 'free'];

/** The lease that a script told of; `null`: there is none. Pure. */
export function parseLease({ sections }: Pick<Output, 'sections'>): Lease | null {
  const text = sections.get('lease')?.toString('utf8');
  if (text === undefined) return null;
  const value = (key: string): string => new RegExp(`^${key}=(.*)$`, 'm').exec(text)?.[1] ?? '';
  const run = value('run');
  if (run === '') return null;
  return {
    run,
    who: value('who') || 'somebody',
    process: value('process'),
    since: value('since'),
    hold: holds.find((hold) => hold === value('hold')) ?? 'free',
    left: Number.parseInt(value('left'), 10) || 0,
  };
}

/** Who is at work on the host, since when, and until when at least. Pure. */
export function describeLease({ run, who, since, hold, left }: Lease): string {
  const seconds = `${left} second${left === 1 ? '' : 's'}`;
  const until: Readonly<Record<Hold, string>> = {
    working: `its lease runs out in ${seconds} unless it is renewed`,
    rebooting: `it has rebooted the host, and is expected back within ${seconds}`,
    job: 'a job that it has started is still at work',
    newer: 'its lease was written by a newer vfleet',
    free: 'its lease has run out',
  };
  return `run ${run} of ${who}, at work since ${since || 'an unknown time'}; ${until[hold]}`;
}

/** The error of a host on which another run, or another controller of the run, is at work. Nothing was written. */
export function leased(host: string, lease: Lease, run: string): VfleetError {
  return new VfleetError({
    code: 'host.leased',
    host,
    thing: 'its lease',
    expected: `no other ${lease.run === run ? 'controller of this run' : 'run'} at work on this host`,
    found: describeLease(lease),
    next: nextOf(lease, run),
  });
}

function nextOf(lease: Lease, run: string): string {
  if (lease.hold === 'newer') return 'use that version of vfleet for this host';
  if (lease.run === run)
    return `leave the run to that controller; when it is gone, \`vfleet resume ${run} --retry-failed\` goes on from here`;
  return `wait for its end and run \`vfleet apply\` again; if it was stopped, its own operator goes on at once with \`vfleet resume ${lease.run}\``;
}
