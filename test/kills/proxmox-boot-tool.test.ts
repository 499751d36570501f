import { killsOf } from './kills.ts';

// By chance it fails: proxmox-boot-tool writes kernels and entries of the EFI system partitions in place, one partition after
// the other, and a kernel in pieces on the first keeps the firmware from the second. The plan says so before.
killsOf('proxmox-8-zfs', { withoutChance: true });
