import type { Candidate } from '../../devices/candidate.ts';
import type { Obstacle } from '../../devices/obstacle.ts';
import { escapeLine } from '../escape.ts';
import { createPaint, type Paint } from '../paint.ts';
import type { HostSummary } from '../summary.ts';
import { count, indent, joinSections, type TextOptions, table } from './block.ts';
import { groupByText, heading } from './group.ts';
import { reasonLines } from './reason.ts';
import { stateText } from './state.ts';

/** One host with its devices; `null`: it could not be asked. */
export interface ListedHost extends Pick<HostSummary, 'name' | 'state' | 'failure' | 'gates' | 'checks'> {
  readonly devices: readonly Candidate[] | null;
}

/** What could be passed through on each host, for people: by kind, with what stands in the way. */
export function renderDevices(hosts: readonly ListedHost[], { colour, verbose = false }: TextOptions): string {
  const paint = createPaint(colour);
  const asked = hosts.filter(({ devices }) => devices !== null);
  const others = hosts.filter(({ devices }) => devices === null);
  const lines = ({ devices }: ListedHost) => (devices === null ? [] : kindLines(devices, paint, verbose));
  return joinSections([
    ...groupByText(asked, lines).map(({ hosts: same, lines: body }) => [
      heading(same, totals(same[0]?.devices ?? [], paint), paint),
      ...indent(body),
    ]),
    ...groupByText(others, (host) => reasonLines(host, paint)).map(({ hosts: same, lines: body }) => [
      heading(same, stateText(same[0]?.state ?? null, paint), paint),
      ...indent(body),
    ]),
  ]);
}

function totals(devices: readonly Candidate[], paint: Paint): string {
  if (devices.length === 0) return paint.doubtful('no such devices');
  const free = devices.filter(({ standing }) => standing === 'free').length;
  const given = devices.filter(({ standing }) => standing === 'given').length;
  const parts = [
    `${count(devices.length, 'device')}`,
    `${free} free`,
    ...(given === 0 ? [] : [`${given} on vfio-pci`]),
  ];
  return parts.join(', ');
}

function kindLines(devices: readonly Candidate[], paint: Paint, verbose: boolean): readonly string[] {
  const kinds = [...new Set(devices.map(({ kind }) => kind))];
  return kinds.flatMap((kind) => {
    const some = devices.filter((device) => device.kind === kind);
    const rows = table(
      some.map((device) => row(device, paint)),
      new Set(),
    );
    return [
      paint.strong(kind),
      ...some.flatMap((device, at) => [`  ${rows[at] ?? ''}`, ...indent(belowLines(device, paint, verbose), 4)]),
    ];
  });
}

function row(device: Candidate, paint: Paint): readonly string[] {
  const { id, driver, iommuGroup, numaNode, physicalSlot, title, serial, standing } = device;
  const words = [
    title,
    serial === null ? null : `serial ${serial}`,
    physicalSlot === null ? null : `slot ${physicalSlot}`,
  ];
  const isPci = device.device.includes(':');
  return [
    escapeLine(device.device),
    standings[standing](paint),
    escapeLine(id ?? '-'),
    isPci ? `group ${iommuGroup ?? '-'}` : '',
    isPci ? `node ${numaNode ?? '-'}` : '',
    escapeLine(driver ?? 'no driver'),
    escapeLine(words.filter((word) => word !== null).join(', ')),
  ];
}

const standings: Readonly<Record<Candidate['standing'], (paint: Paint) => string>> = {
  free: (paint) => paint.good('free'),
  given: (paint) => paint.good('vfio-pci'),
  consent: (paint) => paint.doubtful('consent'),
  blocked: (paint) => paint.bad('blocked'),
};

const most = 6;

function belowLines(device: Candidate, paint: Paint, verbose: boolean): readonly string[] {
  const { mates, notes, sriov, obstacles } = device;
  const named = mates.map(({ address, vendor, device: id, driver }) => `${address} [${vendor}:${id}] ${driver ?? '-'}`);
  const shown = verbose ? named : named.slice(0, most);
  const more = named.length > shown.length ? ` and ${named.length - shown.length} more` : '';
  return [
    ...(mates.length === 0 ? [] : [escapeLine(`goes with ${shown.join(', ')}${more}`)]),
    ...(sriov === null ? [] : [`SR-IOV: ${sriov.active} of ${count(sriov.total, 'virtual function')}`]),
    ...notes.map(escapeLine),
    ...obstacles.flatMap((obstacle) => obstacleLines(obstacle, device, paint)),
  ];
}

function obstacleLines(
  { kind, device, reason, remedy }: Obstacle,
  candidate: Candidate,
  paint: Paint,
): readonly string[] {
  const of = device === candidate.device ? '' : `${device}: `;
  return [`${paint.bad(kind)}: ${escapeLine(`${of}${reason}`)}`, `  ${paint.strong('next:')} ${escapeLine(remedy)}`];
}
