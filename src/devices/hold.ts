import type { HeldDevice } from '../resources/effect.ts';
import { type Script, sh } from '../shell/script.ts';

/**
 * Gives devices to their drivers now, one after the other, by address: `driver_override`, unbind, `drivers_probe` (the kernel's
 * Documentation/ABI/testing/sysfs-bus-pci). A device that is not the expected one any more, that a process holds through VFIO, or
 * that no driver takes in the end, stops it with what was found.
 */
export function holdScript(devices: readonly HeldDevice[]): Script {
  return devices
    .map(({ address, id, driver }) => {
      const [vendor = '', device = ''] = id.split(':');
      return sh`hold ${address} ${vendor} ${device} ${driver ?? ''} || exit`;
    })
    .reduce((all, one) => sh`${all}\n${one}`, functions);
}

/**
 * A driver that fails to take a device leaves the error in the kernel's log. What has no driver of its own is given back to
 * nobody: only an override must be obeyed. The links change at once on a real kernel; a driver's probe may take seconds.
 */
const functions = sh`
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
driver_of() {
  driver=$(readlink "/sys/bus/pci/devices/$1/driver") || { driver=; return 0; }
  driver=\${driver##*/}
}
# ADDRESS: the first process that has the device's group open.
vfio_user() {
  group=$(readlink "/sys/bus/pci/devices/$1/iommu_group") || return 1
  ls -l /proc/[0-9]*/fd 2>/dev/null | awk -v file="/dev/vfio/\${group##*/}" '
    /^\\/proc\\/[0-9]+\\/fd:$/ { split($0, part, "/"); pid = part[3] }
    $NF == file { print pid; found = 1; exit }
    END { exit !found }'
}
# ADDRESS VENDOR DEVICE DRIVER
hold() {
  at=/sys/bus/pci/devices/$1
  [ -d "$at" ] || { echo "$1: no such PCI device"; return 66; }
  read -r vendor <"$at/vendor" && read -r device <"$at/device" || return 66
  if [ "$vendor:$device" != "0x$2:0x$3" ]; then echo "$1: expected $2:$3, found \${vendor#0x}:\${device#0x}"; return 65; fi
  driver_of "$1"
  if [ "$driver" != "$4" ] && user=$(vfio_user "$1"); then echo "$1: process $user has it open through VFIO"; return 77; fi
  if [ -n "$4" ]; then
    modprobe "$4" || { echo "$1: the driver $4 cannot be loaded"; return 69; }
    echo "$4" >"$at/driver_override" || { echo "$1: driver_override takes no $4"; return 73; }
    [ "$driver" = "$4" ] && return 0
  else
    echo >"$at/driver_override" || { echo "$1: driver_override cannot be cleared"; return 73; }
    # What another driver has taken by itself stays with it.
    [ -z "$driver" ] || [ "$driver" = vfio-pci ] || return 0
    modprobe -qab "$(cat "$at/modalias")" || :
  fi
  if [ -n "$driver" ]; then
    echo "$1: unbind from $driver"
    echo "$1" >"$at/driver/unbind" || { echo "$1: $driver does not let it go"; return 74; }
  fi
  echo "$1" >/sys/bus/pci/drivers_probe || { echo "$1: the kernel does not probe it"; return 74; }
  tries=0
  until driver_of "$1" && [ "$driver" = "$4" ] || { [ -z "$4" ] && [ -n "$driver" ] && [ "$driver" != vfio-pci ]; }; do
    tries=$((tries + 1))
    [ $tries -le 100 ] || break
    sleep 0.1
  done
  if [ -n "$4" ] && [ "$driver" != "$4" ]; then
    echo "$1: expected the driver $4, found \${driver:-none}; see the kernel log"
    return 70
  fi
  echo "$1: held by \${driver:-no driver}"
}`;

/** Lets udev read its rules anew, and apply them to what is there of some subsystems. Source: udevadm(8). */
export function udevScript(subsystems: readonly string[]): Script {
  const matches = subsystems.map((subsystem) => `--subsystem-match=${subsystem}`);
  return matches.length === 0
    ? sh`udevadm control --reload`
    : sh`udevadm control --reload && udevadm trigger --action=change ${matches} && udevadm settle --timeout=60`;
}
