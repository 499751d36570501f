import { fingerprintFunctions } from '../../src/resources/fingerprint.ts';
import type { Answer } from './answer.ts';
import type { DiskFile, Machine } from './machine.ts';
import { readWord } from './shell-words.ts';

/** Answers a read script: what is at each path, then its probes. */
export function answerRead(machine: Machine, body: string, answer: Answer): void {
  let count = 0;
  const show = (path: string): void => {
    count += 1;
    const file = machine.files.get(path);
    answer.section(`path ${count}`);
    answer.print(path);
    if (file === undefined) {
      answer.section(`above ${count}`);
      answer.print(folderAbove(machine, path));
    }
    answer.section(`kind ${count}`);
    answer.print(file === undefined ? 'absent' : 'file');
    if (file === undefined) return;
    answer.section(`list ${count}`);
    answer.print(listing(path, file));
    answer.section(`bytes ${count}`);
    answer.print(file.text);
  };
  for (const match of body.matchAll(
    /^(?:show (')|section 'glob (\d+)'\nfor f in (\S+); do|section 'probe (\d+)'\n\()/gm,
  )) {
    const [whole, quoted, globIndex, glob, probeIndex] = match;
    if (quoted !== undefined) show(readWord(body, match.index + 'show '.length).text);
    else if (glob !== undefined) {
      answer.section(`glob ${globIndex}`);
      for (const path of matching(machine, glob)) {
        answer.section(`glob ${globIndex}`);
        answer.print(`${path}\0`);
        show(path);
      }
    } else {
      const from = match.index + whole.length;
      answer.section(`probe ${probeIndex}`);
      answer.print(answerProbe(machine, body.slice(from, body.indexOf('\n)\ncode=$?', from))));
      answer.section(`code ${probeIndex}`);
      answer.print('0');
    }
  }
  answer.section('end');
}

/** Whether a body is a read script: one that shows paths, and takes no lock. */
export function isRead(body: string): boolean {
  return body.startsWith(fingerprintFunctions.text) && body.includes('\nshow() {');
}

/** Paths that match a glob of one folder. */
export function matching(machine: Machine, glob: string): readonly string[] {
  const pattern = new RegExp(`^${glob.replace(/[.+]/g, '\\$&').replaceAll('*', '[^/]*')}$`);
  return [...machine.files.keys()].filter((path) => pattern.test(path)).sort();
}

function answerProbe(machine: Machine, script: string): string {
  if (/sh -n "\$f"/.test(script)) return '';
  const modules = /^for module in (.*); do$/m.exec(script)?.[1];
  if (modules !== undefined && script.includes('/sys/module/'))
    return modules
      .split(' ')
      .map((word) => readWord(word, 0).text)
      .filter((module) => machine.modules.has(module))
      .map((module) => `${module}\n`)
      .join('');
  if (script.trim() === ':') return '';
  throw new Error(`the model does not know the probe ${script}`);
}

function listing(path: string, { mode, owner, text }: DiskFile): string {
  const [user, group] = owner.split(':');
  return `${listedMode(mode)} 1 ${user} ${group} ${text.length} Nov 20 10:00 ${path}\n`;
}

/** `0644` as `ls` prints it. */
export function listedMode(mode: string): string {
  const bits = [...mode.slice(-3)].map((digit) => {
    const value = Number(digit);
    return `${value & 4 ? 'r' : '-'}${value & 2 ? 'w' : '-'}${value & 1 ? 'x' : '-'}`;
  });
  return `-${bits.join('')}`;
}

/** The lowest folder above a path that has something in it; the usual ones are always there. */
function folderAbove(machine: Machine, path: string): string {
  const there = ['/etc/modprobe.d', '/etc/modules-load.d', '/etc/default/grub.d', '/var/lib', ...machine.files.keys()];
  for (let folder = parent(path); folder !== ''; folder = parent(folder)) {
    if (there.some((other) => other === folder || other.startsWith(`${folder}/`))) return folder;
  }
  return '';
}

function parent(path: string): string {
  return path.slice(0, path.lastIndexOf('/'));
}
