// Virtual functions of NICs for guests: made before the network comes up at every boot, held by vfio-pci or left to the host.
// With the consumer `cloudpods` the host agent makes them, always as many as the NIC can have, and is told of which NICs.
import {
  checks,
  deviceSelectors,
  hostConf,
  iommuArguments,
  kernelArguments,
  modulesToLoad,
  playbook,
  vfioModules,
  virtualFunctions,
  withNotes,
  z,
} from 'vfleet';

export default playbook({
  name: 'SR-IOV',
  description: 'Makes virtual functions of NICs, gives them to vfio-pci, and keeps them over reboots.',

  vars: z.object({
    consumer: z.enum(['plain', 'cloudpods']).default('plain'),
    /** Physical functions, and how many virtual ones each is to have. `firmware`: set it in a Mellanox NIC, too. */
    sriov: z
      .array(
        z.strictObject({
          pf: deviceSelectors,
          count: z.int().min(0),
          driver: z.enum(['vfio-pci', 'host']).default('vfio-pci'),
          firmware: z.boolean().default(false),
        }),
      )
      .default([]),
    /** For Cloudpods: names of interfaces, as in `sriov_nics` of its host.conf. */
    sriovNics: z.array(z.string()).default([]),
  }),

  gate: ({ vars }) => [
    checks.iommuInFirmware(),
    ...(vars.consumer === 'cloudpods' ? [checks.cloudpodsNics(vars.sriovNics)] : []),
  ],

  async apply(host) {
    const { consumer, sriov, sriovNics } = host.vars;
    const isUnheard = consumer === 'cloudpods' && sriov.length > 0 && sriovNics.length === 0;
    const notes = isUnheard
      ? [
          'no functions are made: with consumer: cloudpods the agent makes them, of the NICs in sriovNics, and `sriov` is not read',
        ]
      : [];
    await host.ensure(
      withNotes(kernelArguments(iommuArguments(host.facts)), notes),
      modulesToLoad('vfio.conf', vfioModules(host.facts)),
      // The agent makes them: what we have made before goes.
      virtualFunctions(...(consumer === 'plain' ? sriov : [])),
      consumer === 'cloudpods' && sriovNics.length > 0 && hostConf({ sriov_nics: sriovNics }),
    );
    await host.settle();
  },

  verify: ({ vars }) => [
    checks.iommuActive(),
    checks.kernelArgumentsActive(),
    ...(vars.consumer === 'plain'
      ? [checks.virtualFunctionsMade(...vars.sriov)]
      : [checks.cloudpodsAgent({ sriovNics: vars.sriovNics })]),
  ],
});
