import type { Rollout } from '../../rollout/rollout.ts';
import { formatDuration } from '../duration.ts';
import { escapeLine } from '../escape.ts';
import { nameList } from '../names.ts';
import type { Paint } from '../paint.ts';
import { count } from './block.ts';

/** How a rollout over so many hosts goes, in two or three lines; nothing of one host, which has nothing to wait for. */
export function rolloutLines(rollout: Rollout | null, hosts: number, paint: Paint): readonly string[] {
  if (rollout === null || hosts < 2) return [];
  const [first = '', ...others] = [orderLine(rollout, hosts), haltLine(rollout), limitLine(rollout)].filter(Boolean);
  return [`${paint.strong('rollout:')} ${first}`, ...others.map((line) => `  ${line}`)];
}

function orderLine(rollout: Rollout, hosts: number): string {
  const { canaries, batches, parallel } = rollout;
  const others = hosts - canaries.length;
  const places = Math.min(parallel, hosts);
  const width = batches.length > 0 ? [...batches.map((size) => Math.min(size, places))].join(', then ') : places;
  return [
    ...(canaries.length > 0 ? [`${nameList(canaries)} first (${count(canaries.length, 'canary host')})`] : []),
    ...(others > 0 ? [`${canaries.length > 0 ? 'then ' : ''}at most ${width} of ${hosts} hosts at once`] : []),
    ...domainText(rollout),
  ].join(', ');
}

function domainText({ perDomain, domain }: Rollout): readonly string[] {
  const limits = Object.values(perDomain);
  if (limits.length === 0) return [];
  const [least, most] = [Math.min(...limits), Math.max(...limits)];
  return [`${least === most ? least : `${least} to ${most}`} of each ${escapeLine(domain)}`];
}

function haltLine({ canaries, maxFailures, maxCanaryFailures }: Rollout): string {
  const bad = `more than ${count(maxFailures, 'host')} ${maxFailures === 1 ? 'ends' : 'end'} badly`;
  if (canaries.length === 0) return `halts when ${bad}`;
  const canary =
    maxCanaryFailures === 0 ? 'a canary host does' : `more than ${count(maxCanaryFailures, 'canary host')} do`;
  return `halts when ${bad}, or ${canary}`;
}

function limitLine(rollout: Rollout): string {
  const { soak, pause, windows, maxConnecting, maxApplying, maxRebooting } = rollout;
  const limits = Object.entries({ connecting: maxConnecting, applying: maxApplying, rebooting: maxRebooting });
  return [
    ...limits.flatMap(([what, most]) => (most === null ? [] : [`at most ${most} ${what}`])),
    ...(soak > 0 ? [`watches each for ${span(soak)}`] : []),
    ...(pause > 0 ? [`${span(pause)} between two starts`] : []),
    ...(windows.length > 0 ? [`starts only ${windows.map(escapeLine).join(' or ')}`] : []),
  ].join(', ');
}

/** A time that somebody chose, without what is nothing of it. */
function span(milliseconds: number): string {
  return formatDuration(milliseconds).replace(/ 0 (?:s|min)$/, '');
}
