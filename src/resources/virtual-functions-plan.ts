import { networkUse, type PhysicalFunction } from '../devices/physical-function.ts';
import { type FunctionDriver, hasDriver } from '../devices/virtual-functions.ts';
import { VfleetError } from '../errors.ts';
import type { Facts, PciDevice } from '../facts/facts.ts';
import { type FunctionUses, functionsInUse } from './virtual-functions-use.ts';

/**
 * What is to be done about the functions of a device now. `nothing`: they are as wished; `create`: there are none; `recreate`:
 * another number, which the kernel changes by way of 0; `rebind`: some have another driver.
 */
export interface FunctionPlan {
  readonly act: 'nothing' | 'create' | 'recreate' | 'rebind';
  /** Why it is left to the next boot; `null`: it can be done now. */
  readonly postponed: string | null;
}

/**
 * What the kernel allows of a wish (`sriov_numvfs_store` in drivers/pci/pci-sysfs.c). Pure. Errors: `device.sriov`,
 * `device.in-use`. Functions that come are no harm to a NIC in use; those that go may take its link down.
 */
export function planFunctions(
  pf: PhysicalFunction,
  { count, driver }: { readonly count: number; readonly driver: FunctionDriver },
  uses: FunctionUses,
  facts: Facts,
  host: string,
): FunctionPlan {
  refuseKind(pf, host);
  const { sriov, device } = pf;
  if (sriov === null) throw noFunctions(device, host);
  if (count > sriov.total) throw tooMany(pf, count, sriov.total, host);
  if (sriov.active === 0) return { act: count === 0 ? 'nothing' : 'create', postponed: null };
  if (sriov.active === count) {
    const wrong = pf.functions.filter((vf) => !hasDriver(vf, driver));
    refuseUsed(
      wrong,
      { pf, uses, facts, host },
      `its driver is to be ${driver === 'host' ? "the host's own" : driver}`,
    );
    return { act: wrong.length === 0 ? 'nothing' : 'rebind', postponed: null };
  }
  const why = `${device.address} has ${sriov.active} of them, and the kernel makes ${count} only after all are gone (EBUSY otherwise)`;
  refuseUsed(pf.functions, { pf, uses, facts, host }, why);
  return { act: 'recreate', postponed: networkUse(facts, device.address) };
}

/** What cannot have functions at all, whatever its firmware says. */
export function refuseKind({ device, functionOf }: PhysicalFunction, host: string): void {
  const { address, driver } = device;
  if (functionOf !== null) {
    const next = `name ${functionOf}`;
    throw refusal(host, address, 'a physical function', `a virtual function of ${functionOf}`, next);
  }
  if (driver === 'vfio-pci') {
    const next = 'give it back to its own driver first (driverctl unset-override, or undo what bound it)';
    throw refusal(host, address, 'its own driver, which makes the functions', 'vfio-pci: it is given to guests', next);
  }
  if (driver === null) {
    const found = 'no driver; the kernel answers ENOENT (No such file or directory) to whoever asks for functions';
    throw refusal(
      host,
      address,
      'its own driver, which makes the functions',
      found,
      'load its driver: lspci -k names it',
    );
  }
}

interface Subject {
  readonly pf: PhysicalFunction;
  readonly uses: FunctionUses;
  readonly facts: Facts;
  readonly host: string;
}

/** Functions that would go, or change their driver, must be free. Errors: `device.in-use`. */
export function refuseUsed(functions: readonly PciDevice[], { pf, uses, facts, host }: Subject, why: string): void {
  const used = functionsInUse(functions, pf, uses, facts);
  if (used.length === 0) return;
  throw new VfleetError({
    code: 'device.in-use',
    host,
    thing: `virtual functions of ${pf.device.address}`,
    expected: `none in use, as ${why}`,
    found: used.map(({ address, reason }) => `${address}: ${reason}`).join('; '),
    next: `${[...new Set(used.map(({ remedy }) => remedy))].join('; ')}; nothing was changed`,
  });
}

function noFunctions(device: PciDevice, host: string): VfleetError {
  const { address, driver, vendor } = device;
  const firmware = vendor === '15b3' ? ', or in its firmware (`firmware: true` sets that)' : '';
  const found = `none: its driver ${driver ?? ''} offers none, or it has no such capability`;
  const next = `turn SR-IOV on in the BIOS${firmware}; lspci -vs ${address} shows the capability`;
  return refusal(host, address, 'virtual functions', found, next);
}

function tooMany({ device }: PhysicalFunction, count: number, total: number, host: string): VfleetError {
  const firmware = device.vendor === '15b3' ? 'raise NUM_OF_VFS in its firmware (`firmware: true`), or ' : '';
  const found = `${total}, which is all it can have; the kernel answers ERANGE (Numerical result out of range) to more`;
  const next = `${firmware}ask for ${total} at most`;
  return refusal(host, device.address, `${count} virtual functions`, found, next);
}

function refusal(host: string, thing: string, expected: string, found: string, next: string): VfleetError {
  return new VfleetError({ code: 'device.sriov', host, thing, expected, found, next: `${next}; nothing was changed` });
}
