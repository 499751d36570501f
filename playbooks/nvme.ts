// NVMe disks for guests: by address and serial number, never by model, as the boot disk is often of the same. A disk that is
// mounted, held or swapped to is refused, and one with data on it, too, unless that is allowed. With the
// consumer `cloudpods` nothing is bound, as its host agent binds custom devices, by ids alone: a check says what it would take.
import {
  asksForDevices,
  checks,
  deviceSelectors,
  devicesOfKind,
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
  name: 'NVMe',
  description: 'Gives NVMe disks to vfio-pci, from the initramfs on, and verifies that.',

  vars: z.object({
    consumer: z.enum(['plain', 'cloudpods']).default('plain'),
    /** The disks; others that are named are left to their playbooks. Each with address and serial: `{ address: 0000:5e:00.0, serial: S4EMNX0R123456 }`. To pass one with data: `allow: [data]`. */
    devices: deviceSelectors.default([]),
  }),

  gate: (host) => [
    ...(asksForDevices(host.vars) ? [checks.iommuInFirmware()] : []),
    checks.devicesFree(devicesOfKind(host, host.vars.devices, 'nvme').devices),
  ],

  async apply(host) {
    // Nothing is named: what an earlier run has bound is given back, by whatever it was kept.
    if (!asksForDevices(host.vars) && !wasBoundBy(host.facts, 'nvme')) {
      await host.ensure(pciBinding([], { name: 'nvme' }));
      return host.settle();
    }
    await host.ensure(kernelArguments(iommuArguments(host.facts)), modulesToLoad('vfio.conf', vfioModules(host.facts)));
    await host.settle();
    const { devices, notes } = devicesOfKind(host, host.vars.devices, 'nvme');
    // The agent binds: what we have bound before is given back.
    await host.ensure(pciBinding(host.vars.consumer === 'plain' ? devices : [], { name: 'nvme', early: true, notes }));
    await host.settle();
  },

  verify: (host) => {
    const { devices } = devicesOfKind(host, host.vars.devices, 'nvme');
    if (!asksForDevices(host.vars)) return [checks.devicesBound([])];
    return [
      checks.iommuActive(),
      checks.kernelArgumentsActive(),
      checks.vfioLoaded(),
      host.vars.consumer === 'plain' ? checks.devicesBound(devices) : checks.cloudpodsAgent({ custom: devices }),
    ];
  },
});
