#!/bin/sh
# Prints what a prepared machine has: in the sections of test/vm/capture/reading.ts. Run as root; it only reads.
section() { printf '\n@@ %s\n' "$1"; }
section command-line
cat /proc/cmdline
section vfio-modules
sed 's/ .*//' /proc/modules | grep -E '^(vfio|irqbypass)' | sort
section vfio-parameters
grep -H '' /sys/module/vfio*/parameters/* | sort
section vfio-device
[ -e /dev/vfio/vfio ] && echo there
section show-depends
modprobe --show-depends vfio_pci
section groups
for group in /sys/kernel/iommu_groups/*; do
  [ -d "$group" ] && echo "${group##*/} $(cat "$group/type") $(ls "$group/devices" | tr '\n' ' ')"
done | sort -n
section failed-units
systemctl list-units --failed --no-legend --plain | sed 's/ .*//'
section modules-load
systemctl show -p ActiveState -p Result systemd-modules-load.service
section folders
ls /var/lib/vfleet
for file in /etc/default/grub /etc/default/grub.d/*.cfg /boot/grub/grub.cfg /boot/grub/grubenv /etc/modules-load.d/* \
  /etc/modprobe.d/* /var/lib/vfleet/state.json; do
  if [ -h "$file" ]; then
    printf '\n@@ link %s\n%s\n' "$file" "$(readlink "$file")"
  elif [ -f "$file" ]; then
    printf '\n@@ file %s %s\n' "$(stat -c %a "$file")" "$file"
    cat "$file"
  fi
done
section end
