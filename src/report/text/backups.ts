import type { Backup } from '../../host/backup.ts';
import { escapeLine } from '../escape.ts';
import { createPaint, type Paint } from '../paint.ts';
import type { HostSummary } from '../summary.ts';
import { count, indent, joinSections, type TextOptions } from './block.ts';
import { groupByText, heading } from './group.ts';

/** Backups by host and run, the newest first, for people. Hosts with the same ones are one group. */
export function renderBackups(
  hosts: readonly HostSummary[],
  options: TextOptions & { readonly dryRun: boolean },
): string {
  const paint = createPaint(options.colour);
  const known = hosts.filter(({ backups }) => backups !== null);
  return joinSections(
    groupByText(known, (host) => hostLines(host, options.dryRun, paint)).map(({ hosts: same, lines }) => {
      const runs = same[0]?.backups?.length ?? 0;
      return [heading(same, runs === 0 ? 'no backups' : `backups of ${count(runs, 'run')}`, paint), ...indent(lines)];
    }),
  );
}

function hostLines({ backups, oldBackups }: HostSummary, dryRun: boolean, paint: Paint): readonly string[] {
  const newestFirst = (backups ?? []).toReversed();
  const gone = dryRun || oldBackups.length === 0 ? [] : [`removed: ${oldBackups.map(escapeLine).join(', ')}`];
  return [...newestFirst.flatMap((backup) => backupLines(backup, oldBackups, paint)), ...gone];
}

function backupLines(backup: Backup, old: readonly string[], paint: Paint): readonly string[] {
  const { run, at, about, files, needed } = backup;
  const what = about === null ? 'not known of what' : [about.command, about.playbook].filter(Boolean).join(' of ');
  const marks = [
    ...(needed ? [paint.quiet('an undo may need it')] : []),
    ...(old.includes(run) ? [paint.doubtful('to be removed')] : []),
  ];
  const time = at === null ? [] : [at.replace('T', ' ').replace('Z', ' UTC')];
  return [
    [paint.strong(escapeLine(run)), ...time, escapeLine(what), ...marks].join('  '),
    ...indent(files.map(escapeLine), 4),
  ];
}
