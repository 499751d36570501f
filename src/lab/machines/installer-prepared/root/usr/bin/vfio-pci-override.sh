#!/bin/sh

# Display devices but the one that the firmware shows its own picture on, each with its function 1.
for file in $(/usr/bin/find /sys/devices/pci* -name class); do
    class=$(cat "$file")
    device=${file%/class}
    if [ "$class" == 0x030000 ] || [ "$class" == 0x030200 ]; then
        if [ -f "$device/boot_vga" ] && [ "$(cat "$device/boot_vga")" -eq 1 ]; then
            continue
        fi
        echo "vfio-pci" > "$device/driver_override"
        sound=$(echo "$device" | sed -e "s/0$/1/")
        if [ -d "$sound" ]; then
            echo "vfio-pci" > "$sound/driver_override"
        fi
    fi
done

modprobe -i vfio-pci
