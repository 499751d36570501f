import path from 'node:path';
import { writeHugepages } from './hugepages.ts';
import { autoprobe, bind, newId, override, probe, setFunctions, type Turn, unbind } from './pci-bus.ts';
import type { Running } from './running.ts';

/** What a write to a file of the bus comes to; `null`: nothing. */
export function written(running: Running, folder: string, name: string, text: string): Turn | null {
  const owner = path.posix.basename(folder);
  switch (name) {
    case 'drivers_probe':
      return probe(running, text);
    case 'bind':
      return bind(running, owner, text);
    case 'unbind':
      return unbind(running, owner, text);
    case 'new_id':
      return newId(running, owner, text);
    case 'driver_override':
      return override(running, owner, text);
    case 'nr_hugepages':
      return reserve(running, folder, text);
    case 'sriov_drivers_autoprobe':
      return autoprobe(running, owner, text);
    case 'sriov_numvfs':
      return setFunctions(running, owner, text);
    default:
      return null;
  }
}

/** Folders of hugepages: of all nodes, and of each. */
export function poolFolders({ settings, hugepages }: Running): readonly string[] {
  const nodes = Array.from({ length: settings.numaNodes }, (_, node) => `/sys/devices/system/node/node${node}`);
  return ['/sys/kernel/mm', ...nodes].flatMap((base) =>
    hugepages.pools.map(({ sizeKiB }) => `${base}/hugepages/hugepages-${sizeKiB}kB`),
  );
}

function reserve(running: Running, folder: string, text: string): Turn | null {
  const sizeKiB = Number(/hugepages-(\d+)kB$/.exec(folder)?.[1] ?? 0);
  const node = /\/node(\d+)\/hugepages/.exec(folder)?.[1];
  if (!/^\d+$/.test(text)) return null;
  const wish = { sizeKiB, node: node === undefined ? null : Number(node), pages: Number(text) };
  const hugepages = writeHugepages(running.hugepages, wish, running.settings);
  return { running: { ...running, hugepages }, log: [], added: [] };
}
