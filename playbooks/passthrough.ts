// Prepares a host for PCI passthrough: IOMMU on in the kernel, VFIO modules loaded at every boot, reboot when due, and
// proof. By default exactly what the Cloudpods guide asks for in its steps 2 to 4 and 6.
import { checks, deviceSelectors, kernelArguments, modulesToLoad, playbook, vfioModules, z } from 'vfleet';

export default playbook({
  name: 'PCI passthrough',
  description: 'Turns the IOMMU on, loads the VFIO modules at boot, reboots when due, and verifies the result.',

  vars: z.object({
    /**
     * Lets VFIO work without interrupt remapping. Needless where the machine has it, but demanded by the Cloudpods host
     * agent, hence the guide's default.
     */
    allowUnsafeInterrupts: z.boolean().default(true),
    /** Devices that must be held by vfio-pci, for `verify`: addresses (`0000:03:00.0`), ids (`10de:1b06`), and more. */
    devices: deviceSelectors.default([]),
  }),

  gate: () => [checks.iommuInFirmware()],

  async apply(host) {
    const table = host.facts.iommu.firmware;
    await host.ensure(
      kernelArguments({
        // By the firmware's table, not by the CPU's name. An AMD IOMMU is on by default: `amd_iommu=on` is no option.
        ...(table === 'DMAR' && { intel_iommu: 'on' }),
        ...(table === 'IORT' ? { 'iommu.passthrough': '1' } : { iommu: 'pt' }),
        ...(host.vars.allowUnsafeInterrupts && { 'vfio_iommu_type1.allow_unsafe_interrupts': '1' }),
      }),
      modulesToLoad('vfio.conf', vfioModules(host.facts)),
    );
    await host.settle();
  },

  verify: (host) => [
    checks.iommuInFirmware(),
    checks.iommuActive(),
    checks.kernelArgumentsActive(),
    checks.vfioLoaded(),
    // The host agent binds them at each start, so nothing else needs to keep the binding over a reboot.
    checks.devicesBound(host.vars.devices, { persistent: false }),
  ],
});
