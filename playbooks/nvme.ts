// NVMe disks for guests: by address and serial number, never by model, as the boot disk is often of the same. A disk that is
// mounted, held or swapped to is refused, and one with data on it, too, unless that is allowed. With the
// consumer `cloudpods` nothing is bound, as its host agent binds custom devices, by ids alone: a check says what it would take.
import {
  checks,
  deviceSelectors,
  iommuArguments,
  kernelArguments,
  modulesToLoad,
  pciBinding,
  playbook,
  vfioModules,
  z,
} from 'vfleet';

export default playbook({
  name: 'NVMe',
  description: 'Gives NVMe disks to vfio-pci, from the initramfs on, and verifies that.',

  vars: z.object({
    consumer: z.enum(['plain', 'cloudpods']).default('plain'),
    /** Each with address and serial: `{ address: 0000:5e:00.0, serial: S4EMNX0R123456 }`. To pass one with data: `allow: [data]`. */
    devices: deviceSelectors
      .refine(
        (list) => list.every(({ address, serial }) => address !== undefined && serial !== undefined),
        'name each disk by address and serial: { address: 0000:5e:00.0, serial: S4EMNX0R123456 }; see `vfleet devices --kind nvme`',
      )
      .default([]),
  }),

  gate: ({ vars }) => [checks.iommuInFirmware(), checks.devicesFree(vars.devices)],

  async apply(host) {
    await host.ensure(kernelArguments(iommuArguments(host.facts)), modulesToLoad('vfio.conf', vfioModules(host.facts)));
    await host.settle();
    const { consumer, devices } = host.vars;
    // The agent binds: what we have bound before is given back.
    await host.ensure(pciBinding(consumer === 'plain' ? devices : [], { name: 'nvme', early: true }));
    await host.settle();
  },

  verify: ({ vars }) => [
    checks.iommuActive(),
    checks.kernelArgumentsActive(),
    checks.vfioLoaded(),
    vars.consumer === 'plain' ? checks.devicesBound(vars.devices) : checks.cloudpodsAgent({ custom: vars.devices }),
  ],
});
