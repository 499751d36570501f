import type { Facts, PciDevice } from '../facts/facts.ts';
import { slotAt } from './address.ts';
import { type Candidate, type CandidateKind, candidateKinds } from './candidate.ts';
import { boundAs, isBridge, serialsOf, slotNames } from './identity.ts';
import type { Obstacle } from './obstacle.ts';
import { obstaclesOf, obstaclesOfPort, obstaclesOfSerial } from './obstacles.ts';
import { type OpenNodes, openText } from './open-nodes.ts';
import { devicesOf, unitsOf } from './select.ts';
import { userOf } from './users.ts';

/** What else was read for them. */
export interface CandidateReadings {
  readonly open: OpenNodes;
  /** Names of PCI devices, by address. */
  readonly names: ReadonlyMap<string, string>;
}

/** Devices of a host that could be passed through, by kind and place. Pure. Parts of the board itself are left out. */
export function candidatesOf(facts: Facts, readings: CandidateReadings): readonly Candidate[] {
  const devices = facts.pci.filter((device) => isOffered(facts, device));
  const all = [
    ...devices.map((device) => pciCandidate(facts, device, readings)),
    ...usbCandidates(facts, readings.open),
    ...serialCandidates(facts, readings.open),
  ];
  return candidateKinds.flatMap((kind) => all.filter((one) => one.kind === kind));
}

const kinds: readonly (readonly [code: string, kind: CandidateKind])[] = [
  ['03', 'gpu'],
  ['02', 'nic'],
  ['0108', 'nvme'],
  ['0c03', 'usb'],
  ['07', 'serial'],
];

function kindOf(device: PciDevice): CandidateKind {
  return kinds.find(([code]) => device.class.startsWith(code))?.[1] ?? 'other';
}

/** What cards are bought for; their other functions are told as what goes with it. */
const main: ReadonlySet<CandidateKind> = new Set(['gpu', 'nic', 'nvme']);

/** Memory controllers, system devices, processors, and what counts and measures in them; SMBus. */
const parts = /^(?:05|08|0b|11|0c05)/;

/** What only has a place on the bus: AMD's processors have such functions beside their controllers ("non-essential instrumentation"). */
const dummy = '13';

function isOffered(facts: Facts, device: PciDevice): boolean {
  if (isBridge(device) || device.class.startsWith(dummy)) return false;
  const onBoard = (facts.hardware?.pci[device.address]?.parent ?? null) === null;
  if (onBoard && parts.test(device.class)) return false;
  if (main.has(kindOf(device))) return true;
  return !facts.pci.some((other) => slotAt(other.address) === slotAt(device.address) && main.has(kindOf(other)));
}

function pciCandidate(facts: Facts, device: PciDevice, { open, names }: CandidateReadings): Candidate {
  const [unit] = unitsOf(facts, new Map([[device, []]]));
  const obstacles = unit === undefined ? [] : obstaclesOf(facts, unit, open);
  const detail = facts.hardware?.pci[device.address];
  const nvme = facts.hardware?.nvme.find(({ pci }) => pci === device.address);
  const sriov = detail?.sriov ?? null;
  const serials = serialsOf(facts, device);
  const bound = boundAs(facts, device);
  const isGiven = unit !== undefined && devicesOf(unit).every(({ driver }) => driver === 'vfio-pci');
  return {
    kind: kindOf(device),
    device: device.address,
    id: `${device.vendor}:${device.device}`,
    title: nvme?.model ?? names.get(device.address) ?? null,
    // Of a controller with many disks the number of one says nothing.
    serial: serials.length > 1 ? null : (serials[0] ?? bound?.serial ?? null),
    driver: device.driver,
    iommuGroup: device.iommuGroup,
    numaNode: device.numaNode,
    physicalSlot: slotNames(facts, device)[0] ?? null,
    sriov: sriov === null ? null : { total: sriov.total, active: sriov.active },
    mates: (unit?.mates ?? []).map(({ address, vendor, device: id, driver }) => ({
      address,
      vendor,
      device: id,
      driver,
    })),
    standing: isGiven ? 'given' : standingOf(obstacles),
    // What a guest has already nobody has to take from the host.
    obstacles: isGiven ? [] : obstacles,
    notes: pciNotes(facts, device, open),
  };
}

function standingOf(obstacles: readonly Obstacle[]): Candidate['standing'] {
  if (obstacles.length === 0) return 'free';
  return obstacles.every(({ consent }) => consent !== undefined) ? 'consent' : 'blocked';
}

function pciNotes(facts: Facts, device: PciDevice, open: OpenNodes): readonly string[] {
  const { address, iommuGroup } = device;
  const detail = facts.hardware?.pci[address];
  const nets = (facts.hardware?.net ?? []).filter(({ pci }) => pci === address);
  const guest = userOf(device, open);
  const bound = boundAs(facts, device);
  return [
    ...nets.map(({ name, mac }) => `interface ${name}${mac === null ? '' : ` ${mac}`}`),
    ...(detail?.physicalFunction ? [`virtual function of ${detail.physicalFunction}`] : []),
    ...(detail?.resets.length === 0
      ? ['the kernel cannot reset it alone: a guest gets it as the last one left it']
      : []),
    ...(iommuGroup === null ? [groupless(facts)] : []),
    ...(bound === null ? [] : [`bound by vfleet: ${bound.binding}`]),
    ...(guest === null ? [] : [openText(guest)]),
  ];
}

/** Where others have groups, the firmware puts this one behind none of the IOMMUs. */
function groupless({ iommu }: Facts): string {
  return iommu.groups.length > 0
    ? 'no IOMMU group, though others have theirs: it cannot be passed through here'
    : 'no IOMMU group: turn the IOMMU on first (vfleet plan passthrough)';
}

const bare = { iommuGroup: null, numaNode: null, physicalSlot: null, sriov: null, mates: [] } as const;

function usbCandidates(facts: Facts, open: OpenNodes): readonly Candidate[] {
  return (facts.hardware?.usb ?? [])
    .filter(({ hub, port }) => !hub && !port.startsWith('usb'))
    .map((one): Candidate => {
      const obstacles = obstaclesOfPort(facts, one.port, open);
      return {
        ...bare,
        kind: 'usb',
        device: one.port,
        id: `${one.vendor}:${one.product}`,
        title: one.title,
        serial: one.serial,
        driver: [...new Set(one.interfaces.flatMap(({ driver }) => driver ?? []))].join(',') || null,
        standing: standingOf(obstacles),
        obstacles,
        notes: [],
      };
    });
}

function serialCandidates(facts: Facts, open: OpenNodes): readonly Candidate[] {
  return (facts.hardware?.serial ?? [])
    .filter(({ uart, usb, pci }) => (uart ?? usb ?? pci) !== null)
    .map(({ name, uart, usb, links }): Candidate => {
      const obstacles = obstaclesOfSerial(facts, name, open);
      return {
        ...bare,
        kind: 'serial',
        device: name,
        id: null,
        title: uart ?? (usb === null ? null : `USB port ${usb}`),
        serial: null,
        driver: null,
        standing: standingOf(obstacles),
        obstacles,
        notes: links.map((link) => `also ${link}`),
      };
    });
}
