import { checks } from '../../src/checks/checks.ts';
import { vfioModules } from '../../src/facts/modules.ts';
import { type Playbook, playbook } from '../../src/playbook/define.ts';
import { file } from '../../src/resources/file.ts';
import { kernelArguments } from '../../src/resources/kernel-arguments.ts';
import { modulesToLoad } from '../../src/resources/modules-to-load.ts';
import type { WishKind } from './scenario.ts';

/** Arguments with which a host must run in the end. */
export const wishedArguments: readonly string[] = ['intel_iommu=on', 'iommu=pt'];

/** The playbook of a scenario. */
export function playbookOf(kind: WishKind): Playbook {
  return playbook({
    name: 'simulated',
    gate: () => [checks.iommuInFirmware()],
    async apply(host) {
      await host.ensure(
        kernelArguments({ intel_iommu: 'on', iommu: 'pt' }),
        kind === 'modules' && modulesToLoad('vfio.conf', vfioModules(host.facts)),
        kind === 'initramfs' && file('/etc/modprobe.d/vfio.conf', 'options vfio_pci disable_vga=1\n'),
      );
      await host.settle();
    },
    verify: () => [checks.kernelArgumentsActive()],
  });
}
