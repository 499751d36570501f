import { expect } from 'vitest';
import { findVmKind, type VmKind } from '../../src/lab/vm/kind.ts';
import { look, type Machine } from './machine.ts';
import type { Nodes } from './nodes.ts';

/** What the guide wants of a node of a kind; written down here by hand, not computed by the program under test. */
export function wantedArguments(kindName: string): readonly string[] {
  const all = ['iommu=pt', 'vfio_iommu_type1.allow_unsafe_interrupts=1'];
  return kindOf(kindName).vendor === 'intel' ? ['intel_iommu=on', ...all] : all;
}

/** Kernels before 6.2 have the module `vfio_virqfd`. */
export function wantedModules(kindName: string): readonly string[] {
  const common = ['vfio', 'vfio_iommu_type1', 'vfio_pci'];
  return kindOf(kindName).recipe.suite === 'trixie' ? common : [...common, 'vfio_virqfd'];
}

/** Asserts on the machine itself that it is prepared. */
export async function expectPrepared(nodes: Nodes, node: string, kindName: string): Promise<Machine> {
  const machine = await look(nodes, node);
  // All of it: what was there before is still there, in its order, and nothing twice.
  const words = machine.commandLine.filter((word) => !/^(BOOT_IMAGE|initrd|root)=/.test(word));
  // Debian's GRUB puts its default arguments, among them `quiet`, behind all others.
  const wished = wantedArguments(kindName);
  const byGrub = kindOf(kindName).recipe.loader === undefined;
  const wanted = ['ro', 'console=ttyS0', 'no_timer_check', ...(byGrub ? [...wished, 'quiet'] : ['quiet', ...wished])];
  expect(words, `${node}: /proc/cmdline`).toEqual(wanted);
  expect(machine.modulesToLoad, `${node}: vfio.conf`).toBe(
    wantedModules(kindName)
      .map((name) => `${name}\n`)
      .join(''),
  );
  for (const name of wantedModules(kindName)) expect(machine.modules, `${node}: lsmod`).toContain(name);
  expect(machine.failedUnits, `${node}: failed units`).toBe('');
  expect(machine.vfioDevice, `${node}: /dev/vfio/vfio`).toBe(true);
  expect(machine.groups.length, `${node}: IOMMU groups`).toBeGreaterThan(5);
  return machine;
}

function kindOf(name: string): VmKind {
  const kind = findVmKind(name);
  if (typeof kind === 'string') throw new Error(kind);
  return kind;
}
