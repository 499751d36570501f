import type { Resource } from './resource.ts';

/**
 * A resource whose changes have notes besides, for whoever reads the plan. Where nothing changes, nothing is said.
 *
 * @example
 * withNotes(kernelArguments({ iommu: 'pt' }), ['no devices are named for this host'])
 */
export function withNotes(resource: Resource, notes: readonly string[]): Resource {
  return {
    ...resource,
    change: (state, context) => {
      const change = resource.change(state, context);
      return change === null ? null : { ...change, notes: [...change.notes, ...notes] };
    },
  };
}
