import { killsOf } from './kills.ts';

killsOf('proxmox-8-zfs');
