import { VfleetError } from '../errors.ts';
import { sh } from '../shell/script.ts';
import { type HostRecord, printRecord, recordPath, stateFolder } from './record.ts';
import type { Session } from './session.ts';

/** Replaces the record on the host, under its lock, whole or not at all. Errors: `record.unwritten`. */
export async function writeRecord(session: Session, record: HostRecord): Promise<void> {
  const beside = `${recordPath}.new`;
  const output = await session.context.shell.run(sh`
exec 9>>${`${stateFolder}/lock`}; flock -w 60 9 || { echo 'the host lock is held by another run' >&2; exit 75; }
printf %s ${printRecord(record)} >${beside} && sync ${beside} && mv ${beside} ${recordPath} && sync
`);
  if (output.code !== 0) {
    throw new VfleetError({
      code: 'record.unwritten',
      host: session.name,
      thing: recordPath,
      expected: 'that what is still due can be written down',
      found: output.stderr.trim() || `exit code ${output.code}`,
      next: 'look at free space and rights there, then run `vfleet apply` again',
    });
  }
  session.record = record;
}
