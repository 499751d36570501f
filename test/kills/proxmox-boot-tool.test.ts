import { killsOf } from './kills.ts';

// It fails today: proxmox-boot-tool copies kernels and initramfs images over those on the EFI system partitions in place (cp(1) in
// its hook zz-proxmox-boot). One in pieces on the first partition does not boot, and the firmware does not go on to the second.
killsOf('proxmox-8-zfs', { onlyWithAll: true });
