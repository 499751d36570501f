import { requireUsb, type UsbSelector } from '../devices/usb.ts';
import { VfleetError } from '../errors.ts';
import { type Script, sh } from '../shell/script.ts';
import { fileSet } from './file-set.ts';
import type { Resource } from './resource.ts';

export interface UsbAccessOptions {
  /** Whose members may open them. Default: `kvm`, the group of QEMU on most systems. */
  readonly group?: string | undefined;
  /** Of the device's node. Default: `0660`. */
  readonly mode?: string | undefined;
}

const path = '/etc/udev/rules.d/72-vfleet-usb.rules';

/**
 * Who may open USB devices that guests get: a rule of udev's for each, by its port and ids, so that identical dongles are told
 * apart. Errors (`VfleetError`): `usb-access.invalid` at once; on a host `device.none` and `device.other` for what is plugged in
 * elsewhere, and whatever the host needs of them: `device.hub`, `device.disk-in-use`, `device.ssh-path`, …
 *
 * @example
 * usbAccess([{ port: '1-2.3', id: '0403:6001' }], { group: 'libvirt-qemu' })
 */
export function usbAccess(
  devices: readonly UsbSelector[],
  { group = 'kvm', mode = '0660' }: UsbAccessOptions = {},
): Resource {
  refuse(/^[a-z_][\w-]{0,31}\$?$/i, group, 'the name of a group');
  refuse(/^0?[0-7]{3}$/, mode, 'a mode as 0660');
  const resource = 'access to USB devices';
  const effects = [{ kind: 'udev', reason: `${path} changes`, subsystems: ['usb'] }] as const;
  return {
    kind: 'access to USB devices',
    name: resource,
    read: () => ({ files: [path], probes: { group: groupProbe(group) } }),
    change: (state, context) => {
      requireUsb(context.facts, devices, context.host);
      if (devices.length > 0 && state.probe('group').code !== 0) throw noGroup(group, context.host);
      const named = devices.map(({ port, id, serial }) => {
        const [vendor = '', product = ''] = id.split(':');
        return { port, vendor, product, serial: serial ?? '' };
      });
      const content = { template: 'usb-access.rules.hbs', data: { devices: named, group, mode } };
      const summary = `let ${group} open ${devices.map(({ port, id }) => `${port} (${id})`).join(', ') || 'no USB device'}`;
      // Nothing to be said of none, unless an earlier run has said something.
      if (devices.length === 0 && state.file(path).kind === 'absent') return null;
      return fileSet({ resource, summary, effects }, [{ path, content }], state, context);
    },
  };
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
