import { VfleetError } from '../errors.ts';
import type { Effect } from './effect.ts';
import type { FileContent } from './file.ts';
import { type FileWish, fileSet } from './file-set.ts';
import type { Resource } from './resource.ts';

export interface SystemdUnitOptions {
  /** The target that starts it at boot: `multi-user.target`. */
  readonly wantedBy: string;
  /** What a change makes due. Default: the unit is restarted. */
  readonly effects?: readonly Effect[];
}

/**
 * A unit of systemd's that is started at boot: the file itself, and a drop-in of the target that wants it (systemd.unit(5)).
 * There is no link to enable, so that an undo leaves nothing behind. Errors (`VfleetError`): `unit.invalid` at once; those of
 * `file`.
 *
 * @example
 * systemdUnit('frequency.service', '[Service]\nType=oneshot\nExecStart=/usr/bin/cpupower frequency-set -g performance\n', {
 *   wantedBy: 'multi-user.target',
 * })
 */
export function systemdUnit(unit: string, content: FileContent, options: SystemdUnitOptions): Resource {
  const files = unitFiles(unit, content, options.wantedBy);
  const resource = `unit ${unit}`;
  const effects = options.effects ?? [{ kind: 'service', reason: `${unit} changes`, unit }];
  return {
    kind: 'unit',
    name: resource,
    read: () => ({ files: files.map(({ path }) => path) }),
    change: (state, context) => fileSet({ resource, summary: `start ${unit} at boot`, effects }, files, state, context),
  };
}

/** The files of a unit that a target starts. */
export function unitFiles(unit: string, content: FileContent, wantedBy: string): readonly FileWish[] {
  refuse(unit, /^[A-Za-z0-9:_.@-]{1,240}\.(?:service|timer|path|socket)$/, 'the name of a unit, as x.service');
  refuse(wantedBy, /^[A-Za-z0-9:_.@-]{1,240}\.target$/, 'the name of a target, as multi-user.target');
  return [
    { path: unitPath(unit), content },
    { path: wantsPath(unit, wantedBy), content: { template: 'unit-wants.conf.hbs', data: { unit } } },
  ];
}

export function unitPath(unit: string): string {
  return `/etc/systemd/system/${unit}`;
}

export function wantsPath(unit: string, wantedBy: string): string {
  return `/etc/systemd/system/${wantedBy}.d/50-${unit.replace(/\.[a-z]+$/, '')}.conf`;
}

function refuse(name: string, pattern: RegExp, expected: string): void {
  if (pattern.test(name)) return;
  throw new VfleetError({
    code: 'unit.invalid',
    thing: `unit ${JSON.stringify(name)}`,
    expected,
    found: 'another text',
    next: 'correct the playbook',
  });
}
