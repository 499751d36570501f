import type { Leftover } from '../../host/leftovers/finding.ts';
import { escapeLine } from '../escape.ts';
import type { Paint } from '../paint.ts';
import type { HostSummary } from '../summary.ts';
import { indent } from './block.ts';
import { groupByText, heading } from './group.ts';

type Holder = Pick<HostSummary, 'name' | 'leftovers'>;

/** What earlier preparations have left, each thing once with the hosts that have it: one rack was mostly prepared alike. */
export function leftoverLines(hosts: readonly Holder[], paint: Paint): readonly string[] {
  const each = hosts.flatMap(({ name, leftovers }) => leftovers.map((leftover) => ({ name, leftover })));
  if (each.length === 0) return [];
  const groups = groupByText(each, ({ leftover }) => linesOf(leftover, paint));
  return [
    paint.strong('left from before vfleet:'),
    ...indent(
      groups.flatMap(({ hosts: same, lines: [first = '', ...others] }) => [
        heading(same, first, paint),
        ...indent(others, 4),
      ]),
    ),
  ];
}

function linesOf({ place, found, today, why, fate }: Leftover, paint: Paint): readonly string[] {
  return [
    `${paint.place(escapeLine(place))}: ${escapeLine(found)}`,
    `today: ${escapeLine(why === null ? today : `${today}; ${why}`)}`,
    `vfleet: ${escapeLine(fate)}`,
  ];
}
