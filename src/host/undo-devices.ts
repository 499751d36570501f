import { type OpenNodes, openNodesProbe, parseOpenNodes } from '../devices/open-nodes.ts';
import { refuseUsed } from '../devices/users.ts';
import type { Facts } from '../facts/facts.ts';
import type { Found } from '../resources/batch.ts';
import type { Effect, HeldDevice } from '../resources/effect.ts';
import type { Change, Read } from '../resources/resource.ts';
import type { OwnedFile } from './owned-file.ts';
import type { HostRecord } from './record.ts';

const read = 'open device nodes';

/** What is to be read before devices of a playbook are given back: who has them open. */
export function readsOfDevices({ files }: HostRecord, playbook: string): readonly (readonly [string, Read])[] {
  const binds = Object.values(files).some((file) => file.playbooks.includes(playbook) && devicesIn(file).length > 0);
  return binds ? [[read, { probes: { open: openNodesProbe } }]] : [];
}

/** Refuses an undo that would take devices from a running guest. Errors: `device.held`; nothing is written then. */
export function refuseHeldDevices(changes: readonly Change[], found: Found, facts: Facts, host: string): void {
  const given = changes.flatMap(({ effects }) =>
    effects.flatMap((effect) => (effect.kind === 'devices' ? effect.devices : [])),
  );
  const addresses = new Set(given.map(({ address }) => address));
  const devices = facts.pci.filter(({ address, driver }) => addresses.has(address) && driver === 'vfio-pci');
  const open: OpenNodes = parseOpenNodes(found.states.get(read)?.probe('open').stdout ?? '');
  refuseUsed(devices, open, host);
}

/** Addresses of devices that files of other playbooks bind, and that stay bound. */
export function boundByOthers({ files }: HostRecord, playbook: string): ReadonlySet<string> {
  const theirs = Object.entries(files).filter(([, file]) => file.playbooks.some((name) => name !== playbook));
  return new Set(
    theirs.flatMap(([path, file]) =>
      file.digest === 'absent' ? [] : heldBy(path, devicesIn(file)).map(({ address }) => address),
    ),
  );
}

/**
 * What undoing a file of a binding makes due: of devices those that it binds. Others were written with it once, have been given
 * back since, and may be somebody else's by now.
 */
export function withHeldDevices(path: string, effects: readonly Effect[]): readonly Effect[] {
  return effects.flatMap((effect): readonly Effect[] => {
    if (effect.kind !== 'devices') return [effect];
    const devices = heldBy(path, effect.devices);
    return devices.length === 0 ? [] : [{ ...effect, devices }];
  });
}

/** Of devices that a file was written with, those that it binds. */
function heldBy(path: string, devices: readonly HeldDevice[]): readonly HeldDevice[] {
  if (copiesRule.test(path)) return [];
  // A file of driverctl's is about one device.
  const [, only] = /^\/etc\/driverctl\.d\/pci-(.+)$/.exec(path) ?? [];
  return devices.filter(({ address, driver }) => driver !== null && (only === undefined || address === only));
}

/** What has an initramfs carry the rule of a binding. It stays as it is when the rule comes to name other devices. */
const copiesRule = /^\/etc\/(?:dracut\.conf\.d|initramfs-tools\/hooks)\/vfleet-/;

function devicesIn({ effects }: OwnedFile): readonly HeldDevice[] {
  return effects.flatMap((effect) => (effect.kind === 'devices' ? effect.devices : []));
}
