import { createHash } from 'node:crypto';
import { leaseFunctions } from '../../src/host/lease-script.ts';
import { fingerprintFunctions, fingerprintOf } from '../../src/resources/fingerprint.ts';
import { exits, writeFunctions } from '../../src/resources/write-functions.ts';
import type { Answer } from './answer.ts';
import { claimLease } from './lease-answer.ts';
import type { Machine } from './machine.ts';
import { listedMode, matching } from './read-answer.ts';
import { readWord, statements } from './shell-words.ts';

/** A script that is at work on a host. */
export interface Work {
  readonly machine: Machine;
  readonly body: string;
  readonly answer: Answer;
  /** Power is lost after so many statements; `null`: it is not. */
  readonly cutAfter: number | null;
  /** Called when it writes for the first time. */
  onWrite(): void;
}

/** How a script ended. */
export interface Exit {
  readonly code: number;
  readonly stderr: string;
}

/** Whether a body is a write script. */
export function isWrite(body: string): boolean {
  return body.includes('\ntake_lock\n');
}

/** Does what a write script says, statement by statement. Errors: for a statement that the model does not know. */
export async function doWrite(work: Work): Promise<Exit> {
  const { machine, answer } = work;
  const refused = claimLease(work);
  if (refused !== null) return refused;
  const release = await machine.lock.take(0);
  if (release === null) {
    answer.section('locked');
    return { code: exits.locked, stderr: '' };
  }
  await machine.spend(60);
  const exit = runStatements(work);
  await machine.spend(exit === null ? 0 : 120);
  if (exit === null) {
    machine.goDown('power-cut');
    return new Promise(() => {});
  }
  release();
  return exit;
}

/** `null`: power was lost in between. */
function runStatements(work: Work): Exit | null {
  const { machine, body, answer, cutAfter, onWrite } = work;
  const { files } = machine;
  const changed: string[] = [];
  let left = cutAfter ?? Number.POSITIVE_INFINITY;
  for (const [name = '', ...words] of statements(plain(body))) {
    const [first = '', second = ''] = words;
    if (left <= 0) return null;
    if (changing.has(name)) left -= 1;
    if (name === 'guard') {
      if (printOf(machine, first) !== second) changed.push(first);
    } else if (name === 'guard_glob') {
      if (
        matching(machine, first)
          .map((path) => `${path}\n`)
          .join('') !== second
      )
        changed.push(first);
    } else if (name === 'judge_guards') {
      if (changed.length > 0) {
        answer.section('changed');
        answer.print(changed.map((path) => `${path}\0`).join(''));
        return { code: exits.changed, stderr: '' };
      }
      onWrite();
    } else if (name === 'prepare') {
      if (!prepare(machine, words)) {
        for (const path of [...files.keys()]) if (path.includes('.vfleet-new')) files.delete(path);
        answer.section('failed');
        answer.print(`write\n${first}\n`);
        return { code: exits.untouched, stderr: 'cat: write error: No space left on device' };
      }
    } else if (name === 'replace') {
      move(machine, first, second);
      answer.section('done');
      answer.print(`${second}\0`);
    } else if (name === 'mv' && first === '-f') move(machine, second, words[2] ?? '');
    else if (name === 'rm' && first === '-f') for (const path of words.slice(1)) files.delete(path);
    else if (name === 'section') answer.section(first);
    else if (name === 'printf' && first === '%s\\0') answer.print(`${second}\0`);
    else if (!idle.has(name) && !/^\w+=/.test(name))
      throw new Error(`the model does not know: ${name} ${words.join(' ').slice(0, 200)}`);
  }
  return { code: 0, stderr: '' };
}

/** Statements that change the disk: power can be lost between two of them. */
const changing: ReadonlySet<string> = new Set(['prepare', 'replace', 'mv', 'rm']);

/** Of no consequence here: backups, folders and what has reached the disk are the business of the suite of power cuts. */
const idle: ReadonlySet<string> = new Set([
  'open_lock',
  'take_lock',
  'claim_lease',
  'keep',
  'tell',
  'make_folder',
  'flush',
  'sync',
  'begin',
  'settle_folders',
  'leave',
  'umask',
  'trap',
  ':',
]);

/** Without the functions, whose meaning the model knows; the guard of a glob as a statement of its own. */
function plain(body: string): string {
  return body
    .replace(fingerprintFunctions.text, '')
    .replace(writeFunctions.text, '')
    .replace(leaseFunctions.text, '')
    .replace(/^undo\(\) \{[^]*?^\}$/m, '')
    .replace(
      /^found=\nfor f in (\S+); do .*\n"; fi; done\n\[ "\$found" = ('[^']*') \] \|\| differs .*$/gm,
      (_, glob: string, expected: string) => `guard_glob '${glob}' '${readWord(expected, 0).text}'`,
    );
}

/** PATH TEMP MODE OWNER SHA256 FORMAT TEXT. `false`: the disk is full. */
function prepare(machine: Machine, words: readonly string[]): boolean {
  const [path = '', temp = '', mode = '', owner = '', sha256 = '', format = '', text = ''] = words;
  const full = machine.fault('disk-full');
  if (full !== undefined) {
    machine.notice(full);
    return false;
  }
  if (format !== '%s') throw new Error(`the model cannot print ${path} as ${format}`);
  if (digestOf(text) !== sha256) throw new Error(`${path}: the text is not that of its digest`);
  machine.files.set(temp, { text, mode, owner: owner || (machine.files.get(path)?.owner ?? 'root:root') });
  return true;
}

function move({ files }: Machine, from: string, to: string): void {
  const file = files.get(from);
  if (file === undefined) throw new Error(`mv: ${from} is not there`);
  files.delete(from);
  files.set(to, file);
}

function printOf({ files }: Machine, path: string): string {
  const file = files.get(path);
  if (file === undefined) return 'absent';
  const [owner = '', group = ''] = file.owner.split(':');
  return fingerprintOf({ kind: 'file', mode: listedMode(file.mode), owner, group }, Buffer.from(file.text));
}

/** SHA-256 of a text. */
export function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
