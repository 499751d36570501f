import { parseDocument } from 'yaml';
import type { Facts } from '../facts/facts.ts';

/** Where the host agent of Cloudpods is told what to take. */
export const agentConfPath = '/etc/yunion/host.conf';

/** What host.conf says of the devices that the agent takes. */
export interface AgentConf {
  readonly disableGpu: boolean;
  readonly disableCustomDevice: boolean;
  /** The boot display is for guests, too. */
  readonly useBootVga: boolean;
  /** A display that stays with the host beside the boot one, without its domain: `03:00.0`. */
  readonly bootVgaPciAddr: string | null;
}

/** That of a host; what is not set, or was not read, is as by default. */
export function agentConf(facts: Facts): AgentConf {
  const document = parseDocument(agentConfLines(facts).join('\n'), { schema: 'failsafe', uniqueKeys: false });
  const json: unknown = document.errors.length > 0 ? {} : document.toJS();
  const set = new Map(Object.entries(json ?? {}).map(([key, value]) => [plain(key), String(value)]));
  const isOn = (key: string): boolean => /^(?:true|yes|on|y)$/i.test(set.get(key) ?? '');
  return {
    disableGpu: isOn('disablegpu'),
    disableCustomDevice: isOn('disablecustomdevice'),
    useBootVga: isOn('usebootvga'),
    bootVgaPciAddr: set.get('bootvgapciaddr') || null,
  };
}

/** The lines that say so, for people. */
export function agentConfLines({ setup }: Facts): readonly string[] {
  return setup?.files.find(({ path }) => path === agentConfPath)?.lines ?? [];
}

/** The options' own names are in camel case, and `_` counts as `-` (yunion.io/x/structarg). */
function plain(key: string): string {
  return key.replaceAll(/[-_]/g, '').toLowerCase();
}
