import type { Facts, SetupFile } from '../../facts/facts.ts';
import { argumentFindings, type Known } from './arguments.ts';
import type { Finding } from './finding.ts';
import { hugepageLink, hugepageUnit, overrideScript, reserveScript } from './installer-files.ts';
import { modprobeFindings } from './modprobe.ts';
import { dracutFindings, moduleListFindings } from './module-lists.ts';
import { driverctlFindings, hugepageFindings, overrideFindings } from './programs.ts';

/** Everything that an earlier preparation of a host has left, as far as facts tell. Pure. */
export function findLeftovers(facts: Facts, known: Known): readonly Finding[] {
  const files = facts.setup?.files ?? [];
  return [
    ...files.flatMap((file) => fileFindings(file, facts)),
    ...driverctlFindings(files, facts),
    ...argumentFindings(facts, known),
  ];
}

function fileFindings(file: SetupFile, facts: Facts): readonly Finding[] {
  const { path } = file;
  if (path.startsWith('/etc/modprobe.d/')) return modprobeFindings(file, facts);
  if (path.startsWith('/etc/modules-load.d/') || path === '/etc/initramfs-tools/modules')
    return moduleListFindings(file, facts);
  if (path.startsWith('/etc/dracut.conf.d/')) return dracutFindings(file, facts);
  if (path === overrideScript) return overrideFindings(file, facts);
  return [reserveScript, hugepageUnit, hugepageLink].includes(path) ? hugepageFindings(file, facts) : [];
}
