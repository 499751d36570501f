import { VfleetError } from '../errors.ts';
import type { Event, Stamped } from './event.ts';

/** 2 knows `run-resumed` and what a run was given. A journal of version 1 has neither, and is otherwise the same. */
const version = 2;
const document = 'vfleet journal';

/** The first line of every journal. */
export const headerLine = `${JSON.stringify({ v: version, document })}\n`;

/**
 * What a stored event cannot do without. A new type of event, or a new key here, is a new version once this one has been
 * released.
 */
const keys: { readonly [T in Event['type']]: readonly (keyof Extract<Event, { readonly type: T }>)[] } = {
  'run-started': ['run', 'command', 'hosts'],
  'run-resumed': ['run', 'command', 'part', 'left'],
  halted: ['why'],
  held: ['until'],
  'host-started': ['host'],
  phase: ['host', 'phase'],
  'facts-read': ['host', 'facts'],
  leftovers: ['host', 'leftovers'],
  backups: ['host', 'backups'],
  planned: ['host', 'plan'],
  'write-intent': ['host', 'changes'],
  written: ['host', 'changes'],
  'effect-intent': ['host', 'effect'],
  'effect-done': ['host', 'effect'],
  'hook-intent': ['host', 'hook'],
  'hook-done': ['host', 'hook'],
  rebooted: ['host', 'bootIdBefore', 'bootIdAfter'],
  verdict: ['host', 'phase', 'verdict'],
  warning: ['text'],
  progress: ['host', 'line'],
  'host-ended': ['host', 'state', 'writes', 'reboots'],
  'run-ended': ['interrupted'],
};

/** An event as it is stored. */
export function printLine(event: Stamped): string {
  return `${JSON.stringify(event)}\n`;
}

/** Checks the first line. `position` names it: `journal.jsonl:1`. Errors: `journal.newer`, `journal.unreadable`. */
export function checkHeader(line: Uint8Array, position: string): void {
  const found = parseObject(line);
  if (found?.['document'] !== document || typeof found['v'] !== 'number') {
    throw unreadable(position, `the header of a journal, ${headerLine.trim()}`, line);
  }
  if (found['v'] > version) {
    throw new VfleetError({
      code: 'journal.newer',
      thing: position,
      expected: `version ${version} or older`,
      found: `version ${found['v']}, written by a newer vfleet`,
      next: 'use that version of vfleet for this run',
    });
  }
}

/** A stored event. Errors: `journal.unreadable`. */
export function parseLine(line: Uint8Array, position: string): Stamped {
  const found = parseObject(line);
  if (found === undefined) throw unreadable(position, 'an event as one JSON object', line);
  if (!isStamped(found)) throw unreadable(position, 'an event with its type, its time and its keys', line);
  return found;
}

/** Whether a line arrived whole: no part of a JSON object is itself one. */
export function isWhole(line: Uint8Array): boolean {
  return parseObject(line) !== undefined;
}

// Own lines of one version: keys are checked, what is in them is as it was printed.
function isStamped(found: Readonly<Record<string, unknown>>): found is Stamped & Record<string, unknown> {
  const { type, at } = found;
  if (typeof type !== 'string' || typeof at !== 'string' || Number.isNaN(Date.parse(at))) return false;
  return Object.hasOwn(keys, type) && keys[type as Event['type']].every((key) => found[key] !== undefined);
}

function parseObject(line: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  try {
    const found: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(line));
    return typeof found === 'object' && found !== null && !Array.isArray(found) ? { ...found } : undefined;
  } catch {
    return undefined;
  }
}

function unreadable(position: string, expected: string, line: Uint8Array): VfleetError {
  return new VfleetError({
    code: 'journal.unreadable',
    thing: position,
    expected,
    found: JSON.stringify(Buffer.from(line).toString('utf8').slice(0, 80)),
    next: 'restore the file, or start a new run: hosts go on from what is recorded on them',
  });
}
