import type { Facts, PciDevice } from '../facts/facts.ts';
import { type AgentConf, agentConf, agentConfPath } from './agent-conf.ts';
import { findDevices } from './find.ts';
import { isBridge } from './identity.ts';
import type { Obstacle } from './obstacle.ts';
import { obstaclesOf } from './obstacles.ts';
import type { OpenNodes } from './open-nodes.ts';
import type { Consent, DeviceSelector } from './selector.ts';

/**
 * GPUs as the host agent of Cloudpods finds them (`getPassthroughGPUs` in pkg/hostman/isolated_device/gpu.go): displays but
 * those that stay with the host, 3D controllers, and `0380` of NVIDIA and AMD. None where `disable_gpu` is set.
 */
export function agentGpus(facts: Facts): readonly PciDevice[] {
  const conf = agentConf(facts);
  return conf.disableGpu ? [] : facts.pci.filter((device) => isGpu(device) && !staysWithHost(device, conf));
}

function isGpu({ class: code, vendor }: PciDevice): boolean {
  if (code.startsWith('0300') || code.startsWith('0302')) return true;
  return code.startsWith('0380') && ['10de', '1002'].includes(vendor);
}

/** The boot display does, whichever address is named beside it. */
function staysWithHost({ address, bootVga }: PciDevice, { useBootVga, bootVgaPciAddr }: AgentConf): boolean {
  return !useBootVga && (bootVga || address === `0000:${bootVgaPciAddr}`);
}

/**
 * Why the host cannot do without GPUs that the agent takes by force, named or not, with what helps there. What `selectors` allow
 * is no obstacle. `open`: see `obstaclesOf`.
 */
export function agentGpuObstacles(
  facts: Facts,
  selectors: readonly DeviceSelector[],
  open?: OpenNodes,
): readonly Obstacle[] {
  const obstacles = agentGpus(facts).flatMap((gpu) => {
    const mates = facts.pci.filter((other) => other !== gpu && goesWith(gpu, other) && !isTaken(other));
    // It binds no devices of class 0380 itself.
    if (gpu.class.startsWith('0380') || (isTaken(gpu) && mates.length === 0)) return [];
    const unit = { selected: [gpu], mates, allow: allowedFor(facts, selectors, [gpu, ...mates]) };
    return obstaclesOf(facts, unit, open).map((one) => ({ ...one, remedy: remedyOf(one, gpu) }));
  });
  return obstacles.filter(({ device, reason }, index) => {
    return index === obstacles.findIndex((one) => one.device === device && one.reason === reason);
  });
}

/** It takes members of the group that are of the same vendor along. */
function goesWith(gpu: PciDevice, other: PciDevice): boolean {
  const isNear = gpu.iommuGroup !== null && other.iommuGroup === gpu.iommuGroup;
  return isNear && other.vendor === gpu.vendor && !isBridge(other);
}

function isTaken({ driver }: PciDevice): boolean {
  return driver === 'vfio-pci';
}

/** What is not found counts for nothing here: a gate tells of it. */
function allowedFor(
  facts: Facts,
  selectors: readonly DeviceSelector[],
  devices: readonly PciDevice[],
): readonly Consent[] {
  return selectors.flatMap((selector) => {
    const { allow = [] } = selector;
    const found = allow.length === 0 ? null : findDevices(facts, selector);
    return found !== null && 'devices' in found && found.devices.some((one) => devices.includes(one)) ? allow : [];
  });
}

/** The agent cannot be told of another device, only to leave this one, or all. */
function remedyOf({ kind, consent, remedy }: Obstacle, { address, bootVga }: PciDevice): string {
  if (kind !== 'bmc' && kind !== 'boot-display') {
    return `${remedy}; or set disable_gpu: true in ${agentConfPath}, which keeps the agent from all GPUs`;
  }
  const leave = bootVga ? 'use_boot_vga: false' : `boot_vga_pci_addr: '${address.replace(/^0000:/, '')}'`;
  return `set ${leave} (or disable_gpu: true) in ${agentConfPath}, or allow ${consent} for ${address} in devices`;
}
