import { type OpenNodes, openNodesProbe, parseOpenNodes } from '../devices/open-nodes.ts';
import { refuseTwins, requireSerial, type SerialSelector } from '../devices/serial.ts';
import { fileSet } from './file-set.ts';
import type { Resource, State } from './resource.ts';

/** After 60-serial.rules, which tells the interface; before 77-mm-*.rules, by which ModemManager would talk to an adapter. */
const path = '/etc/udev/rules.d/72-vfleet-serial.rules';

/**
 * Stable names for serial ports that guests get: `/dev/vfleet/ALIAS`, by a rule of udev's. Errors (`VfleetError`): on a host
 * `device.none`, `device.other` and `device.count` for ports that are not there, or no UART; `device.console` for those that the
 * host speaks by; `device.in-use` for those that a process has open when they are named first.
 *
 * @example
 * serialAlias([{ port: 'ttyS1', alias: 'plc' }, { port: '1-2.3', id: '0403:6001', alias: 'meter' }])
 */
export function serialAlias(ports: readonly SerialSelector[]): Resource {
  const resource = 'names of serial ports';
  const effects = [{ kind: 'udev', reason: `${path} changes`, subsystems: ['tty'] }] as const;
  return {
    kind: 'names of serial ports',
    name: resource,
    read: () => ({ files: [path], ...(ports.length > 0 && { probes: { open: openNodesProbe } }) }),
    change: (state, context) => {
      refuseTwins(ports, context.host);
      // A port that the kernel has no name for yet may be there after a reboot that is planned.
      if (context.tentative !== true) requireSerial(context.facts, ports, context.host, openAt(state));
      if (ports.length === 0 && state.file(path).kind === 'absent') return null;
      const content = { template: 'serial-alias.rules.hbs', data: { ports: ports.map(dataOf) } };
      const names = ports.map(({ port, alias }) => `${port} as ${alias}`).join(', ') || 'no port';
      return fileSet({ resource, summary: `name ${names}`, effects }, [{ path, content }], state, context);
    },
  };
}

/** Of a port that the rules name already the process may be a guest's. Where no port is wished for, nobody has looked. */
function openAt(state: State): (port: string) => OpenNodes | undefined {
  const before = state.file(path);
  const rules = before.kind === 'file' ? before.bytes.toString('utf8') : '';
  return (port) => (rules.includes(`"${port}"`) ? undefined : parseOpenNodes(state.probe('open').stdout));
}

function dataOf({ port, id = '', interface: part, alias }: SerialSelector) {
  const [vendor = '', product = ''] = id.toLowerCase().split(':');
  const isBuiltIn = port.startsWith('tty');
  const number = part === undefined ? '' : part.toString(16).padStart(2, '0');
  return { name: isBuiltIn ? port : '', usb: isBuiltIn ? '' : port, vendor, product, part: number, alias };
}
