import { chmodSync, chownSync, lstatSync } from 'node:fs';
import type { Cell } from '../cell.ts';
import type { Disk } from './disk.ts';
import { resolveInside } from './inside.ts';
import { file, type Layout } from './layout.ts';
import { applyUdevRules, type UdevPermissions } from './udev-event.ts';
import type { UdevRule } from './udev-rules.ts';

/** A USB device in `/sys`, and its node in `/dev`. */
interface UsbDevice {
  readonly name: string;
  readonly node: string;
  readonly attribute: (name: string) => string | null;
}

/** Nodes as devtmpfs makes them, for all USB devices of a layout of `/sys`: `/dev/bus/usb/BBB/DDD`, plain files here. */
export function usbNodes(layout: Layout): Layout {
  return new Map(usbDevices(layout).map(({ node }) => [node, file('', 0o600)]));
}

/**
 * Events of USB devices: rules say whose their nodes are. Udev's own give those that are added the mode 0664, and say nothing of
 * other events (50-udev-default.rules of 252); what no rule names stays as it is (udev-node.c). `names`: of these alone; empty: of
 * all.
 */
export function announceUsb(
  { view }: Pick<Cell, 'view'>,
  disk: Disk,
  layout: Layout,
  { rules, action, names = [] }: Announcement,
): void {
  for (const { name, node, attribute } of usbDevices(layout)) {
    if (names.length > 0 && !names.includes(name)) continue;
    const at = resolveInside(view, node, false);
    const found = at === null ? undefined : lstatSync(at, { throwIfNoEntry: false });
    if (at === null || found === undefined) continue;
    const { permissions } = applyUdevRules(rules, { action, kernel: name, subsystem: 'usb', driver: 'usb', attribute });
    const [uid, gid] = [idOf(disk, '/etc/passwd', permissions.owner), idOf(disk, '/etc/group', permissions.group)];
    give(at, uid ?? found.uid, gid ?? found.gid);
    const usual = action === 'add' ? 0o664 : found.mode & 0o777;
    chmodSync(at, modeOf(permissions) ?? usual);
  }
}

interface Announcement {
  readonly rules: readonly UdevRule[];
  readonly action: string;
  readonly names?: readonly string[];
}

function modeOf({ mode }: UdevPermissions): number | null {
  return mode === null ? null : Number.parseInt(mode, 8);
}

/** In a user namespace there is no other owner than root: nodes stay root's. */
function give(at: string, uid: number, gid: number): void {
  const { uid: user, gid: group } = lstatSync(at);
  if (user === uid && group === gid) return;
  try {
    chownSync(at, uid, gid);
  } catch {
    // Nobody else is known there.
  }
}

/** The number of a user or group; `null`: none is named, or the node does not know it, and udev leaves that out. */
function idOf(disk: Disk, database: string, name: string | null): number | null {
  if (name === null) return null;
  const line = (disk.read(database) ?? '').split('\n').find((one) => one.startsWith(`${name}:`));
  const id = Number(line?.split(':')[2]);
  return line === undefined || !Number.isInteger(id) ? null : id;
}

function usbDevices(layout: Layout): readonly UsbDevice[] {
  return [...layout.keys()].flatMap((path): readonly UsbDevice[] => {
    const [, at, name] = /^(\/sys\/devices\/.*\/([^/]+))\/busnum$/.exec(path) ?? [];
    if (at === undefined || name === undefined) return [];
    const attribute = (key: string) => {
      const entry = layout.get(`${at}/${key}`);
      return entry?.kind === 'file' ? String(entry.content).trim() : null;
    };
    const number = (key: string) => (attribute(key) ?? '').padStart(3, '0');
    return [{ name, attribute, node: `/dev/bus/usb/${number('busnum')}/${number('devnum')}` }];
  });
}
