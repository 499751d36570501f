import type { PciDevice } from '../../facts/facts.ts';
import type { Obstacle } from '../obstacle.ts';

/** Displays that somebody looks at: the one that the firmware has started, and those of the board's management controller. */
export function displayObstacles(devices: readonly PciDevice[]): readonly Obstacle[] {
  return devices.flatMap((device) => [...bootDisplay(device), ...management(device)]);
}

function bootDisplay({ address, bootVga }: PciDevice): readonly Obstacle[] {
  if (!bootVga) return [];
  return [
    {
      kind: 'boot-display',
      device: address,
      reason: 'it is the display that the machine boots with (boot_vga)',
      remedy: 'let the BIOS boot with another display, or allow boot-display: the console goes dark',
      consent: 'boot-display',
    },
  ];
}

/** Drivers of displays of management controllers. */
const drivers: ReadonlySet<string> = new Set(['ast', 'mgag200', 'hibmc-drm', 'hibmc_drm']);

/**
 * Their ids: ASPEED (drivers/gpu/drm/ast/ast_drv.c), Matrox G200e (drivers/gpu/drm/mgag200/mgag200_drv.c), HiSilicon
 * (drivers/gpu/drm/hisilicon/hibmc), and the functions of HPE iLO (drivers/misc/hpilo.c).
 */
const ids = /^(?:1a03:.*|102b:05(?:2[0-9a-f]|3[0-9a-f])|19e5:1711|103c:330[0-9]|1590:00a0)$/;

function management({ address, vendor, device, driver }: PciDevice): readonly Obstacle[] {
  if (!ids.test(`${vendor}:${device}`) && !drivers.has(driver ?? '')) return [];
  return [
    {
      kind: 'bmc',
      device: address,
      reason: "it belongs to the board's management controller (BMC)",
      remedy: 'select another device, or allow bmc: the remote console goes dark',
      consent: 'bmc',
    },
  ];
}
