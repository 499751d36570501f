import { agentConf, agentConfPath } from '../devices/agent-conf.ts';
import { agentGpuObstacles } from '../devices/agent-gpus.ts';
import { openNodesProbe, parseOpenNodes } from '../devices/open-nodes.ts';
import { refusal } from '../devices/require-free.ts';
import type { DeviceSelector } from '../devices/selector.ts';
import { VfleetError } from '../errors.ts';
import { noHostConf } from './host-conf.ts';
import type { ChangeContext, Resource, State } from './resource.ts';

/**
 * Refuses, before anything is written, a host whose GPUs the host agent of Cloudpods would not take, or would take though the
 * host needs them: the agent takes all of them by force, named or not. Changes nothing itself. `devices`: GPUs with what is
 * allowed of them. Errors (`VfleetError`) on a host: `device.host-conf`; `device.bmc`, `device.in-use` and the like.
 *
 * @example
 * cloudpodsGpus(host.vars.devices)
 */
export function cloudpodsGpus(devices: readonly DeviceSelector[] = []): Resource {
  return {
    kind: 'GPUs for Cloudpods',
    name: 'GPUs for Cloudpods',
    read: () => ({ files: [agentConfPath], probes: { open: openNodesProbe } }),
    change: (state, context) => {
      refuse(devices, state, context);
      return null;
    },
  };
}

function refuse(devices: readonly DeviceSelector[], state: State, { facts, host }: ChangeContext): void {
  const conf = state.file(agentConfPath);
  if (conf.kind !== 'file') throw noHostConf(conf, host);
  if (agentConf(facts).disableGpu) {
    throw new VfleetError({
      code: 'device.host-conf',
      host,
      thing: agentConfPath,
      expected: 'a host agent that takes GPUs',
      found: 'disable_gpu: true',
      next: 'set disable_gpu: false, or leave the host out; nothing was changed',
    });
  }
  const obstacles = agentGpuObstacles(facts, devices, parseOpenNodes(state.probe('open').stdout));
  if (obstacles.length > 0) throw refusal(obstacles, host);
}
