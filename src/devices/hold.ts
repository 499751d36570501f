import type { HeldDevice } from '../resources/effect.ts';
import { joinScripts, type Script, sh } from '../shell/script.ts';
import { userFunctions } from './users.ts';

/**
 * Gives devices to their drivers now, by address: `driver_override`, unbind, `drivers_probe` (the kernel's
 * Documentation/ABI/testing/sysfs-bus-pci). All of them are looked at before the first is touched: one that is not the expected
 * one any more, that a process holds through VFIO, or whose disk is in use, stops it. A device that its new driver does not take
 * goes back to where it was, and stops it, too. For dash, bash and busybox.
 */
export function holdScript(devices: readonly HeldDevice[]): Script {
  const words = devices.map(({ address, id, driver }) => {
    const [vendor = '', device = ''] = id.split(':');
    return [address, vendor, device, driver ?? ''];
  });
  return joinScripts([
    userFunctions,
    functions,
    sh`find_users`,
    ...words.map((given) => sh`look ${given} || exit`),
    ...words.map((given) => sh`hold ${given} || exit`),
  ]);
}

/**
 * What has no driver of its own is given back to nobody: only an override must be obeyed. The kernel changes links before a write
 * returns, but for drivers that probe asynchronously (`PROBE_PREFER_ASYNCHRONOUS`, as nvme), hence the waiting. Unbinding asks no
 * driver: that of a mounted disk lets it go, so what is in use is looked for in the last moment once more.
 */
const functions = sh`
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
# ADDRESS: sets driver, empty for none.
driver_of() {
  driver=$(readlink "/sys/bus/pci/devices/$1/driver") || driver=
  driver=\${driver##*/}
}
# ADDRESS: prints what is mounted, swapped to or held of the disks below it.
disks_in_use() {
  for file in $(find "/sys/bus/pci/devices/$1/" -name inflight 2>/dev/null); do
    disk=\${file%/inflight}
    read -r number <"$disk/dev" || continue
    at=$(awk -v number="$number" '$3 == number { print $5; exit }' /proc/self/mountinfo)
    [ -z "$at" ] || { echo "\${disk##*/} is mounted at $at"; return; }
    if grep -qs "^/dev/\${disk##*/}[[:space:]]" /proc/swaps; then echo "\${disk##*/} is swap"; return; fi
    for holder in "$disk"/holders/*; do
      [ ! -e "$holder" ] || { echo "\${disk##*/} is held by \${holder##*/}"; return; }
    done
  done
}
# ADDRESS VENDOR DEVICE: whether it is that device.
is_there() {
  [ -d "/sys/bus/pci/devices/$1" ] || { echo "$1: no such PCI device"; return 66; }
  read -r vendor <"/sys/bus/pci/devices/$1/vendor" && read -r device <"/sys/bus/pci/devices/$1/device" || return 66
  [ "$vendor:$device" != "0x$2:0x$3" ] || return 0
  echo "$1: expected $2:$3, found \${vendor#0x}:\${device#0x}"
  return 65
}
# ADDRESS VENDOR DEVICE DRIVER: changes nothing.
look() {
  # What is not there any more cannot be given back, and need not be.
  is_there "$1" "$2" "$3" || { code=$?; [ -z "$4" ] || return $code; return 0; }
  driver_of "$1"
  [ -n "$driver" ] && ! is_driver "$4" || return 0
  user=$(user_of "$1")
  [ -z "$user" ] || { echo "$1: process $user has it open through VFIO"; return 77; }
  [ -n "$4" ] || return 0
  use=$(disks_in_use "$1")
  [ -z "$use" ] || { echo "$1: $use"; return 77; }
}
# WISHED: whether driver is that; any of the host where it is empty, none where it is -.
is_driver() {
  case $1 in
    -) [ -z "$driver" ] ;;
    '') [ -n "$driver" ] && [ "$driver" != vfio-pci ] ;;
    *) [ "$driver" = "$1" ] ;;
  esac
}
# ADDRESS WISHED TENTHS: waits, at most so many tenths of a second.
await_driver() {
  tries=$3
  until driver_of "$1" && is_driver "$2"; do
    tries=$((tries - 1))
    [ $tries -gt 0 ] || return 1
    sleep 0.1
  done
}
# ADDRESS DRIVER
take() {
  at=/sys/bus/pci/devices/$1
  driver_of "$1"
  if [ -n "$driver" ]; then
    echo "$1: unbind from $driver"
    echo "$1" >"$at/driver/unbind" || { echo "$1: $driver does not let it go"; return 74; }
    await_driver "$1" - 50 || { echo "$1: $driver does not let it go"; return 74; }
  fi
  echo "$1" >/sys/bus/pci/drivers_probe || echo "$1: the kernel does not probe it"
}
# ADDRESS VENDOR DEVICE DRIVER
hold() {
  at=/sys/bus/pci/devices/$1
  driver_of "$1"
  before=$driver
  if [ -z "$4" ]; then
    is_there "$1" "$2" "$3" >/dev/null || return 0
    echo >"$at/driver_override" || { echo "$1: driver_override cannot be cleared"; return 73; }
    # What has a driver of the host already stays with it.
    if is_driver ''; then return 0; fi
    modprobe -qab "$(cat "$at/modalias")" || :
    take "$1" || return
    await_driver "$1" '' 20 || :
    echo "$1: given back to \${driver:-the host, which has no driver for it}"
    return 0
  fi
  modprobe "$4" || { echo "$1: the driver $4 cannot be loaded"; return 69; }
  echo "$4" >"$at/driver_override" || { echo "$1: driver_override takes no $4"; return 73; }
  [ "$driver" != "$4" ] || return 0
  take "$1" || return
  if await_driver "$1" "$4" 50; then echo "$1: held by $4"; return 0; fi
  echo >"$at/driver_override" && take "$1" && await_driver "$1" "$before" 20
  echo "$1: expected the driver $4 to take it; it did not, see the kernel log; now with \${driver:-no driver}"
  return 70
}`;
