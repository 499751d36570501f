import { VfleetError } from '../errors.ts';
import type { Facts } from '../facts/facts.ts';
import type { Obstacle } from './obstacle.ts';
import { obstaclesOf } from './obstacles.ts';
import type { OpenNodes } from './open-nodes.ts';
import type { Unit } from './selection.ts';

/**
 * Refuses units that may not be taken from the host, before anything is written. Errors: `device.` and the kind of the first
 * obstacle (`device.ssh-path`, `device.boot-disk`), with all that stand in the way of all units.
 */
export function requireFree(facts: Facts, units: readonly Unit[], host: string, open?: OpenNodes): void {
  const obstacles = units.flatMap((unit) => obstaclesOf(facts, unit, open));
  if (obstacles.length > 0) throw refusal(obstacles, host);
}

/** The error that tells of obstacles. */
export function refusal(obstacles: readonly Obstacle[], host: string): VfleetError {
  const devices = [...new Set(obstacles.map(({ device }) => device))];
  return new VfleetError({
    code: `device.${obstacles[0]?.kind ?? 'unknown'}`,
    host,
    thing: `devices ${devices.join(', ')}`,
    expected: 'what the host can do without',
    found: obstacles.map(obstacleText).join('; '),
    next: [...new Set(obstacles.map(({ remedy }) => remedy))].join('; '),
  });
}

/** Device and reason in one line. */
export function obstacleText({ device, reason }: Obstacle): string {
  return `${device}: ${reason}`;
}
