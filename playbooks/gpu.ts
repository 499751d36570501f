// GPUs for guests: their drivers are kept away from boot on, and vfio-pci holds every function of the cards with their IOMMU
// groups. With the consumer `cloudpods` nothing is bound, as its host agent binds: the host gets what the agent looks for.
import {
  checks,
  cloudpodsGpuArguments,
  deviceSelectors,
  driversKeptAway,
  gpuArguments,
  gpuDrivers,
  iommuArguments,
  kernelArguments,
  modulesToLoad,
  pciBinding,
  playbook,
  vfioModules,
  z,
} from 'vfleet';

export default playbook({
  name: 'GPU',
  description: 'Keeps drivers of GPUs away, gives the cards to vfio-pci with all their functions, and verifies that.',

  vars: z.object({
    consumer: z.enum(['plain', 'cloudpods']).default('plain'),
    /** The GPUs. The boot display and that of a BMC only with `allow: [boot-display]` or `allow: [bmc]`. */
    devices: deviceSelectors.default([]),
  }),

  gate: ({ vars }) => [checks.iommuInFirmware(), checks.devicesFree(vars.devices)],

  async apply(host) {
    const { consumer, devices } = host.vars;
    const isPlain = consumer === 'plain';
    const isOn = host.facts.iommu.groups.length > 0;
    // Only where no GPU that stays with the host needs them.
    const drivers = isPlain ? gpuDrivers(host, devices) : ['nouveau'];
    // Bound by the reboot that turns the IOMMU on. With Cloudpods the agent binds: what we have bound before is given back.
    const binding = pciBinding(isPlain ? devices : [], { name: 'gpu', ahead: true });
    await host.ensure(
      kernelArguments({
        ...iommuArguments(host.facts),
        ...(isPlain ? gpuArguments(host.facts, drivers) : cloudpodsGpuArguments(host.facts)),
      }),
      modulesToLoad('vfio.conf', vfioModules(host.facts)),
      driversKeptAway('gpu', drivers, devices),
      binding,
    );
    await host.settle();
    // What else goes with the cards is known once it is on.
    if (!isPlain || isOn) return;
    await host.ensure(binding);
    await host.settle();
  },

  verify: ({ vars }) => [
    checks.iommuActive(),
    checks.kernelArgumentsActive(),
    checks.vfioLoaded(),
    ...(vars.consumer === 'plain' ? [checks.devicesBound(vars.devices)] : [checks.cloudpodsAgent()]),
  ],
});
