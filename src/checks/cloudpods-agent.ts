import type { Facts } from '../facts/facts.ts';
import type { Check } from './check.ts';
import { customFindings, hugepageFindings, sriovFindings, usbFindings } from './cloudpods-devices.ts';
import { type Finding, gpuFindings } from './cloudpods-gpus.ts';
import { check } from './verdict.ts';

/** What the host agent is configured for, as the playbook knows it. */
export interface CloudpodsAgentOptions {
  /** `vendor:device` of custom PCI devices: models of `isolated-device-model-create`. */
  readonly customIds?: readonly string[];
  /** Names of `sriov_nics` and `ovs_offload_nics` in host.conf. */
  readonly sriovNics?: readonly string[];
  /** `vendor:product` of USB devices that guests are to get. */
  readonly usbIds?: readonly string[];
  /** `hugepages_option` in host.conf. */
  readonly hugepages?: 'native' | 'transparent' | 'disable';
}

/**
 * Whether the Cloudpods host agent takes the host as it is: what it would reject, and what it would do that harms, as its source
 * says (yunionio/cloudpods at 2de29522, pkg/hostman/isolated_device). It looks for arguments word for word, goes by ids instead
 * of addresses, knows only PCI domain 0, and does not ask whether the host needs a device.
 */
export function cloudpodsAgent(options: CloudpodsAgentOptions = {}): Check {
  return check({ id: 'cloudpods-agent', title: 'Would the Cloudpods host agent take the host?' }, ({ facts, host }) => {
    const findings = [
      ...gpuFindings(facts),
      ...customFindings(facts, options.customIds ?? [], host),
      ...sriovFindings(facts, options.sriovNics ?? []),
      ...usbFindings(facts, options.usbIds ?? []),
      ...hugepageFindings(facts, options.hugepages),
    ];
    const bad = findings.filter((one): one is Required<Finding> => one.remedy !== undefined);
    const evidence = [
      ...findings.filter(({ remedy }) => remedy === undefined).map(({ found }) => found),
      ...cmdline(facts),
    ];
    if (bad.length === 0) return { outcome: 'pass', found: 'It would take the host as it is.', evidence };
    const remedy = [...new Set(bad.map((one) => one.remedy))].join('; ');
    return { outcome: 'fail', found: `${bad.map(({ found }) => found).join('; ')}.`, evidence, remedy };
  });
}

function cmdline({ boot }: Facts): readonly string[] {
  return [`/proc/cmdline: ${boot.running}`];
}
