import { killsOf } from './kills.ts';

killsOf('proxmox-8-zfs', { onlyArguments: true });

// It fails: with a new initramfs zz-proxmox-boot copies it over that on each EFI system partition in place (cp -u). One in pieces
// on the first partition does not boot, and the firmware does not go on to the second. The plan says so.
killsOf('proxmox-8-zfs', { onlyWithAll: true });
