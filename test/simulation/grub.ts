import type { DiskFile } from './machine.ts';

const release = '6.1.0-44-amd64';
const root = 'root=UUID=3f9a1d2c-0b4e-4a7f-8c6d-1e2f3a4b5c6d ro';
export const settingsPath = '/etc/default/grub';
const dropInFolder = '/etc/default/grub.d/';

const settings = `# If you change this file, run 'update-grub' afterwards to update
# /boot/grub/grub.cfg.
GRUB_DEFAULT=0
GRUB_TIMEOUT=5
GRUB_CMDLINE_LINUX_DEFAULT="quiet"
GRUB_CMDLINE_LINUX=""
`;

/** Files of a host that nobody has prepared. */
export function firstFiles(): readonly (readonly [string, DiskFile])[] {
  const file = (text: string): DiskFile => ({ text, mode: '0644', owner: 'root:root' });
  return [
    [settingsPath, file(settings)],
    ['/boot/grub/grub.cfg', file(configurationOf(' quiet'))],
  ];
}

/** What `grub-mkconfig` prints for the files on a disk. */
export function generate(files: ReadonlyMap<string, DiskFile>): string {
  const dropIns = [...files.keys()].filter((path) => path.startsWith(dropInFolder) && path.endsWith('.cfg')).sort();
  const variables = new Map<string, string>();
  for (const path of [settingsPath, ...dropIns]) source(files.get(path)?.text ?? '', variables);
  const value = (name: string): string => variables.get(name) ?? '';
  return configurationOf(`${value('GRUB_CMDLINE_LINUX')} ${value('GRUB_CMDLINE_LINUX_DEFAULT')}`);
}

/** Assignments as a shell reads them. Errors: for a line that this does not know, so that none is passed over. */
function source(text: string, variables: Map<string, string>): void {
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const [, name = '', value = ''] = /^(\w+)=(.*)$/.exec(line) ?? [];
    if (name === '') throw new Error(`the model's grub-mkconfig cannot read ${line}`);
    const bare = value.replace(/^"(.*)"$/, '$1');
    variables.set(
      name,
      bare.replace(/\$(\w+)/g, (_, other: string) => variables.get(other) ?? ''),
    );
  }
}

function configurationOf(line: string): string {
  const entry = (indent: string, title: string, rest: string): string =>
    `${indent}menuentry '${title}' --class debian --class os {\n${indent}\tlinux\t/boot/vmlinuz-${release} ${root} ${rest}\n${indent}}\n`;
  return `set default="0"
${entry('', 'Debian GNU/Linux', line)}submenu 'Advanced options for Debian GNU/Linux' {
${entry('\t', `Debian GNU/Linux, with Linux ${release}`, line)}${entry('\t', `Debian GNU/Linux, with Linux ${release} (recovery mode)`, 'single')}}
`;
}

/** What `/proc/cmdline` has after a boot: the first entry's line. */
export function bootedArguments(configuration: string): string {
  const line = /^\s*linux\s+(\S+)\s+(.*)$/m.exec(configuration);
  if (line === null) throw new Error('a host has no boot entry: it does not boot');
  return `BOOT_IMAGE=${line[1]} ${(line[2] ?? '').trim().replace(/\s+/g, ' ')}`;
}
