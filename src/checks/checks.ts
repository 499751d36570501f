import { cloudpodsAgent } from './cloudpods-agent.ts';
import { cloudpodsNics } from './cloudpods-nics.ts';
import { devicesBound } from './devices-bound.ts';
import { devicesFree } from './devices-free.ts';
import { hugepagesReserved } from './hugepages.ts';
import { iommuActive } from './iommu-active.ts';
import { iommuInFirmware } from './iommu-in-firmware.ts';
import { kernelArgumentsActive } from './kernel-arguments-active.ts';
import { serialFree, serialNamed } from './serial.ts';
import { usbAccessible, usbFree } from './usb.ts';
import { vfioLoaded } from './vfio-loaded.ts';
import { virtualFunctionsMade } from './virtual-functions.ts';

/** The checks that a playbook may use, in `gate` and in `verify`. */
export const checks = {
  iommuInFirmware,
  iommuActive,
  kernelArgumentsActive,
  vfioLoaded,
  devicesBound,
  devicesFree,
  hugepagesReserved,
  virtualFunctionsMade,
  usbFree,
  usbAccessible,
  serialFree,
  serialNamed,
  cloudpodsAgent,
  cloudpodsNics,
} as const;
