// USB devices for guests: told apart by their ports, refused where the host needs them, and QEMU may open them. With the consumer
// `cloudpods` the host agent is told to offer USB devices: it opens them as root, and goes by ids alone.
import { checks, hostConf, playbook, usbAccess, usbSelector, z } from 'vfleet';

export default playbook({
  name: 'USB',
  description: 'Lets guests have USB devices, by port and id, and refuses those that the host needs.',

  vars: z.object({
    consumer: z.enum(['plain', 'cloudpods']).default('plain'),
    /** Port and ids, both: `{ port: 1-2.3, id: "0403:6001" }`. */
    usb: z.array(usbSelector).default([]),
    /** The group that QEMU runs in: `kvm`, `libvirt-qemu`, `qemu`. */
    group: z.string().default('kvm'),
  }),

  gate: ({ vars }) => [checks.usbFree(vars.usb)],

  async apply(host) {
    const { consumer, usb, group } = host.vars;
    await host.ensure(
      // The agent's QEMU is root's: a rule of an earlier run goes.
      usbAccess(consumer === 'plain' ? usb : [], { group }),
      consumer === 'cloudpods' && hostConf({ disable_usb: false }),
    );
    await host.settle();
  },

  verify: ({ vars }) => [
    checks.usbFree(vars.usb),
    vars.consumer === 'cloudpods'
      ? checks.cloudpodsAgent({ usbIds: vars.usb.map(({ id }) => id) })
      : checks.usbAccessible(vars.usb, { group: vars.group }),
  ],
});
