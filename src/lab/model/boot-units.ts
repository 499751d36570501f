import type { Disk } from './disk.ts';

const units = '/etc/systemd/system';

/** Targets that every boot reaches. */
const reached = [
  ...[
    'local-fs-pre',
    'local-fs',
    'sysinit',
    'basic',
    'network-pre',
    'network',
    'network-online',
    'multi-user',
    'graphical',
  ],
].map((name) => `${name}.target`);

/**
 * Units that drop-ins of the targets want (`TARGET.d/*.conf`, systemd.unit(5)), each after those that its own file names in
 * `After=`. Those that links want are none of what the model runs: they are the distribution's.
 */
export function bootUnits(disk: Disk): readonly string[] {
  const wanted = reached.flatMap((target) =>
    disk
      .list(`${units}/${target}.d`)
      .filter((name) => name.endsWith('.conf'))
      .flatMap((name) => wordsOf(disk.read(`${units}/${target}.d/${name}`) ?? '', /^(?:Wants|Requires)=(.*)$/)),
  );
  const known = [...new Set(wanted)].filter((unit) => disk.read(`${units}/${unit}`) !== null);
  const sorted: string[] = [];
  const visit = (unit: string, above: readonly string[]): void => {
    if (sorted.includes(unit) || above.includes(unit)) return;
    const before = wordsOf(disk.read(`${units}/${unit}`) ?? '', /^After=(.*)$/).filter((name) => known.includes(name));
    for (const other of before) visit(other, [...above, unit]);
    sorted.push(unit);
  };
  for (const unit of known) visit(unit, []);
  return sorted;
}

function wordsOf(text: string, pattern: RegExp): readonly string[] {
  return text.split('\n').flatMap(
    (line) =>
      pattern
        .exec(line)?.[1]
        ?.split(/\s+/)
        .filter((word) => word !== '') ?? [],
  );
}

/**
 * What driverctl's service does at boot for each file of `/etc/driverctl.d`, on a machine that has driverctl: its
 * 05-driverctl.rules wants `driverctl load-override` for a device that has one.
 */
export function driverctlPrograms(disk: Disk): readonly string[] {
  if (disk.read('/usr/sbin/driverctl') === null) return [];
  return disk.list('/etc/driverctl.d').flatMap((name) => {
    const driver = disk.read(`/etc/driverctl.d/${name}`)?.trim() ?? '';
    const address = /^pci-([0-9a-f:.]+)$/.exec(name)?.[1];
    if (address === undefined || !/^[\w-]+$/.test(driver)) return [];
    const at = `/sys/bus/pci/devices/${address}`;
    return [
      `[ -d ${at} ] && { echo ${driver} >${at}/driver_override; modprobe ${driver}; [ -e /sys/bus/pci/drivers/${driver}/${address} ] || { [ ! -e ${at}/driver ] || echo ${address} >${at}/driver/unbind; echo ${address} >/sys/bus/pci/drivers_probe; }; }`,
    ];
  });
}
