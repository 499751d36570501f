// Huge pages for guests, reserved at boot: of 1 GiB where the processor has them, with a part of the memory kept for the host.
// With the consumer `cloudpods` its own unit reserves them, and the agent's host.conf says that guests get them.
import { checks, hostConf, hugepageArguments, hugepagePool, kernelArguments, playbook, z } from 'vfleet';

const pages = z.int().min(0);

export default playbook({
  name: 'Huge pages',
  description: 'Reserves a pool of huge pages at boot, in all or by NUMA node, and reads it back.',

  vars: z.object({
    consumer: z.enum(['plain', 'cloudpods']).default('plain'),
    hugepages: z
      .strictObject({
        size: z.enum(['1G', '2M', '512M', 'auto']).optional(),
        /** In all; default: all memory but what the host keeps. */
        count: pages.optional(),
        /** By NUMA node: `{ 0: 100, 1: 100 }`. */
        nodes: z.record(z.string().regex(/^\d+$/), pages).optional(),
        /** GiB for the host; default: a fifth of the memory, but 32 at most, and 1 of less than 10. */
        keepGiB: pages.optional(),
      })
      .default({}),
  }),

  async apply(host) {
    const wish = wishOf(host.vars);
    await host.ensure(
      kernelArguments(hugepageArguments(host.facts, wish)),
      hugepagePool(wish),
      host.vars.consumer === 'cloudpods' && hostConf({ hugepages_option: 'native' }),
    );
    await host.settle();
  },

  verify: ({ vars }) => [
    checks.kernelArgumentsActive(),
    checks.hugepagesReserved(wishOf(vars)),
    ...(vars.consumer === 'cloudpods' ? [checks.cloudpodsAgent({ hugepages: 'native' })] : []),
  ],
});

function wishOf<Wish>({ consumer, hugepages }: { readonly consumer: string; readonly hugepages: Wish }) {
  return { ...hugepages, ...(consumer === 'cloudpods' && { owner: 'cloudpods' as const }) };
}
