import type { Facts, PciDevice } from '../facts/facts.ts';
import { findDevices } from './find.ts';
import type { Obstacle } from './obstacle.ts';
import { obstacleText } from './require-free.ts';
import type { DeviceSelector } from './selector.ts';

/** Displays that selectors would take among others, and leave to the host; those that another selector takes are none. */
export function leftOutBy(facts: Facts, selectors: readonly DeviceSelector[]): readonly Obstacle[] {
  const found = selectors.map((selector) => findDevices(facts, selector));
  const chosen = new Set(
    found.flatMap((one) => ('devices' in one ? one.devices : [])).map(({ address }: PciDevice) => address),
  );
  const all = found.flatMap((one) => one.leftOut).filter(({ device }) => !chosen.has(device));
  const isFirst = ({ device, kind }: Obstacle, index: number): boolean =>
    all.findIndex((other) => other.device === device && other.kind === kind) === index;
  return all.filter(isFirst);
}

/** What is said of each: why it stays, and what would take it. */
export function leftOutText(obstacle: Obstacle): string {
  return `left out: ${obstacleText(obstacle)}; name it by its address and allow ${obstacle.consent ?? obstacle.kind} to take it`;
}
