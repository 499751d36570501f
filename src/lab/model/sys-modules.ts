import { below, file, folder, type Layout, link, merge } from './layout.ts';
import { moduleFacts } from './module-table.ts';
import type { Running } from './running.ts';

/**
 * `/sys/module`, and `/dev/vfio` with what goes with it. A module that is built in is there only when it has parameters
 * or a version (`param_sysfs_builtin()`, `version_sysfs_builtin()` of kernel/params.c).
 */
export function modulesLayout(running: Running): Layout {
  const { kernel, modules } = running;
  const vfio = [...kernel.builtin, ...modules.loaded].includes('vfio');
  return merge([
    below('/sys', { module: folder() }),
    ...kernel.builtin.map((name) => builtinLayout(running, name)),
    ...modules.loaded.map((name) => loadedLayout(running, name)),
    ...(vfio ? [vfioDevice] : []),
  ]);
}

/** The container device, a plain file here. On a real machine: character device 10:196. */
const vfioDevice = merge([
  below('/dev/vfio', { vfio: file('', 0o666) }),
  below('/sys/devices/virtual/misc/vfio', { dev: '10:196' }),
  below('/sys/class/misc', { vfio: link('../../devices/virtual/misc/vfio') }),
  below('/sys/class', { vfio: folder() }),
]);

function builtinLayout(running: Running, name: string): Layout {
  const { version } = moduleFacts(running.kernel, name);
  const parameters = parameterLayout(running, name);
  const at = `/sys/module/${name}`;
  return merge([parameters, version === null ? new Map() : below(at, { version })]);
}

function loadedLayout(running: Running, name: string): Layout {
  const { kernel, modules } = running;
  const { version } = moduleFacts(kernel, name);
  const at = `/sys/module/${name}`;
  const users = modules.loaded.filter((other) => moduleFacts(kernel, other).uses.includes(name));
  return merge([
    below(at, {
      initstate: 'live',
      refcnt: String(users.length),
      version: version ?? undefined,
    }),
    below(`${at}/holders`, Object.fromEntries(users.map((user) => [user, link(`../../${user}`)]))),
    parameterLayout(running, name),
  ]);
}

function parameterLayout({ kernel, modules }: Running, name: string): Layout {
  const chosen = modules.parameters.get(name) ?? new Map<string, string>();
  const entries = Object.entries(moduleFacts(kernel, name).parameters).map(([parameter, start]): [string, string] => {
    const value = chosen.get(parameter);
    return [parameter, value === undefined ? start : printParameter(value, start)];
  });
  return below(`/sys/module/${name}/parameters`, Object.fromEntries(entries));
}

/** A bool is printed as `Y` or `N`, however it was given (`param_get_bool()`); one that does not parse is refused. */
function printParameter(value: string, start: string): string {
  if (start !== 'Y' && start !== 'N') return value;
  if (/^(1|y|on)/i.test(value)) return 'Y';
  return /^(0|n|of)/i.test(value) ? 'N' : start;
}
