import { parseGrubConfig } from '../boot/grub-config.ts';
import { environmentMark } from '../boot/grub-read-back.ts';
import { decideLoader } from '../boot/loader.ts';
import { type LoaderEntry, parseLoaderEntry, sortLoaderEntries } from '../boot/loader-entry.ts';
import { printEsps } from '../boot/print-esps.ts';
import { printMissing } from '../boot/print-missing.ts';
import { type ProxmoxEsp, parseEsps } from '../boot/proxmox-esp.ts';
import { defaultPattern, type MenuFile, systemdMenu } from '../boot/systemd-menu.ts';
import { sh } from '../shell/script.ts';
import type { BootEntry, BootFacts, ConfiguredPlace, Facts } from './facts.ts';
import { fileLinesOf, filesOf, linesOf, type Sections, textOf } from './sections.ts';
import { configuredArguments, settingOf } from './settings.ts';

/**
 * Everything about boot loaders in a dozen processes. Of each `grub.cfg` the lines that draw and search are left out:
 * they are most of it, and no menu depends on them. A link whose target cannot be seen counts as unreadable.
 */
export const bootProbe = sh`
section boot-running
cat /proc/cmdline 2>/dev/null
section boot-settings
settings=/etc/sysconfig/grub
[ -h "$settings" ] && settings=
grep -aHs '' /etc/default/grub /etc/default/grub.d/*.cfg $settings /etc/kernel/cmdline /etc/kernel/cmdline.d/*.conf
section boot-files
for file in /etc/default/grub /etc/default/grub.d/*.cfg /etc/kernel/cmdline /etc/kernel/proxmox-boot-uuids \\
  /run/ostree-booted /boot/grub/grub.cfg /boot/grub2/grub.cfg /boot/efi/EFI/*/grub.cfg /efi/EFI/*/grub.cfg \\
  /boot/grub/grubenv /boot/grub2/grubenv /boot/efi/EFI/*/grubenv /efi/EFI/*/grubenv \\
  /boot/loader/loader.conf /boot/efi/loader/loader.conf /efi/loader/loader.conf \\
  /boot/loader/entries/*.conf /boot/efi/loader/entries/*.conf /efi/loader/entries/*.conf \\
  /boot/EFI/systemd/*.efi /boot/efi/EFI/systemd/*.efi /efi/EFI/systemd/*.efi \\
  /boot/EFI/Linux/*.efi /boot/efi/EFI/Linux/*.efi /efi/EFI/Linux/*.efi \\
  /sys/firmware/efi/efivars/LoaderEntryDefault-* /sys/firmware/efi/efivars/LoaderEntryOneShot-* \\
  /etc/kernel/postinst.d/dracut /etc/kernel/postinst.d/initramfs-tools; do
  if [ -r "$file" ]; then echo "file $file"; elif [ -e "$file" ] || [ -h "$file" ]; then echo "unreadable $file"; fi
done
for folder in /boot /boot/grub /boot/grub2 /boot/loader/entries /boot/efi /boot/efi/EFI /boot/efi/EFI/* /efi /efi/EFI; do
  [ -d "$folder" ] && { [ -r "$folder" ] && [ -x "$folder" ] || echo "locked $folder"; }
done
${printMissing()}
for folder in /boot /boot/efi /efi; do print_missing "$folder"; done
[ -h /etc/grub2-efi.cfg ] && ls -ld /etc/grub2-efi.cfg 2>/dev/null | sed 's/^.* -> /link /'
grep -sE '^[^ ]+ (/boot/efi|/boot|/efi) vfat ' /proc/mounts | sed 's/^/esp /'
for variable in /sys/firmware/efi/efivars/LoaderInfo-*; do
  [ -r "$variable" ] && echo "loader $(tr -cd ' -~' <"$variable" 2>/dev/null)"
done
section boot-tools
for tool in update-grub grub-mkconfig grub2-mkconfig grubby bootctl proxmox-boot-tool dracut update-initramfs mkinitramfs \\
  mkinitcpio lilo zipl; do
  command -v "$tool" 2>/dev/null
done
section boot-environment
grep -aHsE '^[A-Za-z_][A-Za-z0-9_]*=' /boot/grub/grubenv /boot/grub2/grubenv /boot/efi/EFI/*/grubenv /efi/EFI/*/grubenv
section boot-configs
grep -aHsvE '^[[:space:]]*(#|$|search |insmod |echo|initrd|load_video|loadfont|terminal_|font=|gfx|set (gfx|root=|timeout|locale|lang))' \\
  /boot/grub/grub.cfg /boot/grub2/grub.cfg /boot/efi/EFI/*/grub.cfg /efi/EFI/*/grub.cfg \\
  /boot/grub/custom.cfg /boot/grub2/custom.cfg /boot/efi/EFI/*/custom.cfg /efi/EFI/*/custom.cfg
section boot-entries
grep -aHs '' /boot/loader/entries/*.conf /boot/efi/loader/entries/*.conf /efi/loader/entries/*.conf \\
  /boot/loader/loader.conf /boot/efi/loader/loader.conf /efi/loader/loader.conf
section boot-esps
if [ -f /etc/kernel/proxmox-boot-uuids ]; then
${printEsps()}
fi
`;

/** Boot loader, entries, arguments: what runs, what is configured, and what the next boot will have. */
export function parseBoot(
  sections: Sections,
  { os, firmware, architecture }: Pick<Facts, 'os' | 'firmware' | 'architecture'>,
): BootFacts {
  const seen = linesOf(sections, 'boot-files');
  const running = textOf(sections, 'boot-running').replace(/\n[^]*$/, '');
  const settings = fileLinesOf(sections, 'boot-settings');
  const configs = filesOf(fileLinesOf(sections, 'boot-configs'));
  const tools = linesOf(sections, 'boot-tools').filter((line) => line.startsWith('/'));
  const readable = after(seen, 'file');
  const unreadable = after(seen, 'unreadable');
  const info = after(seen, 'loader')[0];
  const { loader, evidence, configPath } = decideLoader({
    firmware: firmware.kind,
    osId: os.id,
    ostree: readable.includes('/run/ostree-booted') || /(?:^| )ostree=/.test(running),
    tools,
    files: [...readable, ...unreadable],
    locked: after(seen, 'locked'),
    loaderInfo: info === undefined ? null : printable(info),
    blsEnabled: settingOf(settings, 'GRUB_ENABLE_BLSCFG') === 'true',
    espMounts: after(seen, 'esp').map((mount) => mount.split(' ')[1] ?? mount),
    efiLink: after(seen, 'link').map((path) => `/${path.replace(/^(?:\.\.\/|\/)+/, '')}`)[0] ?? null,
    configs,
  });
  const [locked, missing] = [after(seen, 'locked'), after(seen, 'missing')];
  const files: BootFiles = { sections, architecture, configs, readable, unreadable, locked, missing };
  return {
    loader,
    loaderEvidence: evidence,
    configPath,
    entries: entriesOf(loader, configPath, files),
    running,
    configured: unreadable.some((path) => path.startsWith('/etc/'))
      ? null
      : [...configuredArguments(settings), ...(loader === 'bls' ? kerneloptsOf(configPath, files) : [])],
    initramfs: initramfsOf(tools, readable),
  };
}

interface BootFiles {
  readonly sections: Sections;
  readonly architecture: string;
  readonly configs: ReadonlyMap<string, string>;
  readonly readable: readonly string[];
  readonly unreadable: readonly string[];
  readonly locked: readonly string[];
  /** Entries of systemd-boot whose kernel is not there. */
  readonly missing: readonly string[];
}

function entriesOf(
  loader: BootFacts['loader'],
  configPath: string | null,
  files: BootFiles,
): readonly BootEntry[] | null {
  if (loader === 'systemd-boot') return systemdEntries(files);
  if (loader === 'proxmox-boot-tool')
    return proxmoxEntries(parseEsps(files.sections.get('boot-esps')?.toString() ?? ''), files.architecture);
  const config = configPath === null ? undefined : files.configs.get(configPath);
  const entries =
    entryFiles(files)?.map(({ name, text }) => parseLoaderEntry(name.replace(/\.conf$/, ''), text)) ?? null;
  if (loader === 'ostree') return entries && marked(sortLoaderEntries(entries.map(withoutFirstBoot), 'version'), 0);
  if (configPath === null || config === undefined || (loader === 'bls' && entries === null)) return null;
  const folder = configPath.slice(0, configPath.lastIndexOf('/'));
  return parseGrubConfig({
    config,
    environment: environmentOf(folder, files),
    custom: files.configs.get(`${folder}/custom.cfg`),
    entries: entries ?? [],
  });
}

/**
 * The grub.cfg of Fedora CoreOS and its kin sets this variable for the very first boot only, while `/boot/ignition.firstboot`
 * is there, to arguments of Ignition; at any other boot it is empty.
 */
function withoutFirstBoot(entry: LoaderEntry): LoaderEntry {
  return { ...entry, arguments: entry.arguments.replace(/(?:^| )\$ignition_firstboot(?= |$)/, '').trim() };
}

/** The environment block lies beside the configuration; what is not there is told from what may not be read. */
function environmentOf(folder: string, files: BootFiles): string | null {
  const path = `${folder}/grubenv`;
  if (files.unreadable.includes(path)) return null;
  return filesOf(fileLinesOf(files.sections, 'boot-environment')).get(path) ?? '';
}

/** `kernelopts` of Enterprise Linux 8, where an entry takes its arguments from it. */
function kerneloptsOf(configPath: string | null, files: BootFiles): readonly ConfiguredPlace[] {
  const folder = configPath?.replace(/\/[^/]*$/, '') ?? '';
  const value = /^kernelopts=(.*)$/m.exec(environmentOf(folder, files) ?? '')?.[1];
  const isUsed = entryFiles(files)?.some(({ text }) => /\$(?:\{kernelopts\}|kernelopts\b)/.test(text)) === true;
  if (value === undefined || !isUsed) return [];
  return [{ path: `${folder}/grubenv`, variable: 'kernelopts', value: value.replace(/\\(.)/g, '$1') }];
}

const isEntryFile = (path: string) => /\/loader\/entries\/[^/]+\.conf$/.test(path);

/** GRUB lists the entries in `/boot/loader`; systemd-boot those of the ESP, wherever that is mounted. */
function entryFiles(files: BootFiles, esp = false): readonly MenuFile[] | null {
  const isEntry = (path: string) => isEntryFile(path) && (esp || path.startsWith('/boot/loader/'));
  const locked = files.locked.some((folder) => folder === '/boot' || folder === '/boot/loader/entries');
  if (locked || files.unreadable.some(isEntry)) return null;
  const texts = filesOf(fileLinesOf(files.sections, 'boot-entries', /^[^:]*\.conf$/));
  return files.readable.filter(isEntry).map((path) => ({
    name: path.slice(path.lastIndexOf('/') + 1),
    text: texts.get(path) ?? '',
    missing: files.missing.includes(path),
  }));
}

/**
 * systemd-boot(7): the EFI variables that choose an entry go before `default` of `loader.conf`, a pattern; unified images are
 * entries too, whose arguments cannot be read here.
 */
function systemdEntries(files: BootFiles): readonly BootEntry[] | null {
  const entries = entryFiles(files, true);
  if (entries === null || files.readable.some((path) => /\/EFI\/Linux\/[^/]+\.efi$/i.test(path))) return null;
  const conf = fileLinesOf(files.sections, 'boot-entries', /^[^:]*\.conf$/).filter(({ path }) =>
    path.endsWith('/loader.conf'),
  );
  const menu = systemdMenu(entries, defaultPattern(conf.map(({ text }) => text).join('\n')), files.architecture);
  const isStored = files.readable.some((path) => /\/LoaderEntry(?:Default|OneShot)-/.test(path));
  return marked(menu.entries, isStored ? -1 : menu.chosen);
}

/**
 * The entries of every partition that proxmox-boot-tool keeps. Which of them the firmware starts nobody knows: they are alike,
 * and the default of the first counts. One that is not there boots nothing; one that cannot be read may be the one.
 */
function proxmoxEntries(esps: readonly ProxmoxEsp[], architecture: string): readonly BootEntry[] | null {
  const there = esps.filter(({ kind }) => kind !== 'absent');
  if (there.length === 0 || there.some(({ kind }) => kind === 'unreadable')) return null;
  return there.flatMap((esp, index) =>
    entriesOfEsp(esp, architecture).map((entry) => ({
      ...entry,
      title: `${entry.title} (ESP ${esp.uuid})`,
      default: index === 0 && entry.default,
    })),
  );
}

function entriesOfEsp({ kind, chosen, entries, config: both }: ProxmoxEsp, architecture: string): readonly BootEntry[] {
  if (kind === 'grub') {
    const [config = '', environment = ''] = both.split(environmentMark);
    return parseGrubConfig({ config, environment, entries: [] });
  }
  const menu = systemdMenu(entries, chosen, architecture);
  const named = menu.entries.map((entry) => ({
    ...entry,
    title: [entry.title, entry.version].filter(Boolean).join(' '),
  }));
  return marked(named, menu.chosen);
}

function marked(entries: readonly LoaderEntry[], chosen: number): readonly BootEntry[] {
  return entries.map((entry, i) => ({
    title: entry.title,
    kernel: entry.kernel,
    arguments: entry.arguments,
    default: i === chosen,
  }));
}

/**
 * Told by the tool; where both are installed, by the hook that runs when a kernel is installed (Debian's dracut brings an
 * `update-initramfs` of its own, but no `mkinitramfs`).
 */
function initramfsOf(tools: readonly string[], readable: readonly string[]): BootFacts['initramfs'] {
  const has = (name: string) => tools.some((path) => path.endsWith(`/${name}`));
  const hook = (name: string) => readable.includes(`/etc/kernel/postinst.d/${name}`);
  if (has('dracut') && has('update-initramfs')) {
    return has('mkinitramfs') && (hook('initramfs-tools') || !hook('dracut')) ? 'initramfs-tools' : 'dracut';
  }
  if (has('update-initramfs')) return 'initramfs-tools';
  return has('dracut') ? 'dracut' : has('mkinitcpio') ? 'mkinitcpio' : 'none';
}

function after(lines: readonly string[], word: string): readonly string[] {
  return lines.filter((line) => line.startsWith(`${word} `)).map((line) => line.slice(word.length + 1));
}

/** The variable's four bytes of attributes may be printable; the text starts with a letter and has a version. */
function printable(text: string): string {
  return /[A-Za-z][A-Za-z-]*(?: .*)?$/.exec(text)?.[0] ?? text;
}
