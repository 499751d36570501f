import { type OpenNodes, openNodesProbe, parseOpenNodes } from '../devices/open-nodes.ts';
import { refuseUsed } from '../devices/users.ts';
import type { Facts } from '../facts/facts.ts';
import type { Found } from '../resources/batch.ts';
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
  const theirs = Object.entries(files).filter(
    ([path, file]) => !copiesRule.test(path) && file.playbooks.some((name) => name !== playbook),
  );
  return new Set(
    theirs.flatMap(([path, file]) => {
      // A file of driverctl's is about one device, though it was written with others.
      const [, only] = /^\/etc\/driverctl\.d\/pci-(.+)$/.exec(path) ?? [];
      const bound = file.digest === 'absent' ? [] : devicesIn(file).filter(({ driver }) => driver !== null);
      return bound.map(({ address }) => address).filter((address) => only === undefined || address === only);
    }),
  );
}

/**
 * What has an initramfs carry the rule of a binding. It stays as it is when the rule names other devices, so that those of its
 * first write are of no account.
 */
const copiesRule = /^\/etc\/(?:dracut\.conf\.d|initramfs-tools\/hooks)\/vfleet-/;

function devicesIn({ effects }: OwnedFile): readonly { readonly address: string; readonly driver: string | null }[] {
  return effects.flatMap((effect) => (effect.kind === 'devices' ? effect.devices : []));
}
