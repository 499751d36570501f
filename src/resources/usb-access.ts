import { openNodesProbe, parseOpenNodes } from '../devices/open-nodes.ts';
import { requireUsb, type UsbSelector } from '../devices/usb.ts';
import { accessOf, isGranted, nodePath, type UsbAccess, type UsbAccessOptions } from '../devices/usb-node.ts';
import { VfleetError } from '../errors.ts';
import type { UsbDevice } from '../facts/hardware.ts';
import { type Script, sh } from '../shell/script.ts';
import type { Effect, UsbGrant } from './effect.ts';
import { fileSet } from './file-set.ts';
import type { Change, ChangeContext, FileState, Resource, State } from './resource.ts';

const path = '/etc/udev/rules.d/72-vfleet-usb.rules';
const resource = 'access to USB devices';

/**
 * Who may open USB devices that guests get: a rule of udev's for each, by its port and ids, so that identical dongles are told
 * apart. Errors (`VfleetError`): `usb-access.invalid` at once; on a host `device.none` and `device.other` for what is plugged in
 * elsewhere, and whatever the host needs of them: `device.hub`, `device.disk-in-use`, `device.ssh-path`, …; `device.in-use` for what a process has
 * open when it is named first.
 *
 * @example
 * usbAccess([{ port: '1-2.3', id: '0403:6001' }], { group: 'libvirt-qemu' })
 */
export function usbAccess(devices: readonly UsbSelector[], options: UsbAccessOptions = {}): Resource {
  const access = accessOf(options);
  refuse(/^[a-z_][\w-]{0,31}\$?$/i, access.group, 'the name of a group');
  refuse(/^0?[0-7]{3}$/, access.mode, 'a mode as 0660');
  return {
    kind: resource,
    name: resource,
    read: () => ({
      files: [path],
      probes: { group: groupProbe(access.group), ...(devices.length > 0 && { open: openNodesProbe }) },
    }),
    change: (state, context) => change(devices, access, state, context),
  };
}

function change(
  selectors: readonly UsbSelector[],
  access: UsbAccess,
  state: State,
  context: ChangeContext,
): Change | null {
  const before = state.file(path);
  const named = portsOf(before);
  // A guest may have what the rules name already. Where no device is wished for, nobody has looked.
  const openAt = (port: string) =>
    named.some((one) => one.port === port) ? undefined : parseOpenNodes(state.probe('open').stdout);
  const devices = requireUsb(context.facts, selectors, context.host, openAt);
  if (devices.length > 0 && state.probe('group').code !== 0) throw noGroup(access.group, context.host);
  // Nothing to be said of none, unless an earlier run has said something.
  if (devices.length === 0 && before.kind === 'absent') return null;
  const data = selectors.map(({ port, id, serial }) => {
    const [vendor = '', product = ''] = id.split(':');
    return { port, vendor, product, serial: serial ?? '' };
  });
  const content = { template: 'usb-access.rules.hbs', data: { devices: data, ...access } } as const;
  const ports = selectors.map(({ port, id }) => `${port} (${id})`).join(', ');
  const summary = `let ${access.group} open ${ports || 'no USB device'}`;
  const effects = [udevOf(`${path} changes`, grantsOf(selectors, before))];
  const written = fileSet({ resource, summary, effects }, [{ path, content }], state, context);
  return written === null || written.actions.length === 0 ? again(devices, selectors, access, written) : written;
}

/** What somebody has changed by hand, or libvirt after a guest had the device: the rule stands there, and the node is not so. */
function again(
  devices: readonly UsbDevice[],
  selectors: readonly UsbSelector[],
  access: UsbAccess,
  kept: Change | null,
): Change | null {
  const lost = devices.filter((device) => isGranted(device, access) === false).map(nodePath);
  if (lost.length === 0) return kept;
  const nothing: Change = { resource, summary: '', diffs: [], actions: [], effects: [], notes: [] };
  const grants = selectors.map(({ port, id }) => ({ port, id, granted: true }));
  return {
    ...(kept ?? nothing),
    summary: `let ${access.group} open ${lost.join(', ')} again`,
    effects: [udevOf(`${lost.join(', ')} is not as ${path} has it`, grants)],
  };
}

function udevOf(reason: string, usb: readonly UsbGrant[]): Effect {
  // Other devices of the bus are left alone.
  return { kind: 'udev', reason, subsystems: [], ...(usb.length > 0 && { usb }) };
}

/** Devices that are given to the group, and those that the rules gave to one before. */
function grantsOf(devices: readonly UsbSelector[], before: FileState): readonly UsbGrant[] {
  const gone = portsOf(before).filter(({ port }) => devices.every((one) => one.port !== port));
  return [
    ...devices.map(({ port, id }) => ({ port, id, granted: true })),
    ...gone.map((one) => ({ ...one, granted: false })),
  ];
}

/** What the rules name. */
function portsOf(before: FileState): readonly { readonly port: string; readonly id: string }[] {
  const text = before.kind === 'file' ? before.bytes.toString('utf8') : '';
  const rule =
    /^SUBSYSTEM=="usb", KERNEL=="([\d.-]+)", ATTR\{idVendor\}=="([0-9a-f]{4})", ATTR\{idProduct\}=="([0-9a-f]{4})"/gm;
  return [...text.matchAll(rule)].map(([, port = '', vendor, product]) => ({ port, id: `${vendor}:${product}` }));
}

/** udev passes over a group that it does not know, with a line in the journal. */
function groupProbe(group: string): Script {
  return sh`grep -q ${`^${group}:`} /etc/group || getent group ${group} >/dev/null`;
}

function noGroup(group: string, host: string): VfleetError {
  const [expected, found] = [`the group ${group} on the host`, 'no such group'];
  const next = 'name the group that QEMU runs in (`group`): kvm, libvirt-qemu, qemu; nothing was changed';
  return new VfleetError({ code: 'device.group', host, thing: 'access to USB devices', expected, found, next });
}

function refuse(pattern: RegExp, found: string, expected: string): void {
  if (pattern.test(found)) return;
  const parts = {
    thing: 'access to USB devices',
    expected,
    found: JSON.stringify(found),
    next: 'correct the playbook',
  };
  throw new VfleetError({ code: 'usb-access.invalid', ...parts });
}
