// Serial ports for guests: those with a UART, or of an adapter of USB, under a name that stays; refused where the host speaks by
// them. What QEMU is to be told is shown with the checks.
import { checks, kernelArguments, playbook, qemuVersions, serialAlias, serialSelector, z } from 'vfleet';

export default playbook({
  name: 'Serial ports',
  description: 'Gives serial ports for guests stable names, refuses consoles, and tells the options for QEMU.',

  vars: z.object({
    /** `{ port: ttyS1, alias: plc }`, or of an adapter `{ port: 1-2.3, id: "0403:6001", alias: meter }`. */
    serial: z.array(serialSelector).default([]),
    /** How many ports of cards the kernel has names for; its own limit is 4 on many systems. */
    nrUarts: z.int().min(1).max(256).nullable().default(null),
  }),
  facts: { qemu: qemuVersions },

  gate: ({ vars }) => [checks.serialFree(vars.serial, { nrUarts: vars.nrUarts })],

  async apply(host) {
    const { serial, nrUarts } = host.vars;
    await host.ensure(nrUarts !== null && kernelArguments({ '8250.nr_uarts': String(nrUarts) }));
    await host.settle();
    // Ports that the kernel had no names for are there by now.
    await host.ensure(serialAlias(serial));
    await host.settle();
  },

  verify: ({ vars, facts }) => [checks.serialFree(vars.serial), checks.serialNamed(vars.serial, facts.qemu)],
});
