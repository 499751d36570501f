// NVMe disks for guests: by address and serial number, never by model, as the boot disk is often of the same. A disk that is
// mounted, held or swapped to is refused, and one with data on it, too, unless that is allowed.
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
    await host.ensure(pciBinding(host.vars.devices, { name: 'nvme', early: true }));
    await host.settle();
  },

  verify: ({ vars }) => [
    checks.iommuActive(),
    checks.kernelArgumentsActive(),
    checks.vfioLoaded(),
    checks.devicesBound(vars.devices),
  ],
});
