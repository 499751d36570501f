import type { Effect } from '../resources/effect.ts';
import { joinScripts, type Script, sh } from '../shell/script.ts';

type UdevEffect = Extract<Effect, { kind: 'udev' }>;

/**
 * Lets udev read its rules anew, and apply them to what is there of some subsystems, and to some USB devices. Those that no rule of
 * ours names any more are made root's before, as the kernel makes them, and announced as if they were plugged in now. Source:
 * udevadm(8).
 */
export function udevScript({ subsystems, usb = [] }: Pick<UdevEffect, 'subsystems' | 'usb'>): Script {
  const matches = subsystems.map((subsystem) => `--subsystem-match=${subsystem}`);
  const reload = sh`udevadm control --reload || exit`;
  if (matches.length === 0 && usb.length === 0) return reload;
  return joinScripts([
    reload,
    takeBack,
    ...usb.map(({ port, id, granted }) =>
      granted ? sh`tell change ${port} || exit` : sh`take_back ${port} ${id} || exit`,
    ),
    ...(matches.length === 0 ? [] : [sh`udevadm trigger --action=change ${matches} || exit`]),
    sh`udevadm settle --timeout=60`,
  ]);
}

/**
 * devtmpfs makes nodes 0600 and root's; udev's own rules give them mode and group (0664, printers to lp) where they are added, and on
 * no other event (50-udev-default.rules), hence that one. What else is plugged in there by now has a node that no rule of ours was about.
 */
const takeBack = sh`
# ACTION PORT
tell() { udevadm trigger --action="$1" --subsystem-match=usb --sysname-match="$2"; }
# PORT VENDOR:PRODUCT
take_back() {
  at=/sys/bus/usb/devices/$1
  [ -d "$at" ] || return 0
  read -r vendor <"$at/idVendor" && read -r product <"$at/idProduct" || return 0
  [ "$vendor:$product" = "$2" ] || return 0
  read -r bus <"$at/busnum" && read -r device <"$at/devnum" || return 0
  node=$(printf '/dev/bus/usb/%03d/%03d' "$bus" "$device")
  [ -e "$node" ] || return 0
  chmod 0600 "$node" && chown root:root "$node" || { echo "$1: $node cannot be given back to root"; return 73; }
  tell add "$1"
}`;
