import { type CommandLine, valuesOf } from './command-line.ts';
import type { Disk } from './disk.ts';

/** What modprobe.d and the command line say about modules. Names have underscores. */
export interface ModuleConfiguration {
  readonly options: ReadonlyMap<string, ReadonlyMap<string, string>>;
  readonly blacklist: ReadonlySet<string>;
  /** Commands that are run in the place of loading a module. */
  readonly installs: ReadonlyMap<string, string>;
  /** Modules to load before, and after, another one. */
  readonly softdeps: ReadonlyMap<string, { readonly pre: readonly string[]; readonly post: readonly string[] }>;
}

/** A module's name as the kernel keeps it. */
export function unifyModule(name: string): string {
  return name.replaceAll('-', '_');
}

/** Folders of modprobe.d(5), the first one wins. */
export const modprobeFolders = [
  '/etc/modprobe.d',
  '/run/modprobe.d',
  '/usr/local/lib/modprobe.d',
  '/usr/lib/modprobe.d',
];

/** Folders of modules-load.d(5), the first one wins. */
export const modulesLoadFolders = [
  '/etc/modules-load.d',
  '/run/modules-load.d',
  '/usr/local/lib/modules-load.d',
  '/usr/lib/modules-load.d',
];

/** Texts of the `.conf` files in the folders, by file name; a name in an earlier folder hides those in later ones. */
export function readConfigurationFiles(disk: Disk, folders: readonly string[]): readonly string[] {
  const paths = new Map<string, string>();
  for (const folder of folders) {
    for (const name of disk.list(folder))
      if (name.endsWith('.conf') && !paths.has(name)) paths.set(name, `${folder}/${name}`);
  }
  const sorted = [...paths].sort(([a], [b]) => (a < b ? -1 : 1));
  return sorted.flatMap(([, path]) => disk.read(path) ?? []);
}

/** Lines of modprobe.d without comments, continued lines joined. */
export function modprobeLines(texts: readonly string[]): readonly string[] {
  return texts
    .flatMap((text) => text.replaceAll('\\\n', ' ').split('\n'))
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
}

/**
 * Reads lines of modprobe.d(5), with `module.parameter=value` and `modprobe.blacklist=` of the command line, which libkmod
 * reads too. `rd.driver.blacklist=` counts in the initramfs of dracut only (dracut.cmdline(7)).
 * `alias` lines have no effect here.
 */
export function readModuleConfiguration(
  lines: readonly string[],
  commandLine: CommandLine,
  phase: 'dracut' | 'initramfs-tools' | 'system',
  softdepLines: readonly string[],
): ModuleConfiguration {
  const options = new Map<string, Map<string, string>>();
  const blacklist = new Set<string>();
  const installs = new Map<string, string>();
  const softdeps = new Map<string, { pre: string[]; post: string[] }>();
  const addOption = (module: string, parameter: string, value: string) => {
    const known = options.get(module) ?? new Map<string, string>();
    options.set(module, known.set(parameter, value));
  };
  for (const line of [...softdepLines.map((text) => `softdep ${text}`), ...lines]) {
    const [word = '', target = '', ...rest] = line.split(/\s+/);
    const module = unifyModule(target);
    if (word === 'blacklist') blacklist.add(module);
    else if (word === 'softdep') softdeps.set(module, readSoftdep(rest));
    else if (word === 'install') installs.set(module, rest.join(' '));
    else if (word === 'options') for (const item of rest) addOption(module, ...splitOption(item));
  }
  for (const [name, value] of commandLine.arguments) {
    const dot = name.indexOf('.');
    if (dot > 0) addOption(name.slice(0, dot), name.slice(dot + 1), value ?? 'Y');
  }
  const blacklists = ['modprobe.blacklist', ...(phase === 'dracut' ? ['rd.driver.blacklist', 'rdblacklist'] : [])];
  for (const name of blacklists) {
    for (const item of valuesOf(commandLine, name).flatMap((value) => value.split(',')))
      blacklist.add(unifyModule(item));
  }
  return { options, blacklist, installs, softdeps };
}

function splitOption(item: string): [parameter: string, value: string] {
  const equals = item.indexOf('=');
  return equals === -1 ? [unifyModule(item), 'Y'] : [unifyModule(item.slice(0, equals)), item.slice(equals + 1)];
}

function readSoftdep(words: readonly string[]): { pre: string[]; post: string[] } {
  const found = { pre: [] as string[], post: [] as string[] };
  let side: 'pre' | 'post' | null = null;
  for (const word of words) {
    if (word === 'pre:') side = 'pre';
    else if (word === 'post:') side = 'post';
    else if (side !== null) found[side].push(unifyModule(word));
  }
  return found;
}

/** Names that systemd-modules-load(8) loads, in order: from modules-load.d(5), and from the command line first. */
export function modulesToLoad(texts: readonly string[], commandLine: CommandLine): readonly string[] {
  const argued = ['modules_load', 'rd.modules_load'].flatMap((name) => valuesOf(commandLine, name));
  const lines = texts.flatMap((text) => text.split('\n')).map((line) => line.trim());
  return [
    ...argued.flatMap((value) => value.split(',')).filter((name) => name !== ''),
    ...lines.filter((line) => line !== '' && !/^[#;]/.test(line)),
  ];
}
