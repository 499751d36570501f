import { networkUse, type PhysicalFunction } from '../devices/physical-function.ts';
import { parseUsers, usersProbe } from '../devices/users.ts';
import type { Facts, PciDevice } from '../facts/facts.ts';
import { joinScripts, type Script, sh } from '../shell/script.ts';

/** What is known of the use of virtual functions, by address. */
export interface FunctionUses {
  /** Processes that have them open through VFIO. */
  readonly users: ReadonlyMap<string, string>;
  /** MAC addresses that the host gave them, other than zeros, with their number: `vf 0`. */
  readonly macs: ReadonlyMap<string, { readonly index: string; readonly mac: string }>;
}

/**
 * Reads who has functions of devices open, and what MAC addresses the host has given them: ip(8) names those under the
 * interface of the physical function.
 */
export function functionUseProbe(functions: readonly PhysicalFunction[]): Script {
  const active = functions.filter((one) => one.functions.length > 0);
  if (active.length === 0) return sh`:`;
  return joinScripts([
    usersProbe(active.flatMap((one) => one.functions.map(({ address }) => address))),
    sh`
for pf in ${active.map(({ device }) => device.address)}; do
  at=/sys/bus/pci/devices/$pf
  for link in "$at"/virtfn*; do
    vf=$(readlink "$link") && echo "vf $pf \${link##*/virtfn} \${vf##*/}"
  done
  for net in "$at"/net/*; do
    [ ! -e "$net" ] || LC_ALL=C ip link show dev "\${net##*/}" 2>/dev/null | sed -n "s/^ *vf /mac $pf /p"
  done
done
:`,
  ]);
}

/** What that probe printed. */
export function parseFunctionUse(text: string): FunctionUses {
  const given = new Map<string, string>();
  const macs = new Map<string, { index: string; mac: string }>();
  const lines = text.split('\n').map((line) => line.trim().split(/\s+/));
  for (const [key, pf, index, ...rest] of lines) {
    // `0 link/ether 52:54:00:00:00:01 brd …` of newer ip, `0 MAC 52:54:00:00:00:01, …` of older.
    const mac = rest.find((word) => /^(?:[0-9a-f]{2}:){5}[0-9a-f]{2},?$/i.test(word))?.slice(0, 17);
    if (key === 'mac' && mac !== undefined && !/^[0:]+$/.test(mac)) given.set(`${pf} ${index}`, mac.toLowerCase());
  }
  for (const [key, pf, index = '', address = ''] of lines) {
    const mac = given.get(`${pf} ${index}`);
    if (key === 'vf' && mac !== undefined) macs.set(address, { index, mac });
  }
  return { users: parseUsers(text), macs };
}

/** Why a function may not vanish, or change its driver. */
export interface FunctionInUse {
  readonly address: string;
  readonly reason: string;
  readonly remedy: string;
}

/** Those of some functions that are in use. Pure. */
export function functionsInUse(
  functions: readonly PciDevice[],
  pf: PhysicalFunction,
  uses: FunctionUses,
  facts: Facts,
): readonly FunctionInUse[] {
  return functions.flatMap(({ address, driver }) => {
    const user = uses.users.get(address);
    if (user !== undefined) {
      const remedy = `stop the guest of process ${user}, or detach ${address} from it`;
      return [{ address, reason: `process ${user} has it open through VFIO`, remedy }];
    }
    const busy = networkUse(facts, address);
    if (busy !== null) {
      const names = (facts.hardware?.net ?? []).filter(({ pci }) => pci === address).map(({ name }) => name);
      const remedy = names.map((name) => `take ${name} down (ip link set ${name} down), and out of what uses it`);
      return [{ address, reason: busy, remedy: remedy.join('; ') }];
    }
    const given = uses.macs.get(address);
    // An interface of the host's own has a MAC address, too.
    if (given === undefined || (driver !== null && driver !== 'vfio-pci')) return [];
    const name = pf.net[0]?.name ?? pf.device.address;
    const remedy = `if no guest needs it: ip link set ${name} vf ${given.index} mac 00:00:00:00:00:00`;
    return [{ address, reason: `the MAC address ${given.mac} was given to it, as for a guest`, remedy }];
  });
}
