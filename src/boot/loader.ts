import type { BootLoader } from '../facts/facts.ts';

/** What the probe saw of boot loaders: only the presence and content of files and tools, no distribution's name. */
export interface LoaderEvidence {
  readonly firmware: 'uefi' | 'bios';
  /** `ID` of `os-release`: only picks among several folders of one EFI system partition. */
  readonly osId: string;
  /** The system runs from an ostree deployment: `/run/ostree-booted`, or `ostree=` on the command line. */
  readonly ostree: boolean;
  /** Full paths of the tools that were found. */
  readonly tools: readonly string[];
  /** Paths that exist, readable or not. */
  readonly files: readonly string[];
  /** Folders that exist and may not be searched: nothing is known of what is in them. */
  readonly locked: readonly string[];
  /** The EFI variable `LoaderInfo`, in which systemd-boot and newer GRUB name themselves. */
  readonly loaderInfo: string | null;
  /** `GRUB_ENABLE_BLSCFG` of the settings is `true`. */
  readonly blsEnabled: boolean;
  /** Mount points of EFI system partitions. */
  readonly espMounts: readonly string[];
  /** Where `/etc/grub2-efi.cfg` points, resolved. */
  readonly efiLink: string | null;
  /** Text of each `grub.cfg` that could be read. */
  readonly configs: ReadonlyMap<string, string>;
}

export interface LoaderDecision {
  readonly loader: BootLoader;
  /** What it rests on, for people. */
  readonly evidence: string;
  /** The generated configuration that the firmware's loader reads; `null`: it could not be told. */
  readonly configPath: string | null;
}

/**
 * Tells the boot loader's family. The order matters: ostree systems, Proxmox and BLS systems have `grub2-mkconfig` or
 * `update-grub` too, and there those are not the way to change arguments.
 */
export function decideLoader(seen: LoaderEvidence): LoaderDecision {
  return ostree(seen) ?? proxmox(seen) ?? systemdBoot(seen) ?? grub2(seen) ?? debian(seen) ?? unknown(seen);
}

function ostree(seen: LoaderEvidence): LoaderDecision | null {
  if (!seen.ostree) return null;
  return { loader: 'ostree', evidence: 'the system runs from an ostree deployment', configPath: entriesFolder(seen) };
}

const proxmoxUuids = '/etc/kernel/proxmox-boot-uuids';

/** The list of ESPs exists only where proxmox-boot-tool keeps them (Proxmox VE manual, "Host Bootloader"). */
function proxmox(seen: LoaderEvidence): LoaderDecision | null {
  if (!seen.files.includes(proxmoxUuids)) return null;
  return {
    loader: 'proxmox-boot-tool',
    evidence: joined(tool(seen, 'proxmox-boot-tool'), proxmoxUuids),
    configPath: null,
  };
}

/**
 * `LoaderInfo` names the loader that started this boot (systemd-boot(7)); GRUB sets it too since 2.12. Without the variable,
 * systemd-boot's own binary on the ESP beside a `loader.conf` counts.
 */
function systemdBoot(seen: LoaderEvidence): LoaderDecision | null {
  const folder = entriesFolder(seen);
  if (seen.loaderInfo !== null) {
    if (!seen.loaderInfo.startsWith('systemd-boot')) return null;
    return { loader: 'systemd-boot', evidence: `EFI variable LoaderInfo: ${seen.loaderInfo}`, configPath: folder };
  }
  const binary = seen.files.find((path) => /\/EFI\/systemd\/systemd-boot\w*\.efi$/i.test(path));
  const conf = seen.files.find((path) => path.endsWith('/loader/loader.conf'));
  if (seen.firmware !== 'uefi' || binary === undefined || conf === undefined || anyConfig(seen)) return null;
  return { loader: 'systemd-boot', evidence: joined(binary, conf), configPath: folder };
}

function grub2(seen: LoaderEvidence): LoaderDecision | null {
  const mkconfig = tool(seen, 'grub2-mkconfig');
  if (mkconfig === null) return null;
  const { path, note } = grub2Config(seen);
  const text = path === null ? undefined : seen.configs.get(path);
  if (text !== undefined && /^\s*blscfg\b/m.test(text)) {
    return { loader: 'bls', evidence: `blscfg in ${path}`, configPath: path };
  }
  if (seen.blsEnabled && text !== undefined && /^\s*(?:menuentry|submenu)\b/m.test(text)) {
    const evidence = `GRUB_ENABLE_BLSCFG=true, but ${path} has entries of its own and no blscfg: generate it anew`;
    return { loader: 'unknown', evidence, configPath: path };
  }
  if (seen.blsEnabled) return { loader: 'bls', evidence: 'GRUB_ENABLE_BLSCFG=true', configPath: path };
  if (path === null && note === null) return null;
  return { loader: 'grub2-mkconfig', evidence: joined(mkconfig, path, note), configPath: path };
}

/**
 * The file that GRUB reads on systems with `grub2-mkconfig`. UEFI: the one in the vendor's folder of the ESP, unless that is a
 * stub that loads `/boot/grub2/grub.cfg` (Fedora change "UnifyGrubConfig"; rhboot/grub2 issue 183).
 */
function grub2Config(seen: LoaderEvidence): { readonly path: string | null; readonly note: string | null } {
  const shared = '/boot/grub2/grub.cfg';
  if (seen.firmware === 'bios') return inFolder(seen, shared);
  const onEsp = seen.files.filter((path) => /^\/(?:boot\/efi|efi)\/EFI\/[^/]+\/grub\.cfg$/i.test(path));
  const whole = onEsp.filter((path) => !isStub(seen.configs.get(path)));
  if (whole.length > 0) {
    const path = pickVendor(whole, seen);
    return { path, note: path === null ? `several: ${whole.join(', ')}` : null };
  }
  const locked = seen.locked.find((folder) => /^\/(?:boot\/)?efi(?:\/|$)/.test(folder));
  if (locked !== undefined) return { path: null, note: `${locked} may not be read` };
  if (onEsp.length > 0) return { ...inFolder(seen, shared), note: `${onEsp[0]} is a stub` };
  // An ESP that is not mounted may hold the real one.
  if (seen.espMounts.length > 0) return inFolder(seen, shared);
  return { path: null, note: seen.files.includes(shared) ? 'no EFI system partition is mounted' : null };
}

function inFolder(seen: LoaderEvidence, path: string): { readonly path: string | null; readonly note: string | null } {
  if (seen.files.includes(path)) return { path, note: null };
  const locked = seen.locked.find((folder) => path.startsWith(`${folder}/`));
  return { path: null, note: locked === undefined ? null : `${locked} may not be read` };
}

/**
 * A short file that only hands over to another one: by `configfile`, on SUSE by `source` (SLE 15) or by `normal` (SLE 12), which
 * reads `grub.cfg` in the folder that `prefix` names.
 */
function isStub(text: string | undefined): boolean {
  if (text === undefined || /^\s*(?:menuentry|submenu|blscfg)\b/m.test(text)) return false;
  return /^\s*(?:configfile\b|(?:source|\.)[ \t].*grub\.cfg|normal[ \t]*$)/m.test(text);
}

/** `EFI/BOOT` is the fallback for removable media; of several vendors the one that the system itself points to counts. */
function pickVendor(paths: readonly string[], seen: LoaderEvidence): string | null {
  if (seen.efiLink !== null && paths.includes(seen.efiLink)) return seen.efiLink;
  const vendors = paths.filter((path) => !/\/EFI\/BOOT\//i.test(path));
  const own = vendors.filter((path) => path.toLowerCase().includes(`/efi/${seen.osId.toLowerCase()}/`));
  const candidates = own.length > 0 ? own : vendors.length > 0 ? vendors : paths;
  return candidates.length === 1 ? (candidates[0] ?? null) : null;
}

/** Debian and its kin keep the file in `/boot/grub`, with BIOS and UEFI alike: the ESP has a stub only. */
function debian(seen: LoaderEvidence): LoaderDecision | null {
  const update = tool(seen, 'update-grub');
  if (update === null) return null;
  const { path, note } = inFolder(seen, '/boot/grub/grub.cfg');
  if (path === null && note === null) return null;
  return { loader: 'update-grub', evidence: joined(update, path, note), configPath: path };
}

function unknown(seen: LoaderEvidence): LoaderDecision {
  const tools = seen.tools.filter((path) => /\/(?:update-grub|grub2?-mkconfig|bootctl|grubby|lilo|zipl)$/.test(path));
  const found = [...tools, ...seen.files.filter((path) => path.endsWith('/grub.cfg'))];
  const evidence = found.length === 0 ? 'no boot loader was found' : `not enough to tell: ${found.join(', ')}`;
  return { loader: 'unknown', evidence, configPath: null };
}

function anyConfig(seen: LoaderEvidence): boolean {
  return seen.files.some((path) => /^\/boot\/grub2?\/grub\.cfg$/.test(path));
}

function entriesFolder(seen: LoaderEvidence): string | null {
  const entry = seen.files.find((path) => /\/loader\/entries\/[^/]+\.conf$/.test(path));
  return entry === undefined ? null : entry.slice(0, entry.lastIndexOf('/'));
}

function tool(seen: LoaderEvidence, name: string): string | null {
  return seen.tools.find((path) => path.endsWith(`/${name}`)) ?? null;
}

function joined(...parts: readonly (string | null)[]): string {
  return parts.filter((part) => part !== null).join(', ');
}
