import type { PciDevice } from '../facts/facts.ts';
import { type Script, sh } from '../shell/script.ts';

const most = 16;

/** The guide's own command for devices, and what VFIO offers. */
export function deviceEvidence(devices: readonly PciDevice[]): Script {
  const addresses = devices.slice(0, most).map((device) => device.address);
  return sh`
for address in ${addresses}; do
  echo "$ lspci -nnk -s $address"
  LC_ALL=C lspci -nnk -s "$address" 2>&1
done
echo '$ ls /dev/vfio'
ls /dev/vfio 2>&1
`;
}

/** What sysfs says of a device, in one line. */
export function deviceLine(device: PciDevice): string {
  const group = device.iommuGroup === null ? 'no group' : `group ${device.iommuGroup}`;
  const override = device.driverOverride === null ? '' : `, driver_override ${device.driverOverride}`;
  return `${device.address} [${device.vendor}:${device.device}] class ${device.class}, ${group}, driver ${device.driver ?? 'none'}${override}`;
}
