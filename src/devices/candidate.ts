import type { PciDevice } from '../facts/facts.ts';
import type { Obstacle } from './obstacle.ts';

/** What a device is to people who pass it through. */
export type CandidateKind = 'gpu' | 'nic' | 'nvme' | 'usb' | 'serial' | 'other';

export const candidateKinds: readonly CandidateKind[] = ['gpu', 'nic', 'nvme', 'usb', 'serial', 'other'];

/** A device that could be passed through, and what stands in the way. */
export interface Candidate {
  readonly kind: CandidateKind;
  /** Full PCI address, port of USB, or name in `/dev`. */
  readonly device: string;
  /** `vendor:device`, of PCI and of USB. */
  readonly id: string | null;
  /** What it is called: by `lspci` on the host, or as it says itself. */
  readonly title: string | null;
  readonly serial: string | null;
  readonly driver: string | null;
  readonly iommuGroup: number | null;
  readonly numaNode: number | null;
  /** Physical slot, nearest first where it is in several. */
  readonly physicalSlot: string | null;
  /** Virtual functions that it can have, and has. */
  readonly sriov: { readonly total: number; readonly active: number } | null;
  /** What would go with it: other functions of its slot, and its group. */
  readonly mates: readonly Pick<PciDevice, 'address' | 'vendor' | 'device' | 'driver'>[];
  /** `given`: vfio-pci holds it already. `consent`: it is free once all that is in the way is allowed. */
  readonly standing: 'free' | 'given' | 'consent' | 'blocked';
  readonly obstacles: readonly Obstacle[];
  /** What else one should know of it. */
  readonly notes: readonly string[];
}
