import { parseArguments } from '../boot/arguments.ts';
import { joinOwned } from '../boot/owned.ts';
import type { Facts } from '../facts/facts.ts';
import type { LeftRunning } from './owned-file.ts';

/** Loaders whose entries kernel-install(8) makes, from `/proc/cmdline` where there is no `/etc/kernel/cmdline`. */
const takesRunning: readonly string[] = ['systemd-boot', 'bls'];

/**
 * What was left in the system that runs, as far as it is; `undefined`: nothing is, or it has been booted since. Where the
 * running arguments may have come into entries again, a boot that has them is no end of it.
 */
export function stillRunning(left: LeftRunning | undefined, { identity, boot }: Facts): LeftRunning | undefined {
  if (left === undefined) return undefined;
  const isSameBoot = left.bootId === identity.bootId;
  if (!isSameBoot && !takesRunning.includes(boot.loader)) return undefined;
  const running = parseArguments(boot.running).map((argument) => argument.token);
  const tokens = left.arguments.filter((token) => running.includes(token));
  const files = isSameBoot ? left.files : [];
  if (tokens.length + files.length === 0) return undefined;
  const { restored, ...rest } = left;
  const still = { ...rest, bootId: identity.bootId, arguments: tokens, files };
  return isSameBoot && restored !== undefined ? { ...still, restored } : still;
}

/** Tokens that run, and that an undo or a restore has taken out of the configuration since the host booted. */
export function takenOutSince(left: LeftRunning | undefined, { identity, boot }: Facts): readonly string[] {
  if (left === undefined || left.bootId === null || left.bootId !== identity.bootId) return [];
  const running = parseArguments(boot.running).map((argument) => argument.token);
  return [...left.arguments, ...(left.restored ?? [])].filter((token) => running.includes(token));
}

/** Both together. */
export function joinLeft(one: LeftRunning | undefined, other: LeftRunning): LeftRunning {
  const playbooks = [...new Set([...(one?.playbooks ?? []), ...(other.playbooks ?? [])])];
  const restored = [...new Set([...(one?.restored ?? []), ...(other.restored ?? [])])];
  const elsewhere = joinOwned(one?.elsewhere ?? {}, other.elsewhere ?? {});
  return {
    bootId: other.bootId,
    arguments: [...new Set([...(one?.arguments ?? []), ...other.arguments])],
    files: [...new Set([...(one?.files ?? []), ...other.files])],
    ...(restored.length > 0 && { restored }),
    ...(playbooks.length > 0 && { playbooks }),
    ...(Object.keys(elsewhere).length > 0 && { elsewhere }),
  };
}

/** What is left when a run has put tokens and files back in place. */
export function putBack(
  left: LeftRunning | undefined,
  tokens: readonly string[],
  paths: readonly string[],
): LeftRunning | undefined {
  if (left === undefined) return undefined;
  const rest = {
    ...left,
    arguments: left.arguments.filter((token) => !tokens.includes(token)),
    files: left.files.filter((path) => !paths.includes(path)),
    ...(left.restored !== undefined && { restored: left.restored.filter((token) => !tokens.includes(token)) }),
  };
  return rest.arguments.length + rest.files.length === 0 ? undefined : rest;
}

/** Files that hold kernel arguments. */
const bootFile = /\/loader\/entries\/|\/grubenv$|^\/etc\/default\/grub(?:$|\.d\/)|^\/etc\/kernel\/cmdline$/;

/** Why a reboot is due, for people; `null`: it is not. */
export function reasonToReboot(left: LeftRunning | undefined): string | null {
  if (left === undefined) return null;
  const boot = left.files.filter((path) => bootFile.test(path));
  const files = left.files.filter((path) => !bootFile.test(path));
  const reasons = [
    ...(left.arguments.length > 0 ? [`the running kernel still has ${left.arguments.join(' ')}`] : []),
    ...(boot.length > 0 ? [`boot entries were restored (${boot.join(', ')}), and count from then on`] : []),
    ...(files.length > 0 ? [`what ${files.join(', ')} had set lasts until then`] : []),
  ];
  return reasons.length === 0 ? null : reasons.join('; ');
}
