import { numberOfSource, volumesOf } from './disks.ts';
import { below, file, folder, type Layout, link, merge } from './layout.ts';
import { moduleFacts } from './module-table.ts';
import type { Running } from './running.ts';

/** `/proc` of a running machine, as plain files. What changes from second to second in truth stands still here. */
export function procLayout(running: Running): Layout {
  const { settings, kernel, line, bootId, hostname } = running;
  const readable = `Linux version ${kernel.release} (builder@lab) (gcc version 12.2.0) ${kernel.version}`;
  return merge([
    below('/proc', {
      cmdline: line.text,
      version: readable,
      cpuinfo: file(cpuinfo(running)),
      modules: file(procModules(running)),
      uptime: '73.42 1520.11',
      loadavg: '0.08 0.03 0.01 1/612 1204',
      filesystems: file(
        `nodev\tsysfs\nnodev\ttmpfs\nnodev\tproc\n${uniqueTypes(running)
          .map((type) => `\t${type}\n`)
          .join('')}`,
      ),
      mounts: link('self/mounts'),
      'self/mounts': file(mounts(running)),
      'self/mountinfo': file(mountinfo(running)),
      swaps: file(swaps(running)),
      'self/status': file('Name:\tcat\nState:\tR (running)\nPid:\t1204\nUid:\t0\t0\t0\t0\n'),
      '1/comm': 'systemd',
      '1/cmdline': file('/usr/lib/systemd/systemd\0--switched-root\0--system\0'),
      '1/exe': link('/usr/lib/systemd/systemd'),
      'net/dev': file(''),
      sys: folder(),
    }),
    below('/proc/sys/kernel', {
      ostype: 'Linux',
      osrelease: kernel.release,
      version: kernel.version,
      hostname,
      dmesg_restrict: settings.log.restricted ? '1' : '0',
      'random/boot_id': bootId,
      'random/uuid': bootId,
      panic: '0',
      modules_disabled: '0',
      kexec_load_disabled: '0',
    }),
    memoryCounts(running),
    below('/proc/sys/vm', { overcommit_memory: '0' }),
  ]);
}

/** What of `/proc` changes with the hugepages. */
export function memoryCounts(running: Running): Layout {
  return merge([
    below('/proc', { meminfo: file(meminfo(running)) }),
    below('/proc/sys/vm', { nr_hugepages: String(poolTotal(running, running.hugepages.defaultKiB)) }),
  ]);
}

/** Loaded modules, newest first, as `m_show()` of kernel/module/procfs.c prints them. */
export function procModules({ modules, kernel }: Running): string {
  const lines = modules.loaded.toReversed().map((name) => {
    const users = modules.loaded.filter((other) => moduleFacts(kernel, other).uses.includes(name)).toReversed();
    const list = users.length === 0 ? '-' : `${users.join(',')},`;
    return `${name} ${moduleFacts(kernel, name).size} ${users.length} ${list} Live 0x0000000000000000\n`;
  });
  return lines.join('');
}

function cpuinfo({ settings }: Running): string {
  const { cpu, numaNodes } = settings;
  const perNode = Math.ceil(cpu.count / numaNodes);
  return Array.from({ length: cpu.count }, (_, index) =>
    [
      `processor\t: ${index}`,
      `vendor_id\t: ${cpu.vendorId}`,
      `model name\t: ${cpu.model}`,
      `physical id\t: ${Math.floor(index / perNode)}`,
      `siblings\t: ${perNode}`,
      `cpu cores\t: ${Math.max(1, Math.floor(perNode / 2))}`,
      `flags\t\t: ${cpu.flags.join(' ')}`,
      'address sizes\t: 46 bits physical, 48 bits virtual',
      'power management:',
      '\n',
    ].join('\n'),
  ).join('');
}

function meminfo(running: Running): string {
  const { settings, hugepages } = running;
  const huge = hugepages.pools.reduce((sum, pool) => sum + pool.sizeKiB * pool.perNode.reduce((a, b) => a + b, 0), 0);
  const total = settings.memoryKiB - crashKernelKiB(running);
  const free = Math.floor((total - huge) * 0.94);
  const pages = poolTotal(running, hugepages.defaultKiB);
  const rows: readonly (readonly [string, number, string?])[] = [
    ['MemTotal', total],
    ['MemFree', free],
    ['MemAvailable', free],
    ['Buffers', 2108],
    ['Cached', 412_320],
    ['SwapTotal', 0],
    ['SwapFree', 0],
    ['HugePages_Total', pages, ''],
    ['HugePages_Free', pages, ''],
    ['HugePages_Rsvd', 0, ''],
    ['HugePages_Surp', 0, ''],
    ['Hugepagesize', hugepages.defaultKiB],
    ['Hugetlb', huge],
  ];
  return rows
    .map(([name, value, unit = ' kB']) => `${`${name}:`.padEnd(16)}${String(value).padStart(8)}${unit}\n`)
    .join('');
}

/** `crashkernel=512M` takes its memory away from everybody else; ranges and `auto` are not worked out. */
function crashKernelKiB({ line }: Running): number {
  const value = line.arguments.findLast(([name]) => name === 'crashkernel')?.[1] ?? '';
  const match = /^(\d+)([MG])(?:$|[,@])/.exec(value);
  return match === null ? 0 : Number(match[1]) * (match[2] === 'G' ? 1024 * 1024 : 1024);
}

function poolTotal({ hugepages }: Running, sizeKiB: number): number {
  return hugepages.pools.find((pool) => pool.sizeKiB === sizeKiB)?.perNode.reduce((a, b) => a + b, 0) ?? 0;
}

const kernelMounts = [
  'sysfs /sys sysfs rw,nosuid,nodev,noexec,relatime 0 0',
  'proc /proc proc rw,nosuid,nodev,noexec,relatime 0 0',
  'udev /dev devtmpfs rw,nosuid,relatime,mode=755 0 0',
  'tmpfs /run tmpfs rw,nosuid,nodev,mode=755 0 0',
];

function mountLines({ settings }: Running): readonly string[] {
  const own = settings.filesystems.map(
    ({ source, mount, type, options = 'rw,relatime' }) => `${source} ${mount} ${type} ${options} 0 0`,
  );
  return [...kernelMounts, ...own];
}

function mounts(running: Running): string {
  return `${mountLines(running).join('\n')}\n`;
}

/** What is on no disk has number 0 and one of its own. */
function mountinfo(running: Running): string {
  const volumes = volumesOf(running.settings);
  const rows = mountLines(running).map((text, index) => {
    const [source = '', mount, type, options] = text.split(' ');
    const number = numberOfSource(volumes, source) ?? `0:${20 + index}`;
    return `${21 + index} 1 ${number} / ${mount} ${options} shared:${index + 1} - ${type} ${source} rw`;
  });
  return `${rows.join('\n')}\n`;
}

/** Volumes that are swapped to, as proc(5) shows them. */
function swaps({ settings }: Running): string {
  const used = volumesOf(settings).filter(({ partition, mapped }) => (partition ?? mapped)?.swap === true);
  const rows = used.map(
    ({ name, sizeBytes }) =>
      `/dev/${name}                               partition\t${Math.floor(sizeBytes / 1024)}\t\t0\t\t-2\n`,
  );
  return `Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n${rows.join('')}`;
}

function uniqueTypes({ settings }: Running): readonly string[] {
  return [...new Set(settings.filesystems.map(({ type }) => type))];
}
