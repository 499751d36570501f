import { joinScripts, sh } from '../shell/script.ts';
import { blockProbe, parseBlock } from './block-devices.ts';
import { boundIn, boundProbe } from './bound-devices.ts';
import type { HardwareFacts } from './hardware.ts';
import { netInterfacesProbe, parseNetInterfaces } from './net-interfaces.ts';
import { numaProbe, parseNumaNodes } from './numa-nodes.ts';
import { nvmeProbe, parseNvme } from './nvme-controllers.ts';
import { parsePciDetails, pciDetailsProbe } from './pci-details.ts';
import { linesOf, type Sections } from './sections.ts';
import { parseSerial, serialProbe } from './serial-ports.ts';
import { parseUsb, usbProbe } from './usb-devices.ts';

/** Devices and what uses them: some forty processes, whatever number of devices there is. */
export const hardwareProbe = joinScripts([
  pciDetailsProbe,
  numaProbe,
  netInterfacesProbe,
  nvmeProbe,
  blockProbe,
  usbProbe,
  serialProbe,
  boundProbe,
  sh`
section hardware-driverctl
command -v driverctl 2>/dev/null
`,
]);

/** `null` where the probe did not look: facts that were captured by an older one. */
export function parseHardware(sections: Sections): HardwareFacts | null {
  if (![...sections.keys()].some((key) => key.startsWith('hardware-'))) return null;
  const nvme = parseNvme(sections);
  const bound = boundIn(sections);
  return {
    pci: parsePciDetails(sections),
    nodes: parseNumaNodes(sections),
    net: parseNetInterfaces(sections),
    block: parseBlock(sections, nvme),
    nvme,
    usb: parseUsb(sections),
    serial: parseSerial(sections),
    driverctl: linesOf(sections, 'hardware-driverctl').some((line) => line.startsWith('/')),
    ...(bound.length > 0 && { bound }),
  };
}
