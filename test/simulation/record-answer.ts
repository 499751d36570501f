import type { Answer } from './answer.ts';
import { answerBoot } from './facts-answer.ts';
import { claimLease } from './lease-answer.ts';
import { wordAfter } from './shell-words.ts';
import { digestOf, type Exit, type Work } from './write-answer.ts';

const recordPath = '/var/lib/vfleet/state.json';

/** Whether a body asks for a reboot. */
export function isRebootRequest(body: string): boolean {
  return body.includes('section rebooting');
}

/** Whether a body replaces the record. */
export function isRecordWrite(body: string): boolean {
  return body.includes('section unwritten');
}

/** Replaces the record under the lock, unless it is another one than the script was made for. */
export async function doRecordWrite(work: Work): Promise<Exit> {
  const { machine, body, answer, cutAfter, onWrite } = work;
  const release = await machine.lock.take(60_000);
  if (release === null) {
    answer.section('busy');
    return { code: 75, stderr: '' };
  }
  const held = claimLease(work);
  if (held !== null) {
    release();
    return held;
  }
  await machine.spend(30);
  if (cutAfter === 0) {
    machine.goDown('power-cut');
    await machine.spend(0);
  }
  const refused = replaceRecord(machine.files, body, answer);
  if (refused === null) onWrite();
  await machine.spend(20);
  if (cutAfter !== null) {
    machine.goDown('power-cut');
    await machine.spend(0);
  }
  release();
  return refused ?? { code: 0, stderr: '' };
}

/** What a request to reboot does; the host goes down a second after its answer. */
export async function doRebootRequest(work: Work): Promise<Exit> {
  const { machine, body, answer } = work;
  const expected = wordAfter(body, 'boot_id)" != ');
  if (expected === null) {
    // A request without that question does not ask it.
    answer.section('no-question');
  } else if (expected !== machine.bootId) {
    answer.section('moved');
    return { code: 76, stderr: '' };
  }
  // Who drains a host moves its guests away.
  const guests = machine.drainedBy === null ? machine.fault('guests') : undefined;
  if (guests !== undefined && /^if \[ no = no \]; then$/m.test(body)) {
    machine.notice(guests);
    answer.section('guests');
    answer.print('qemu process 4711\n');
    return { code: 77, stderr: '' };
  }
  answerBoot(machine, answer);
  const written = await doRecordWrite(work);
  if (written.code !== 0) return written;
  answer.section('rebooting');
  const ignored = machine.fault('ignored-reboot');
  if (ignored !== undefined && machine.ignored < ignored.times) {
    machine.ignored += 1;
    machine.notice(ignored);
  } else {
    const { generation } = machine;
    machine.time.after(1_000, () => {
      if (machine.generation === generation) machine.goDown('asked');
    });
  }
  return { code: 0, stderr: '' };
}

/** `null`: it is in place. */
function replaceRecord(
  files: Map<string, { text: string; mode: string; owner: string }>,
  body: string,
  answer: Answer,
): Exit | null {
  const found = files.get(recordPath);
  const sum = found === undefined ? 'absent' : digestOf(found.text);
  const cases = /^case \$sum in\n {2}(\S+)\) ;;$/m.exec(body)?.[1]?.replaceAll("'", '').split('|');
  const text = wordAfter(body, '\nprintf %s ');
  if (text === null) throw new Error('the model finds no record in a script');
  if (cases !== undefined && !cases.includes(sum)) {
    answer.section('changed');
    return { code: 22, stderr: '' };
  }
  files.set(recordPath, { text, mode: '0600', owner: 'root:root' });
  return null;
}
