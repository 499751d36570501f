import { openNodesProbe, parseOpenNodes } from '../devices/open-nodes.ts';
import { requireFree } from '../devices/require-free.ts';
import { devicesOf, selectUnits } from '../devices/select.ts';
import type { DeviceSelector } from '../devices/selector.ts';
import { VfleetError } from '../errors.ts';
import type { Facts } from '../facts/facts.ts';
import { diffOf } from './diff.ts';
import type { Effect } from './effect.ts';
import { fileSet } from './file-set.ts';
import { keptUntilReboot } from './gpu-drivers.ts';
import { textAt } from './pci-binding-files.ts';
import type { Change, ChangeContext, Resource, State } from './resource.ts';

/**
 * Drivers that are not loaded for the devices they know: a file of `/etc/modprobe.d`, also in the initramfs (modprobe.d(5),
 * `blacklist`). `devices` lose their drivers by it, and must be free. With no drivers the file of an earlier run goes. Errors
 * (`VfleetError`): `device.blacklist` at once; those of `pciBinding` on a host whose devices are in use.
 *
 * @example
 * driversKeptAway('gpu', gpuDrivers(host, host.vars.devices), host.vars.devices)
 */
export function driversKeptAway(
  name: string,
  drivers: readonly string[],
  devices: readonly DeviceSelector[] = [],
): Resource {
  const wrong = [name, ...drivers].find((word) => !/^\w[\w-]{0,60}$/.test(word));
  if (wrong !== undefined) {
    const expected = 'names of letters, digits, _ and -';
    const thing = `driversKeptAway ${JSON.stringify(name)}`;
    throw new VfleetError({
      code: 'device.blacklist',
      thing,
      expected,
      found: JSON.stringify(wrong),
      next: 'correct it',
    });
  }
  const path = `/etc/modprobe.d/vfleet-${name}.conf`;
  const resource = `drivers kept away ${name}`;
  return {
    kind: 'drivers kept away',
    name: resource,
    read: () => ({ files: [path], probes: { open: openNodesProbe } }),
    change: (state, context) => change({ resource, path, drivers, devices }, state, context),
  };
}

interface Wish {
  readonly resource: string;
  readonly path: string;
  readonly drivers: readonly string[];
  readonly devices: readonly DeviceSelector[];
}

function change({ resource, path, drivers, devices }: Wish, state: State, context: ChangeContext): Change | null {
  const { facts, host } = context;
  const released = namedIn(textAt(state, path)).filter((driver) => !drivers.includes(driver));
  const effects = [...effectsOf(path, drivers, facts), ...releaseEffects(released, devices, context)];
  if (drivers.length === 0) return removal(resource, path, state, effects);
  const content = { template: 'gpu-blacklist.conf.hbs', data: { drivers } };
  const summary = `keep ${drivers.join(' ')} from being loaded`;
  const written = fileSet({ resource, summary, effects }, [{ path, content }], state, context);
  if (written !== null && written.actions.length > 0) {
    const losing = selectUnits(facts, devices, host).filter((unit) =>
      devicesOf(unit).some(({ driver }) => driver !== null && drivers.includes(driver)),
    );
    requireFree(facts, losing, host, parseOpenNodes(state.probe('open').stdout));
  }
  return written;
}

/** The name is ours, so that the file is an earlier run's. */
function removal(resource: string, path: string, state: State, effects: readonly Effect[]): Change | null {
  const before = state.file(path);
  if (before.kind !== 'file') return null;
  return {
    resource,
    summary: `remove ${path}: no driver is to be kept away`,
    diffs: [diffOf(path, before, null)],
    actions: [{ kind: 'remove', path }],
    effects,
    notes: [],
  };
}

/** Drivers that an earlier run has kept away. */
function namedIn(text: string): readonly string[] {
  return text.split('\n').flatMap((line) => /^blacklist\s+(\S+)/.exec(line)?.[1] ?? []);
}

/** A device that is given away no more gets its driver back only when the kernel is told so no more. */
function releaseEffects(
  released: readonly string[],
  devices: readonly DeviceSelector[],
  { facts, host }: ChangeContext,
): readonly Effect[] {
  if (released.length === 0) return [];
  const reason = keptUntilReboot(facts, released, selectUnits(facts, devices, host).flatMap(devicesOf));
  return reason === null ? [] : [{ kind: 'reboot', reason, present: [], absent: [] }];
}

/** A driver that is loaded stays until the next boot. */
function effectsOf(path: string, drivers: readonly string[], { modules, pci }: Facts): readonly Effect[] {
  const initramfs: Effect = { kind: 'initramfs', reason: `${path} changes, which the initramfs copies` };
  const loaded = drivers.filter(
    (name) => modules.loaded.includes(name) || pci.some((device) => device.driver?.replaceAll('-', '_') === name),
  );
  if (loaded.length === 0) return [initramfs];
  return [initramfs, { kind: 'reboot', reason: `${loaded.join(', ')} loaded`, present: [], absent: [] }];
}
