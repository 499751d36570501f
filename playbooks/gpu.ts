// GPUs for guests: their drivers are kept away from boot on, and vfio-pci holds every function of the cards with their IOMMU
// groups. With the consumer `cloudpods` nothing is bound, as its host agent binds: the host gets what the agent looks for.
import {
  asksForDevices,
  checks,
  cloudpodsGpuArguments,
  cloudpodsGpus,
  deviceSelectors,
  devicesOfKind,
  driversKeptAway,
  gpuArguments,
  gpuDrivers,
  iommuArguments,
  kernelArguments,
  modulesToLoad,
  pciBinding,
  playbook,
  vfioModules,
  wasBoundBy,
  z,
} from 'vfleet';

export default playbook({
  name: 'GPU',
  description: 'Keeps drivers of GPUs away, gives the cards to vfio-pci with all their functions, and verifies that.',

  vars: z.object({
    consumer: z.enum(['plain', 'cloudpods']).default('plain'),
    /** The GPUs; others that are named are left to their playbooks. The boot display and that of a BMC only with `allow: [boot-display]` or `allow: [bmc]`. */
    devices: deviceSelectors.default([]),
  }),

  gate: (host) => [
    ...(asksForDevices(host.vars) ? [checks.iommuInFirmware()] : []),
    checks.devicesFree(devicesOfKind(host, host.vars.devices, 'gpu').devices),
  ],

  async apply(host) {
    // Nothing is named: what an earlier run has bound is given back, by whatever it was kept.
    if (!asksForDevices(host.vars) && !wasBoundBy(host.facts, 'gpu')) {
      await host.ensure(pciBinding([], { name: 'gpu' }));
      return host.settle();
    }
    const isPlain = host.vars.consumer === 'plain';
    const { devices } = devicesOfKind(host, host.vars.devices, 'gpu');
    const isOn = host.facts.iommu.groups.length > 0;
    // Only where no GPU that stays with the host needs them.
    const drivers = isPlain ? gpuDrivers(host, devices) : ['nouveau'];
    // Bound by the reboot that turns the IOMMU on. With Cloudpods the agent binds: what we have bound before is given back.
    const binding = () => {
      const { devices: gpus, notes } = devicesOfKind(host, host.vars.devices, 'gpu');
      return pciBinding(isPlain ? gpus : [], { name: 'gpu', ahead: true, notes });
    };
    await host.ensure(
      kernelArguments({
        ...iommuArguments(host.facts),
        ...(isPlain ? gpuArguments(host.facts, drivers) : cloudpodsGpuArguments(host.facts)),
      }),
      modulesToLoad('vfio.conf', vfioModules(host.facts)),
      driversKeptAway('gpu', drivers, devices),
      // The agent takes all of them, named or not, and by force.
      !isPlain && cloudpodsGpus(devices),
      binding(),
    );
    await host.settle();
    // What else goes with the cards is known once it is on.
    if (!isPlain || isOn) return;
    await host.ensure(binding());
    await host.settle();
  },

  verify: (host) => {
    const { devices } = devicesOfKind(host, host.vars.devices, 'gpu');
    if (!asksForDevices(host.vars)) return [checks.devicesBound([])];
    return [
      checks.iommuActive(),
      checks.kernelArgumentsActive(),
      checks.vfioLoaded(),
      host.vars.consumer === 'plain' ? checks.devicesBound(devices) : checks.cloudpodsAgent({ gpus: devices }),
    ];
  },
});
