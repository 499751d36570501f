import type { Facts, SetupFile } from '../../facts/facts.ts';
import { moduleState } from '../../facts/modules.ts';
import type { Finding } from './finding.ts';
import { isInstallers } from './installer-files.ts';

/** What a file that lists modules to load says about VFIO (modules-load.d(5), initramfs-tools(7)). */
export function moduleListFindings({ path, lines }: SetupFile, facts: Facts): readonly Finding[] {
  const names = lines.map((line) => line.trim()).filter((line) => line !== '' && !/^[#;]/.test(line));
  const vfio = names.filter((name) => name.startsWith('vfio'));
  if (vfio.length === 0) return [];
  const others = names.length - vfio.length;
  const early = path.startsWith('/etc/initramfs-tools/');
  return [
    {
      place: path,
      path,
      found: `${vfio.join(' ')}${others === 0 ? '' : ` and ${others} of other modules`}`,
      today: early ? 'loaded in the initramfs, before the root file system is there' : 'loaded at each boot',
      why: lacking(vfio, facts, early ? 'the initramfs' : 'systemd-modules-load'),
      adopts: early ? 'nothing' : 'lines',
    },
  ];
}

/** What a file of `/etc/dracut.conf.d` says about VFIO (dracut.conf(5)). */
export function dracutFindings({ path, lines }: SetupFile, facts: Facts): readonly Finding[] {
  return lines.flatMap((text, index): readonly Finding[] => {
    const drivers = /^\s*(?:add_drivers|force_drivers|drivers)\+?=(["']?)(.*?)\1\s*(?:#.*)?$/.exec(text)?.[2];
    const vfio = drivers?.split(/\s+/).filter((name) => name.startsWith('vfio')) ?? [];
    if (drivers === undefined || vfio.length === 0) return [];
    const { initramfs } = facts.boot;
    const runsOn = / $/.test(drivers)
      ? null
      : 'its value ends in no blank, so that it runs together with what the next file adds';
    return [
      {
        place: `${path}:${index + 1}`,
        path,
        found: text.trim(),
        today:
          initramfs === 'dracut'
            ? 'each initramfs that is built gets these modules'
            : `nothing: the initramfs is built by ${initramfs}`,
        why: lacking(vfio, facts, 'dracut') ?? runsOn,
        adopts: isInstallers(path, lines) ? 'file' : 'nothing',
      },
    ];
  });
}

/** Modules that are named, and that the kernel which will boot does not have. */
function lacking(names: readonly string[], facts: Facts, who: string): string | null {
  const absent = names.filter((name) => moduleState(facts, name).next === 'absent');
  if (absent.length === 0) return null;
  return `the kernel that will boot has no module ${absent.join(', ')}, so that ${who} complains each time`;
}
