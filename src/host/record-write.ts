import { createHash } from 'node:crypto';
import { VfleetError } from '../errors.ts';
import { type Script, sh } from '../shell/script.ts';
import { runHeld } from './hold.ts';
import { type HostRecord, printRecord, recordPath, stateFolder } from './record.ts';
import type { Session } from './session.ts';

/** Longest time for a write of the record, in milliseconds: waiting for the lock, and for a busy disk. */
export const recordTimeout = 300_000;

/** SHA-256 of the record's text; `absent` for none. */
export function recordDigest(text: string | Uint8Array | null): string {
  return text === null ? 'absent' : createHash('sha256').update(text).digest('hex');
}

/**
 * Replaces the record under the host lock, whole or not at all, unless another run has changed it since it was read, or
 * has the `lease`; the same text is no change, so that it may be tried again. The lock stays with the script.
 */
export function replaceRecord(expected: string, record: HostRecord, lease: Script): Script {
  const text = printRecord(record);
  const beside = `${recordPath}.new`;
  return sh`
exec 9>>${`${stateFolder}/lock`}
${lease}
flock -w 60 9 || { section busy; exit 75; }
if [ -f ${recordPath} ]; then sum=$(sha256sum <${recordPath}); sum=\${sum%% *}; else sum=absent; fi
case $sum in
  ${expected}|${recordDigest(text)}) ;;
  *) section changed; exit 22 ;;
esac
printf %s ${text} | cat >${beside} && sync ${beside} && mv ${beside} ${recordPath} && sync ${stateFolder} ||
  { section unwritten; exit 73; }`;
}

/** Replaces the record on the host. Errors: `record.unwritten`, `host.changed`. */
export async function writeRecord(session: Session, record: HostRecord): Promise<void> {
  const { clock, reboot, abandon } = session.context;
  const script = (lease: Script): Script => replaceRecord(session.recordDigest, record, lease);
  for (let attempt = 1; ; attempt += 1) {
    try {
      const output = await runHeld(session, script, { timeout: recordTimeout });
      if (output.sections.has('changed')) throw recordChanged(session.name);
      if (output.code === 0) break;
      const found = output.sections.has('busy') ? 'the host lock held by another run' : output.stderr.trim();
      throw unwritten(session.name, found || `exit code ${output.code}`);
    } catch (thrown) {
      // The same text may be written twice, so a lost link costs nothing.
      if (attempt === 3 || !(thrown instanceof VfleetError && thrown.code === 'ssh.lost')) throw thrown;
      await clock.sleep(reboot.firstPause, abandon);
    }
  }
  session.record = record;
  session.recordDigest = recordDigest(printRecord(record));
}

/** Another run wrote down what it has due on the same host: nothing of it may be lost. */
export function recordChanged(host: string): VfleetError {
  return new VfleetError({
    code: 'host.changed',
    host,
    thing: recordPath,
    expected: 'what this run has written there',
    found: 'that another run has changed it since',
    next: 'run `vfleet apply` again: it goes on from here',
  });
}

function unwritten(host: string, found: string): VfleetError {
  return new VfleetError({
    code: 'record.unwritten',
    host,
    thing: recordPath,
    expected: 'that what is still due can be written down',
    found,
    next: 'look at free space and rights there, then run `vfleet apply` again',
  });
}
