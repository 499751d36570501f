import { VfleetError } from '../errors.ts';
import type { BootLoader, Facts } from '../facts/facts.ts';
import { bls } from './bls.ts';
import type { BootDriver } from './driver.ts';
import { grub2Mkconfig } from './grub2-mkconfig.ts';
import { ostree } from './ostree.ts';
import { proxmoxBootTool } from './proxmox-boot-tool.ts';
import { systemdBoot } from './systemd-boot.ts';
import { updateGrub } from './update-grub.ts';

const drivers: readonly BootDriver[] = [updateGrub, grub2Mkconfig, proxmoxBootTool, systemdBoot, ostree, bls];

/** What these write or read back is the one file that facts must have found. */
const fromConfig: readonly BootLoader[] = ['update-grub', 'grub2-mkconfig', 'bls'];

/** The driver for a host's boot loader. Errors: `boot.unsupported`, which names the loader and what was seen. */
export function bootDriver(facts: Facts): BootDriver {
  const { loader, loaderEvidence, configPath } = facts.boot;
  const driver = drivers.find((candidate) => candidate.loader === loader);
  if (driver !== undefined && (configPath !== null || !fromConfig.includes(loader))) return driver;
  const known = drivers.map((candidate) => candidate.loader).join(' or ');
  throw new VfleetError({
    code: 'boot.unsupported',
    thing: 'the kernel arguments of the boot loader',
    expected: driver === undefined ? `a boot loader that is configured by ${known}` : 'a generated configuration',
    found: `${driver === undefined ? loader : `${loader} without one`} (seen: ${loaderEvidence})`,
    next: 'set the arguments with the tool of that boot loader, and run `vfleet verify`; nothing was changed',
  });
}
