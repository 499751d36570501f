import type { Effect } from './effect.ts';

interface Place {
  readonly below: string;
  readonly effects: (path: string) => readonly Effect[];
}

const nothing = { present: [], absent: [] };
const initramfs = (path: string): Effect => ({
  kind: 'initramfs',
  reason: `${path} changes, which the initramfs copies`,
});
const service =
  (unit: string) =>
  (path: string): readonly Effect[] => [{ kind: 'service', reason: `${path} changes`, unit }];

/** Folders whose files take effect only when something is done about them. */
const places: readonly Place[] = [
  {
    // dracut and initramfs-tools copy the folder into the initramfs (modules.d/*kernel-modules; hook-functions), and a
    // module that is loaded keeps the options with which it was loaded (modprobe.d(5)).
    below: '/etc/modprobe.d/',
    effects: (path) => [
      initramfs(path),
      { kind: 'reboot', reason: `${path} changes, and loaded modules keep their options`, ...nothing },
    ],
  },
  // modules-load.d(5): read by the service, at boot or when it is restarted.
  { below: '/etc/modules-load.d/', effects: service('systemd-modules-load.service') },
  // sysctl.d(5)
  { below: '/etc/sysctl.d/', effects: service('systemd-sysctl.service') },
  // dracut.conf(5), initramfs-tools(7): read when the initramfs is built.
  { below: '/etc/dracut.conf.d/', effects: (path) => [initramfs(path)] },
  { below: '/etc/initramfs-tools/', effects: (path) => [initramfs(path)] },
  // Sourced by grub-mkconfig; what it generates counts at the next boot.
  { below: '/etc/default/grub.d/', effects: bootEffects },
  { below: '/etc/default/grub', effects: (path) => (path === '/etc/default/grub' ? bootEffects(path) : []) },
];

function bootEffects(path: string): readonly Effect[] {
  return [
    { kind: 'boot-configuration', reason: `${path} changes`, ...nothing },
    { kind: 'reboot', reason: `${path} changes`, ...nothing },
  ];
}

/** What is due when a file at a path changes; nothing for a path that no rule is known for. */
export function defaultEffects(path: string): readonly Effect[] {
  return places.find((place) => path.startsWith(place.below))?.effects(path) ?? [];
}
