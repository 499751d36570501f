import { VfleetError } from '../errors.ts';
import type { Facts, PciDevice } from '../facts/facts.ts';
import { selectDevices } from './find.ts';
import { type PhysicalFunction, physicalFunction } from './physical-function.ts';
import type { DeviceSelector } from './selector.ts';

/** Who is to have virtual functions: `vfio-pci` for guests, `host` for whichever driver the kernel chooses. */
export type FunctionDriver = 'vfio-pci' | 'host';

/** Virtual functions of a device, or of several. */
export interface VirtualFunctions {
  /** The physical functions: NICs, as a rule. */
  readonly pf: DeviceSelector | readonly DeviceSelector[];
  /** How many each of them is to have. Ask for those that are needed: each takes address space and interrupts. */
  readonly count: number;
  /** Who gets them. Default: `vfio-pci`. */
  readonly driver?: FunctionDriver;
  /** Set the number in the firmware of a Mellanox NIC, where it is too low there. Default: leave the firmware alone. */
  readonly firmware?: boolean;
}

/** One device with what is wished for it. */
export interface WishedFunctions {
  readonly pf: PhysicalFunction;
  readonly count: number;
  readonly driver: FunctionDriver;
  readonly firmware: boolean;
}

/** Devices with what is wished for each. Errors: those of `selectDevices`; `device.unknown`. */
export function selectFunctions(
  facts: Facts,
  wishes: readonly VirtualFunctions[],
  host: string,
): readonly WishedFunctions[] {
  return wishes.flatMap(({ pf: selectors, count, driver = 'vfio-pci', firmware = false }) =>
    [selectors].flat().flatMap((selector) =>
      selectDevices(facts, selector, host).map((device) => {
        const pf = physicalFunction(facts, device);
        if (pf === null) throw unknown(device.address, host);
        return { pf, count, driver, firmware };
      }),
    ),
  );
}

/** Whether a function is where it is wished to be. One that the host has no driver for is its own all the same. */
export function hasDriver(vf: PciDevice, driver: FunctionDriver): boolean {
  return driver === 'host' ? vf.driver !== 'vfio-pci' : vf.driver === driver && vf.driverOverride === driver;
}

function unknown(address: string, host: string): VfleetError {
  return new VfleetError({
    code: 'device.unknown',
    host,
    thing: address,
    expected: 'to know what functions it can have',
    found: 'facts in which that was not read',
    next: 'read the facts again with this version of vfleet',
  });
}
