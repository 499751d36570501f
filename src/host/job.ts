import { VfleetError } from '../errors.ts';
import type { Script } from '../shell/script.ts';
import { sh } from '../shell/script.ts';
import type { Output } from '../shell/shell.ts';
import { stateFolder } from './record.ts';

/**
 * A long write that outlives the connection: it runs detached, under the host lock and a shutdown inhibitor, and leaves
 * its log and exit code on the host. Starting the same job again only follows it.
 */
export interface Job {
  /** Unique for one attempt of one run: the same id is the same job. Letters, digits and `-`. */
  readonly id: string;
  readonly work: Script;
  /** Judges whether this run may start it; it ends the script where not. */
  readonly admission: Script;
  /** Printed after the job ended well, in the same round trip: what proves it. */
  readonly readBack: Script;
}

/** How a job ended. */
export interface JobResult {
  readonly code: number;
  readonly log: string;
}

/**
 * Starts a job, or follows it when it was started before, until it ends.
 *
 * Liveness is a lock that the job holds (`flock`, released by the kernel whatever kills it), so that a job cut off by a
 * power cut is told from a slow one. The runner's own exit code is always 0: `systemd-run` without `--collect`
 * (systemd before 236, CentOS 7) would leave a failed unit behind.
 */
export function jobScript(job: Job): Script {
  const folder = `${stateFolder}/jobs/${job.id}`;
  return sh`
state=${stateFolder}
job=${folder}
unit=${`vfleet-${job.id}`}
command -v flock >/dev/null 2>&1 || { section failed; echo 'flock is missing'; exit 69; }
mkdir -p "$job" && chmod 700 "$state" || { section failed; echo "cannot write $job"; exit 73; }
if [ ! -f "$job/run" ]; then
${job.admission}
  # Folders of jobs that ended, or that died with an earlier boot, are of no more use.
  for old in "$state"/jobs/*; do
    [ "$old" = "$job" ] || [ ! -f "$old/alive" ] || flock -n "$old/alive" rm -rf "$old"
  done
  printf %s ${job.work.text} >"$job/work" &&
  printf %s ${runner} >"$job/run.new" && mv "$job/run.new" "$job/run" ||
    { section failed; echo "cannot write $job"; exit 73; }
  started=
  if command -v systemd-run >/dev/null 2>&1 && [ -d /run/systemd/system ]; then
    systemd-run --unit="$unit" /bin/sh "$job/run" "$job" "$state/lock" >/dev/null 2>&1 && started=1
  fi
  [ -n "$started" ] || setsid /bin/sh "$job/run" "$job" "$state/lock" </dev/null >/dev/null 2>&1 &
fi
tick() { sleep 0.2 2>/dev/null || sleep 1; }
n=0
while [ ! -f "$job/begun" ] && [ $n -lt 150 ]; do n=$((n + 1)); tick; done
shown=0
while [ ! -f "$job/exit" ]; do
  if [ -f "$job/log" ]; then
    lines=$(wc -l <"$job/log")
    if [ "$lines" -gt "$shown" ]; then sed -n "$((shown + 1)),$lines p" "$job/log"; shown=$lines; fi
  fi
  # The lock is free and there is no exit code, looked at twice: whatever ran is gone.
  if flock -n "$job/alive" true 2>/dev/null && [ ! -f "$job/exit" ]; then section died; exit 74; fi
  tick
done
tail -n "+$((shown + 1))" "$job/log"
echo ${endOfLog(job.id)}
code=$(cat "$job/exit")
section code; echo "$code"
section log; tail -n 200 "$job/log"
if [ "$code" = 0 ]; then
${job.readBack}
fi
`;
}

/** Printed after the last line of the log: what comes then is no news to people. */
function endOfLog(id: string): string {
  return `vfleet: end of the log of ${id}`;
}

/** Gives on the lines that the work itself printed, of all that the follower prints. */
export function workLines(id: string, onLine: (line: string) => void): (line: string) => void {
  const end = endOfLog(id);
  let ended = false;
  return (line) => {
    if (ended) return;
    ended = line.endsWith(end);
    // The log's last line may lack its end.
    const own = ended ? line.slice(0, -end.length) : line;
    if (!ended || own !== '') onLine(own);
  };
}

/** Runs the work: `$1` is the job's folder, `$2` the host lock. */
const runner = `exec 8>>"$1/alive"; flock -w 5 8 || exit 0
[ ! -f "$1/exit" ] || exit 0
: >"$1/log"; : >"$1/begun"
exec 9>>"$2"; flock 9
hold=
if command -v systemd-inhibit >/dev/null 2>&1 &&
  systemd-inhibit --what=shutdown --who=vfleet --why=probe true >/dev/null 2>&1
then hold='systemd-inhibit --what=shutdown --who=vfleet --why=boot-configuration'; fi
# What it starts must not keep the locks: a daemon begun by a grub.d script would hold them for ever.
LC_ALL=C $hold /bin/sh "$1/work" >"$1/log" 2>&1 </dev/null 8>&- 9>&-
code=$?
echo "$code" >"$1/exit.new" && sync && mv "$1/exit.new" "$1/exit"
exit 0
`;

/** What the follower printed. Errors: `job.failed-to-start`, `job.died`. */
export function parseJob(output: Output, host: string): JobResult {
  const text = (key: string): string => output.sections.get(key)?.toString('utf8').trim() ?? '';
  if (output.sections.has('died')) {
    throw new VfleetError({
      code: 'job.died',
      host,
      thing: 'the regeneration of the boot configuration',
      expected: 'an exit code',
      found: 'that it was killed or cut off before it ended',
      next: 'run `vfleet apply` again: it goes on from here',
    });
  }
  const code = Number.parseInt(text('code'), 10);
  if (Number.isNaN(code)) {
    throw new VfleetError({
      code: 'job.failed-to-start',
      host,
      thing: `a detached job in ${stateFolder}/jobs`,
      expected: 'that it starts and leaves an exit code',
      found: text('failed') || output.stderr.trim() || `exit code ${output.code}`,
      next: 'look at free space and rights there, then run `vfleet apply` again',
    });
  }
  return { code, log: text('log') };
}
