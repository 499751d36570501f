import type { PhysicalFunction } from '../devices/physical-function.ts';
import { VfleetError } from '../errors.ts';
import type { Facts } from '../facts/facts.ts';
import { joinScripts, type Script, sh } from '../shell/script.ts';

/** What a NIC of Mellanox has in its firmware, and what is to be set there. */
export interface FirmwarePlan {
  /** `SRIOV_EN=1`, `NUM_OF_VFS=16`; empty: it is as wished. */
  readonly settings: readonly string[];
  /** It is set already, but the NIC does not have it yet. */
  readonly resetDue: boolean;
}

/**
 * Asks the firmware: what runs and what will, after its next reset. mstconfig comes with mstflint, and needs no OFED; older
 * versions have no `-e` and tell of the next boot alone.
 */
export function firmwareProbe(functions: readonly PhysicalFunction[]): Script {
  if (functions.length === 0) return sh`:`;
  return joinScripts([
    sh`command -v mstconfig >/dev/null 2>&1 || { echo 'no mstconfig'; exit 0; }`,
    ...functions.map(
      ({ device: { address } }) => sh`
echo ${`firmware ${address}`}
{ mstconfig -e -d ${address} query || mstconfig -d ${address} query; } 2>&1 | grep -E '(NUM_OF_VFS|SRIOV_EN)  |^-E-'`,
    ),
    sh`:`,
  ]);
}

/** What is to be set. Pure. Errors: `device.firmware` where it cannot be read or set. */
export function planFirmware(
  { device, sriov }: PhysicalFunction,
  count: number,
  printed: string,
  facts: Facts,
  host: string,
): FirmwarePlan {
  const refuse = (expected: string, found: string, next: string): VfleetError =>
    new VfleetError({ code: 'device.firmware', host, thing: `firmware of ${device.address}`, expected, found, next });
  if (device.vendor !== '15b3') {
    const next = 'leave `firmware` out for it: whether it has virtual functions is set in the BIOS';
    throw refuse('a NIC of Mellanox (15b3)', `${device.vendor}:${device.device}`, next);
  }
  // Nothing is asked of a firmware that gives enough already.
  if (sriov !== null && sriov.total >= count) return { settings: [], resetDue: false };
  if (printed.startsWith('no mstconfig')) {
    throw refuse('mstconfig on the host', 'no such program', 'install mstflint there');
  }
  const { lockdown } = facts.firmware;
  if (lockdown !== null && lockdown !== 'none') {
    const next = 'set it in the menu of the NIC (its BIOS or UEFI page), or turn Secure Boot off for that';
    throw refuse('direct access to the device', `lockdown of the kernel (${lockdown}), which refuses that`, next);
  }
  const next = nextBoot(printed, device.address);
  if (next === null) {
    throw refuse(
      'SRIOV_EN and NUM_OF_VFS',
      said(printed, device.address),
      `look at: mstconfig -d ${device.address} query`,
    );
  }
  const settings = [
    ...(next.enabled ? [] : ['SRIOV_EN=1']),
    ...(next.functions >= count ? [] : [`NUM_OF_VFS=${count}`]),
  ];
  return { settings, resetDue: settings.length === 0 };
}

/** Sets it; what runs stays as it is until the firmware is reset. */
export function firmwareScript(address: string, settings: readonly string[]): Script {
  return sh`mstconfig -y -d ${address} set ${settings}`;
}

/** The last column is that of the next boot, whether there are one or three. */
function nextBoot(printed: string, address: string): { readonly enabled: boolean; readonly functions: number } | null {
  const lines = linesOf(printed, address).map((line) => line.replace(/^\*?\s+/, '').split(/\s+/));
  const last = (name: string): string | undefined =>
    lines
      .find((words) => words[0] === name)
      ?.filter(Boolean)
      .at(-1);
  const [enabled, functions] = [last('SRIOV_EN'), last('NUM_OF_VFS')];
  if (enabled === undefined || functions === undefined || !/^\d+$/.test(functions)) return null;
  return { enabled: /^(?:True|1)/.test(enabled), functions: Number(functions) };
}

function said(printed: string, address: string): string {
  return linesOf(printed, address).find((line) => line.startsWith('-E-')) ?? 'neither';
}

function linesOf(printed: string, address: string): readonly string[] {
  const lines = printed.split('\n');
  const from = lines.indexOf(`firmware ${address}`);
  if (from < 0) return [];
  const to = lines.findIndex((line, index) => index > from && line.startsWith('firmware '));
  return lines.slice(from + 1, to < 0 ? undefined : to);
}
