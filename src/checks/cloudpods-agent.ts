import { agentConfLines, agentConfPath } from '../devices/agent-conf.ts';
import type { Finding } from '../devices/agent-finding.ts';
import { agentNicFindings } from '../devices/agent-nics.ts';
import { selectUnits } from '../devices/select.ts';
import type { DeviceSelector } from '../devices/selector.ts';
import type { Facts } from '../facts/facts.ts';
import type { Check, CheckInput } from './check.ts';
import { customFindings, hugepageFindings, usbFindings } from './cloudpods-devices.ts';
import { gpuFindings } from './cloudpods-gpus.ts';
import { refused } from './refused.ts';
import { check, type Judgement } from './verdict.ts';

/** What the host agent is configured for, as the playbook knows it. */
export interface CloudpodsAgentOptions {
  /** The host is to be prepared for GPUs: these, with what is allowed of them. Without it they are told of, and not judged. */
  readonly gpus?: readonly DeviceSelector[];
  /** `vendor:device` of custom PCI devices: models of `isolated-device-model-create`. */
  readonly customIds?: readonly string[];
  /** Devices that are to be such: judged by their ids, as the agent goes by these. */
  readonly custom?: readonly DeviceSelector[];
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
  const title = 'Would the Cloudpods host agent take the host?';
  return check({ id: 'cloudpods-agent', title }, (input) => refused(() => judge(input, options)));
}

function judge({ facts, host }: CheckInput, options: CloudpodsAgentOptions): Judgement {
  const custom = namedFindings(facts, options.custom ?? [], host);
  const findings = [
    ...judgedGpus(facts, options.gpus),
    ...customFindings(facts, options.customIds ?? [], host),
    ...custom,
    ...agentNicFindings(facts, options.sriovNics ?? []),
    ...usbFindings(facts, options.usbIds ?? []),
    ...hugepageFindings(facts, options.hugepages),
  ];
  const bad = findings.filter((one): one is Required<Finding> => one.remedy !== undefined);
  const evidence = [...textsOf(findings), ...readings(facts)];
  if (bad.length === 0) {
    // All of an id are taken, which whoever named one device is to know.
    const found = ['It would take the host as it is', ...textsOf(custom)].join('; ');
    return { outcome: 'pass', found: `${found}.`, evidence };
  }
  const remedy = [...new Set(bad.map((one) => one.remedy))].join('; ');
  return { outcome: 'fail', found: `${bad.map(({ found }) => found).join('; ')}.`, evidence, remedy };
}

/** Of a host that is prepared for something else, they are of no account. */
function judgedGpus(facts: Facts, selectors: readonly DeviceSelector[] | undefined): readonly Finding[] {
  const findings = gpuFindings(facts, selectors ?? []);
  return selectors === undefined ? findings.map(({ found }) => ({ found })) : findings;
}

/** Errors: those of `selectUnits`. */
function namedFindings(facts: Facts, selectors: readonly DeviceSelector[], host: string): readonly Finding[] {
  const units = selectUnits(facts, selectors, host);
  const ids = units.flatMap(({ selected }) => selected).map(({ vendor, device }) => `${vendor}:${device}`);
  return customFindings(facts, [...new Set(ids)], host, units);
}

/** What it would do, but for what harms. */
function textsOf(findings: readonly Finding[]): readonly string[] {
  return findings.flatMap(({ found, remedy }) => (remedy === undefined ? [found] : []));
}

function readings(facts: Facts): readonly string[] {
  const conf = facts.setup === null ? ['not read, taken as by default'] : agentConfLines(facts);
  return [`/proc/cmdline: ${facts.boot.running}`, ...conf.map((line) => `${agentConfPath}: ${line}`)];
}
