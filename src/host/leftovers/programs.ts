import type { Facts, SetupFile } from '../../facts/facts.ts';
import type { Finding } from './finding.ts';
import { hugepageLink, hugepageUnit, isInstallers, overrideScript, reserveScript } from './installer-files.ts';

/** The installer's script that gives display devices to vfio-pci. */
export function overrideFindings({ path, lines }: SetupFile, facts: Facts): readonly Finding[] {
  const equals = /^#! *\/bin\/sh\b/.test(lines[0] ?? '') && lines.some((line) => /\[ .* == /.test(line));
  const broken = equals && facts.setup?.doubleEquals === false;
  const isRun = facts.setup?.files.some(
    (file) =>
      file.path.startsWith('/etc/modprobe.d/') &&
      file.lines.some((line) => /^\s*install\s/.test(line) && line.includes(overrideScript)),
  );
  const left = behind(facts);
  const reach =
    'it reaches functions 0 and 1 of a card only' +
    (left.length === 0 ? '' : `: ${left.join(', ')} stay with the drivers of the host, and their group is not viable`);
  const shell = equals ? 'it is sh with "==", which dash does not know' : null;
  return [
    {
      place: path,
      path,
      found: 'a script that sets driver_override=vfio-pci on display devices',
      today: broken
        ? 'nothing: it is sh with "==", which the shell of this host does not know'
        : isRun === true
          ? 'all display devices but the one of the firmware go to vfio-pci when it is loaded'
          : 'nothing: no install line of modprobe runs it',
      why: broken || shell === null ? reach : `${reach}; ${shell}`,
      adopts: isInstallers(path, lines) ? 'file' : 'nothing',
    },
  ];
}

/** Functions 2 and up of cards whose function 0 the script takes: USB and UCSI of newer GPUs (NVIDIA/gpu-operator #1328). */
function behind({ pci }: Facts): readonly string[] {
  const cards = pci.filter(({ class: code, bootVga }) => /^030[02]00$/.test(code) && !bootVga);
  const slots = new Set(cards.map(({ address }) => address.slice(0, -1)));
  return pci
    .map(({ address }) => address)
    .filter((address) => slots.has(address.slice(0, -1)) && !/[01]$/.test(address));
}

/** The installer's unit that reserves huge pages, with its script and the link that enables it. */
export function hugepageFindings({ path, lines }: SetupFile, facts: Facts): readonly Finding[] {
  const adopts = isInstallers(path, lines) ? ('file' as const) : ('nothing' as const);
  const enabled = facts.setup?.files.some((file) => file.path === hugepageLink) ?? false;
  if (path === reserveScript) {
    return [
      {
        place: path,
        path,
        found: 'the script of oc-hugetlb-gigantic-pages.service',
        today: enabled ? 'runs at each boot' : 'nothing: the unit is not enabled',
        why: 'where hugepages_option is missing in /etc/yunion/host.conf its test fails, and it takes the memory all the same; it never looks how many pages it got',
        adopts,
      },
    ];
  }
  if (path === hugepageLink) {
    return [{ place: path, path, found: 'a link', today: 'the unit is enabled', why: null, adopts }];
  }
  const asked = /\bhugepagesz=1G\b/.test(facts.boot.running);
  return [
    {
      place: hugepageUnit,
      path,
      found: 'a unit that reserves pages of 1 GiB',
      today: !enabled
        ? 'nothing: it is not enabled'
        : asked
          ? 'takes all memory but a fifth (at most 32 GiB) at each boot'
          : 'nothing: the kernel runs without hugepagesz=1G',
      why: 'memory in huge pages is lost to everything that does not ask for them',
      adopts,
    },
  ];
}

/** Devices that `driverctl` gives to a driver at each boot (driverctl(8)): a file for each device. */
export function driverctlFindings(files: readonly SetupFile[], facts: Facts): readonly Finding[] {
  const overrides = files.filter(({ path }) => path.startsWith('/etc/driverctl.d/'));
  if (overrides.length === 0) return [];
  const known = new Set(facts.pci.map(({ address }) => `pci-${address}`));
  const named = overrides.map(({ path, lines }) => ({ device: path.slice(path.lastIndexOf('/') + 1), lines }));
  const gone = named.map(({ device }) => device).filter((device) => device.startsWith('pci-') && !known.has(device));
  return [
    {
      place: '/etc/driverctl.d',
      path: '/etc/driverctl.d',
      found: named.map(({ device, lines }) => `${device} ${lines.join(' ').trim()}`).join(', '),
      today: 'driverctl gives these devices to these drivers at each boot, by address',
      why: gone.length === 0 ? null : `no such device: ${gone.join(', ')}; another one may come to that address`,
      adopts: 'nothing',
    },
  ];
}
