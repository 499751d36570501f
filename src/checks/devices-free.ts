import { leftOutBy, leftOutText } from '../devices/left-out.ts';
import type { Obstacle } from '../devices/obstacle.ts';
import { obstaclesOf } from '../devices/obstacles.ts';
import { obstacleText } from '../devices/require-free.ts';
import { devicesOf, selectUnits } from '../devices/select.ts';
import type { Unit } from '../devices/selection.ts';
import type { DeviceSelector } from '../devices/selector.ts';
import { parseSelectors, selectorText } from '../devices/selectors.ts';
import { VfleetError } from '../errors.ts';
import type { Facts } from '../facts/facts.ts';
import type { Check, CheckInput } from './check.ts';
import { deviceEvidence, deviceLine } from './devices-evidence.ts';
import { check, type Judgement } from './verdict.ts';

/**
 * Whether devices can be taken from the host, with all that goes with them: none carries the SSH connection, a default route or
 * another network that is in use, a disk that is in use or has data, the boot display, a console, or belongs to the BMC. Which
 * processes have them open is read where they are bound, not here. What vfio-pci holds already is the host's no more. Errors:
 * `device.selector` for a text that names nothing.
 *
 * @example
 * gate: (host) => [checks.devicesFree(host.vars.devices)]
 */
export function devicesFree(devices: readonly (string | DeviceSelector)[]): Check {
  const selectors = parseSelectors(devices, 'checks.devicesFree');
  return check(
    {
      id: 'devices-free',
      title: 'Can the host do without the devices?',
      evidence: (facts) => deviceEvidence(chosenOn(facts, selectors)),
    },
    (input) => judgeSelection(input, selectors),
  );
}

function chosenOn(facts: Facts, selectors: readonly DeviceSelector[]) {
  try {
    return selectUnits(facts, selectors, '').flatMap(devicesOf);
  } catch {
    return [];
  }
}

function judgeSelection({ facts, host }: CheckInput, selectors: readonly DeviceSelector[]): Judgement {
  if (selectors.length === 0) return { outcome: 'not-applicable', found: 'No devices are named for this host.' };
  try {
    const { evidence = [], ...judged } = judgeUnits(facts, selectUnits(facts, selectors, host));
    return { ...judged, evidence: [...evidence, ...leftOutBy(facts, selectors).map(leftOutText)] };
  } catch (thrown) {
    if (!(thrown instanceof VfleetError)) throw thrown;
    const { thing, expected, found, next } = thrown.parts;
    const outcome = thrown.code === 'device.unknown' ? 'unknown' : 'fail';
    const evidence = selectors.map((selector) => `wanted: ${selectorText(selector)}`);
    return { outcome, found: `${thing}: expected ${expected}, found ${found}.`, evidence, remedy: next };
  }
}

function judgeUnits(facts: Facts, units: readonly Unit[]): Judgement {
  const obstacles = units.flatMap((unit) => obstaclesOf(facts, unit));
  const devices = units.flatMap(devicesOf);
  const lines = devices.map(deviceLine);
  if (obstacles.length === 0) {
    const all = devices.map(({ address }) => address).join(', ');
    const open = devices.some(({ iommuGroup }) => iommuGroup === null)
      ? ' What shares their IOMMU groups is known once the IOMMU is on.'
      : '';
    return { outcome: 'pass', found: `The host can do without ${all}.${open}`, evidence: lines };
  }
  const outcome = obstacles.every(({ kind }) => kind === 'unknown') ? 'unknown' : 'fail';
  return {
    outcome,
    found: `${obstacles.map(obstacleText).join('; ')}.`,
    evidence: [...obstacles.map(evidenceLine), ...lines],
    remedy: [...new Set(obstacles.map(({ remedy }) => remedy))].join('; '),
  };
}

function evidenceLine({ kind, device, reason, remedy, consent }: Obstacle): string {
  const allowed = consent === undefined ? 'nothing lets it pass' : `allow: [${consent}] lets it pass`;
  return `${device}: ${kind}: ${reason}; ${remedy} (${allowed})`;
}
