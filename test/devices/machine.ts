import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('fixtures/', import.meta.url));

/** Names of the machines. Each folder has `machine.json` (what it is made of) and `expected.json` (what is to be said of it). */
export const machineNames: readonly string[] = readdirSync(folder).sort();

/** A machine that somebody has described in public, with the facts that were taken over. */
export interface Machine {
  readonly source: 'public';
  /** Where it is described, with the commit or the number of the issue. */
  readonly address: string;
  /** What that place tells. */
  readonly told: string;
  /** What it does not tell, and was made up here. */
  readonly filledIn: string;
  /** What it tells, and is not here. */
  readonly leftOut: string;
  /** `PATH CLASS ID REVISION DRIVER GROUP KEY=VALUE…`; `-`: nothing. The path is that in `/sys/devices`. */
  readonly pci?: readonly string[];
  /** Physical slots by name: `{ "1": "0002:01:00" }`. */
  readonly slots?: Readonly<Record<string, string>>;
  /** Members of IOMMU groups that are no PCI devices. */
  readonly otherMembers?: Readonly<Record<string, string>>;
  /** `NAME ADDRESS WORD…`: `up`, `link`, `default` (it has the default route), addresses with prefix length. */
  readonly net?: readonly string[];
  /** `NAME ADDRESS NUMBER WORD…` of controllers with one disk; words are its partitions: `p2=259:2:/boot`. */
  readonly nvme?: readonly string[];
  /** `NAME ADDRESS NUMBER WORD…` of disks, with the address of their controller. */
  readonly sata?: readonly string[];
  readonly usb?: readonly MachineUsb[];
}

export interface MachineUsb {
  /** Path of the bus's root hub in `/sys/devices`. */
  readonly bus: string;
  readonly port: string;
  readonly device: number;
  readonly id: string;
  readonly manufacturer?: string;
  readonly product?: string;
  /** `NUMBER CLASS DRIVER`. */
  readonly interfaces: readonly string[];
  /** `NAME NUMBER INTERFACE`. */
  readonly tty?: string;
}

/** One row of `pci`. */
export interface MachinePci {
  readonly path: string;
  readonly address: string;
  readonly class: string;
  readonly id: string;
  readonly revision: string | null;
  readonly driver: string | null;
  readonly group: number | null;
  /** `node`, `subsystem`, `physfn`, `vfs` (`ACTIVE/TOTAL`), `boot_vga`. */
  readonly more: ReadonlyMap<string, string>;
}

/** What vfleet is to say of a machine: written by hand, after the source. */
export interface Expected {
  /** All that `vfleet devices` lists: `DEVICE KIND STANDING OBSTACLE…`, those of a mate as `KIND@DEVICE`. */
  readonly devices: readonly string[];
  readonly units?: readonly {
    readonly select: unknown;
    readonly selected: readonly string[];
    readonly mates: readonly string[];
  }[];
  /** What a playbook that takes them is refused with. */
  readonly refused?: readonly { readonly select: unknown; readonly code: string }[];
  /** Virtual functions that are there, by physical function. */
  readonly functions?: Readonly<Record<string, readonly string[]>>;
  /** Number of the device that is found by its port. */
  readonly usb?: readonly { readonly port: string; readonly id: string; readonly device: number }[];
}

export function readMachine(name: string): Machine {
  return JSON.parse(readFileSync(`${folder}${name}/machine.json`, 'utf8'));
}

export function readExpected(name: string): Expected {
  return JSON.parse(readFileSync(`${folder}${name}/expected.json`, 'utf8'));
}

/** The PCI devices of a machine. */
export function pciOf({ pci = [] }: Machine): readonly MachinePci[] {
  return pci.map((row) => {
    const [path = '', code = '', id = '', revision = '-', driver = '-', group = '-', ...words] = row.split(' ');
    const said = (text: string): string | null => (text === '-' ? null : text);
    return {
      path,
      address: path.slice(path.lastIndexOf('/') + 1),
      class: code,
      id,
      revision: said(revision),
      driver: said(driver),
      group: group === '-' ? null : Number(group),
      more: new Map(words.map((word): [string, string] => [word.split('=')[0] ?? '', word.split('=')[1] ?? ''])),
    };
  });
}
