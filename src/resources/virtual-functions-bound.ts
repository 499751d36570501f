import type { PhysicalFunction } from '../devices/physical-function.ts';
import { VfleetError } from '../errors.ts';
import { parseBound } from '../facts/bound-devices.ts';
import { driverctlGlob, ruleGlob, textAt } from './pci-binding-files.ts';
import type { State } from './resource.ts';

/** What keeps single functions with a driver: rules of bindings, and files of driverctl. */
export const bindingFiles: readonly string[] = [ruleGlob, driverctlGlob];

/**
 * Refuses to take functions away, or back for the host, that a binding keeps: its playbook would bind them again, or look for
 * them in vain. Errors: `device.owner`.
 */
export function refuseBound({ device, functions }: PhysicalFunction, state: State, host: string): void {
  const own = new Set(functions.map(({ address }) => address));
  const rules = state
    .matches(ruleGlob)
    .flatMap((path) => parseBound(textAt(state, path)).map(({ address }) => ({ path, address })));
  const files = state.matches(driverctlGlob).map((path) => ({ path, address: path.replace(/^.*\/pci-/, '') }));
  const bound = [...rules, ...files].find(({ address }) => own.has(address));
  if (bound === undefined) return;
  throw new VfleetError({
    code: 'device.owner',
    host,
    thing: `virtual functions of ${device.address}`,
    expected: 'none that something else binds',
    found: `${bound.address} in ${bound.path}`,
    next: 'leave the number and the driver to `driver: vfio-pci` as they are, or take the function out of that playbook first; nothing was changed',
  });
}
