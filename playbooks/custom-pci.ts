// PCI devices of any class for guests: accelerators, capture cards, HBAs, USB controllers. By address where that can be; by ids
// only with the count that is expected, as ids mean every device that has them. With the
// consumer `cloudpods` nothing is bound, as its host agent binds, by ids alone: a check says what it would take.
import {
  asksForDevices,
  checks,
  deviceSelectors,
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
  name: 'Custom PCI',
  description: 'Gives PCI devices of any class to vfio-pci, and verifies that.',

  vars: z.object({
    consumer: z.enum(['plain', 'cloudpods']).default('plain'),
    /** Addresses, slots, or ids with a count: `{ id: '8086:0d58', count: 2 }`. */
    devices: deviceSelectors
      .refine(
        (list) => list.every(({ address, slot, serial, count }) => (address ?? slot ?? serial ?? count) !== undefined),
        "say how many are meant where no address, slot or serial is given: { id: '8086:0d58', count: 2 }",
      )
      .default([]),
    /** Bind them in the initramfs already; `null`: where their drivers are likely to be there. */
    early: z.boolean().nullable().default(null),
  }),

  gate: ({ vars }) => [...(asksForDevices(vars) ? [checks.iommuInFirmware()] : []), checks.devicesFree(vars.devices)],

  async apply(host) {
    // Nothing is named: what an earlier run has bound is given back, by whatever it was kept.
    if (!asksForDevices(host.vars) && !wasBoundBy(host.facts, 'custom-pci')) {
      await host.ensure(pciBinding([], { name: 'custom-pci' }));
      return host.settle();
    }
    const { consumer, devices, early } = host.vars;
    await host.ensure(kernelArguments(iommuArguments(host.facts)), modulesToLoad('vfio.conf', vfioModules(host.facts)));
    await host.settle();
    // The agent binds: what we have bound before is given back.
    const ours = consumer === 'plain' ? devices : [];
    await host.ensure(pciBinding(ours, { name: 'custom-pci', ...(early !== null && { early }) }));
    await host.settle();
  },

  verify: ({ vars }) => {
    if (!asksForDevices(vars)) return [checks.devicesBound([])];
    return [
      checks.iommuActive(),
      checks.kernelArgumentsActive(),
      checks.vfioLoaded(),
      vars.consumer === 'plain' ? checks.devicesBound(vars.devices) : checks.cloudpodsAgent({ custom: vars.devices }),
    ];
  },
});
