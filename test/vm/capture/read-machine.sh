#!/bin/sh
# Prints what a machine kind of the simulated lab is made of, in sections. Run as root on the machine; it only reads.
# udev may still be loading modules.
systemctl is-system-running --wait >/dev/null
udevadm settle
section() { printf '\n@@ %s\n' "$1"; }

section kernel
uname -r
uname -v
for folder in /lib/modules/*; do [ -e "/boot/vmlinuz-${folder##*/}" ] && echo "installed ${folder##*/}"; done

section os-release
cat /etc/os-release

section firmware
[ -d /sys/firmware/efi ] && echo uefi
od -An -tu1 /sys/firmware/efi/efivars/SecureBoot-* 2>/dev/null
cat /sys/class/dmi/id/sys_vendor /sys/class/dmi/id/product_name

section tables
ls /sys/firmware/acpi/tables

section interrupts
grep -oE 'IR-(IO-APIC|PCI-MSI|HPET)' /proc/interrupts | sort -u

section cpu
sed '/^[[:space:]]*$/q' /proc/cpuinfo
echo "processors : $(grep -c '^processor' /proc/cpuinfo)"

section memory
grep '^MemTotal' /proc/meminfo
ls -d /sys/devices/system/node/node*
ls -d /sys/kernel/mm/hugepages/*

section versions
systemctl --version | head -n 1
kmod --version | head -n 1
dpkg-query -W -f '${Package} ${Version}\n' grub-common

section filesystems
findmnt --real -rno TARGET,SOURCE,UUID,FSTYPE

section modules.dep
cat "/lib/modules/$(uname -r)/modules.dep"
section modules.builtin
cat "/lib/modules/$(uname -r)/modules.builtin"
section modules.softdep
cat "/lib/modules/$(uname -r)/modules.softdep"
section loaded
sed 's/ .*//' /proc/modules

section config
grep -E 'VFIO|IOMMU' "/boot/config-$(uname -r)"

section iommu
ls /sys/class/iommu
cat /sys/kernel/iommu_groups/*/type | sort | uniq -c | sort -rn

section restricted
cat /proc/sys/kernel/dmesg_restrict

section pci
for folder in /sys/bus/pci/devices/*; do
  echo "at ${folder##*/} $(readlink -f "$folder")"
  for name in class vendor device subsystem_vendor subsystem_device revision numa_node boot_vga; do
    [ -e "$folder/$name" ] && echo "$name $(cat "$folder/$name")"
  done
  [ -e "$folder/driver" ] && echo "driver $(basename "$(readlink "$folder/driver")")"
  [ -e "$folder/driver/module" ] && echo "module $(basename "$(readlink "$folder/driver/module")")"
  [ -e "$folder/iommu_group" ] && echo "group $(basename "$(readlink "$folder/iommu_group")")"
  for name in "$folder"/net/* "$folder"/virtio*/net/*; do
    [ -e "$name" ] && echo "network ${name##*/} $(cat "$name/address") $(cat "$name/operstate")"
  done
  for name in "$folder"/nvme/nvme*; do [ -e "$name" ] && echo "serial $(cat "$name/serial")"; done
done

for file in /etc/default/grub /etc/default/grub.d/*.cfg /boot/grub/grub.cfg /boot/grub/grubenv /boot/efi/EFI/*/grub.cfg \
  /usr/lib/os-release /etc/debian_version /etc/modules /etc/modules-load.d/* /usr/lib/modules-load.d/* \
  /etc/modprobe.d/* /usr/lib/modprobe.d/* /etc/initramfs-tools/modules \
  /etc/initramfs-tools/conf.d/* /etc/kernel/postinst.d/*; do
  if [ -h "$file" ]; then
    printf '\n@@ link %s\n%s\n' "$file" "$(readlink "$file")"
  elif [ -f "$file" ]; then
    printf '\n@@ file %s %s\n' "$(stat -c %a "$file")" "$file"
    cat "$file"
  fi
done
section end
