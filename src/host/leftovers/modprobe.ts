import type { Facts, SetupFile } from '../../facts/facts.ts';
import { moduleState } from '../../facts/modules.ts';
import type { Finding } from './finding.ts';
import { isInstallers, overrideScript } from './installer-files.ts';

/** Drivers of display devices. */
const displayDrivers = /^(?:nouveau|nvidia(?:_drm|_modeset|_uvm)?|amdgpu|amdkfd|radeon)$/;

type Part = Pick<Finding, 'today' | 'why'>;

/** What a file of `/etc/modprobe.d` says about passthrough (modprobe.d(5)). */
export function modprobeFindings(file: SetupFile, facts: Facts): readonly Finding[] {
  const { path } = file;
  const adopts = isInstallers(path, file.lines) ? ('file' as const) : ('nothing' as const);
  const commands = commandsOf(file.lines);
  const single = commands.flatMap(({ line, text, words }): readonly Finding[] => {
    const part = partOf(words, facts);
    return part === null ? [] : [{ place: `${path}:${line}`, path, found: text, adopts, ...part }];
  });
  const hidden = commands.filter(({ words }) => words[0] === 'blacklist' && displayDrivers.test(nameOf(words[1])));
  if (hidden.length === 0) return single;
  const names = hidden.map(({ words }) => words[1]).join(', ');
  const blacklist: Finding = {
    place: path,
    path,
    found: `blacklist ${names}`,
    today: 'modprobe loads none of these drivers for a device that it finds',
    why: 'an initramfs that was built before may still load them, and one that was built since keeps the list until it is rebuilt',
    adopts,
  };
  return [...single, blacklist];
}

function partOf(words: readonly string[], facts: Facts): Part | null {
  const [keyword, module, ...rest] = words;
  const name = nameOf(module);
  if (keyword === 'install' && name.startsWith('vfio')) return hook(name, rest, facts);
  const ids = rest.find((word) => word.startsWith('ids='));
  if (keyword === 'options' && name === 'vfio_pci' && ids !== undefined) return byId(ids.slice(4), facts);
  if (keyword === 'options' && name === 'kvm' && rest.some((word) => /^ignore_msrs=[1yY]/.test(word))) {
    return {
      today: 'KVM hides from every guest of the host that it uses a register which KVM does not know',
      why: 'faults of a guest are hidden too',
    };
  }
  if (keyword === 'softdep' && words.some((word) => nameOf(word) === 'vfio_pci')) {
    return { today: `vfio-pci is loaded beside ${module}`, why: 'the order of loading decides who gets a device' };
  }
  return null;
}

function hook(module: string, command: readonly string[], facts: Facts): Part {
  const { next } = moduleState(facts, module);
  if (next === 'builtin') {
    return { today: `never runs: ${module} is built into the kernel`, why: 'what it was to bind is not bound by it' };
  }
  const [program] = command;
  const gone = program === overrideScript && !facts.setup?.files.some((file) => file.path === overrideScript);
  return {
    today: gone
      ? `${module} cannot be loaded: modprobe runs that script in its place, and it is not there`
      : `modprobe runs that command in the place of loading ${module}`,
    why: 'an initramfs has the line too, until it is rebuilt without it',
  };
}

/** What binding by ids (`options vfio-pci ids=`, `vfio-pci.ids=`) means on a host. */
export function byId(ids: string, facts: Facts): Part {
  const wanted = ids.split(',').map((id) => id.toLowerCase().split(':').slice(0, 2).join(':'));
  const devices = facts.pci.filter(({ vendor, device }) => wanted.includes(`${vendor}:${device}`));
  const list = devices.map((device) => device.address).join(', ') || 'none';
  return {
    today: `vfio-pci takes every device with one of these ids when it is loaded; here: ${list}`,
    why: 'devices of one id cannot be told apart by it, so that one which the host needs may go too',
  };
}

interface Command {
  readonly line: number;
  readonly text: string;
  readonly words: readonly string[];
}

/** The commands of such a file: a backslash at the end continues a line, `#` begins a comment line. */
function commandsOf(lines: readonly string[]): readonly Command[] {
  const commands: Command[] = [];
  for (let i = 0; i < lines.length; i++) {
    const line = i + 1;
    let text = lines[i] ?? '';
    while (text.endsWith('\\') && i + 1 < lines.length) text = `${text.slice(0, -1)} ${lines[++i] ?? ''}`;
    const words = text.split(/\s+/).filter(Boolean);
    if (words.length > 0 && !words[0]?.startsWith('#')) commands.push({ line, text: words.join(' '), words });
  }
  return commands;
}

function nameOf(module: string | undefined): string {
  return module?.replaceAll('-', '_') ?? '';
}
