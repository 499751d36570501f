import { raw, type Script, sh } from '../shell/script.ts';
import { stateFolder } from './record.ts';

/** What a script needs to know to take a lease. */
export interface Claim {
  readonly run: string;
  readonly who: string;
  readonly process: string;
  /** Seconds that it lasts, from now on. */
  readonly seconds: number;
  /** Seconds of the next boot's up-time for which it lasts; 0: a reboot ends it. */
  readonly back: number;
  /** Processes of holders that are known to have ended, whatever their leases say. */
  readonly ended: readonly string[];
}

/**
 * A lease is `key=value` lines in a file of its own, not part of the record: renewing it is no change of the record, by whose
 * digest every write is guarded. It has a lock of its own, so that it is renewed also while a job holds the host's.
 * All times are the host's up-time: no clock can be set wrong.
 */
export const leaseFunctions: Script = raw(`
lease_state=${stateFolder}
lease_file=$lease_state/lease
read_lease() {
  lease_version= lease_run= lease_who= lease_process= lease_boot= lease_since= lease_until=0 lease_back=0
  if [ -f "$lease_file" ]; then
    while IFS= read -r lease_line; do
      lease_value=\${lease_line#*=}
      case $lease_line in
        version=*) lease_version=$lease_value ;;
        run=*) lease_run=$lease_value ;;
        who=*) lease_who=$lease_value ;;
        process=*) lease_process=$lease_value ;;
        boot=*) lease_boot=$lease_value ;;
        since=*) lease_since=$lease_value ;;
        until=*) lease_until=$lease_value ;;
        back=*) lease_back=$lease_value ;;
      esac
    done <"$lease_file"
  fi
  case $lease_until in ''|*[!0-9]*) lease_until=0 ;; esac
  case $lease_back in ''|*[!0-9]*) lease_back=0 ;; esac
  lease_now_boot=$(cat /proc/sys/kernel/random/boot_id)
  lease_up=0
  read -r lease_up lease_idle </proc/uptime
  lease_up=\${lease_up%%.*}
}
# Whether a job is at work: it holds a lock as long as it lives.
lease_job() {
  command -v flock >/dev/null 2>&1 || return 1
  for lease_alive in "$lease_state"/jobs/*/alive; do
    if [ -f "$lease_alive" ] && ! flock -n "$lease_alive" true; then return 0; fi
  done
  return 1
}
judge_lease() {
  lease_hold=free lease_left=0
  [ -n "$lease_run" ] || return 0
  if [ "$lease_boot" = "$lease_now_boot" ]; then
    if [ "$lease_version" != 1 ]; then lease_hold=newer
    elif [ "$lease_up" -lt "$lease_until" ]; then lease_hold=working lease_left=$((lease_until - lease_up)); fi
  elif [ "$lease_up" -lt "$lease_back" ]; then lease_hold=rebooting lease_left=$((lease_back - lease_up))
  fi
  if [ "$lease_hold" = free ] && lease_job; then lease_hold=job; fi
}
tell_lease() {
  section lease
  printf '%s\\n' "run=$lease_run" "who=$lease_who" "process=$lease_process" "since=$lease_since" "hold=$lease_hold" "left=$lease_left"
}
# RUN WHO PROCESS SECONDS BACK
put_lease() {
  [ "$lease_run" = "$1" ] && [ -n "$lease_since" ] || lease_since=$(date -u +%Y-%m-%dT%H:%M:%SZ)
  ( umask 077
    printf '%s\\n' version=1 "run=$1" "who=$2" "process=$3" "boot=$lease_now_boot" "since=$lease_since" \\
      "until=$((lease_up + $4))" "back=$5" | cat >"$lease_file.new" && mv -f "$lease_file.new" "$lease_file" )
}
# RUN PROCESS: a journal may have been copied, and so one run may have two controllers.
own_lease() { [ "$lease_run" = "$1" ] && [ "$lease_process" = "$2" ]; }
# SKIPPED… PROCESS…: whether the holder is one of the words after the fifth.
ended_lease() {
  [ -n "$lease_process" ] || return 1
  shift 5
  for lease_ended in "$@"; do
    if [ "$lease_process" = "$lease_ended" ]; then return 0; fi
  done
  return 1
}
# RUN WHO PROCESS SECONDS BACK ENDED…
claim_lease() {
  exec 7>>"$lease_file.lock"
  flock -w 20 7 || { section unleased; echo 'the lock of the lease is held by another run'; exit 75; }
  read_lease
  judge_lease
  if own_lease "$1" "$3" || ended_lease "$@"; then lease_hold=free; fi
  # A run that goes on follows its own jobs, whoever of its controllers has started them.
  if [ "$lease_run" = "$1" ] && [ "$lease_hold" = job ]; then lease_hold=free; fi
  if [ "$lease_hold" != free ]; then tell_lease; section leased; exit 26; fi
  put_lease "$1" "$2" "$3" "$4" "$5" || { section unleased; echo "cannot write $lease_file"; exit 73; }
  exec 7>&-
}
# RUN WHO PROCESS SECONDS
renew_lease() {
  exec 7>>"$lease_file.lock"
  flock -w 5 7 || exit 75
  read_lease
  own_lease "$1" "$3" || return 0
  put_lease "$1" "$2" "$3" "$4" "$lease_back"
}
# RUN PROCESS
release_lease() {
  exec 7>>"$lease_file.lock"
  flock -w 5 7 || exit 75
  read_lease
  if own_lease "$1" "$2" && ! lease_job; then rm -f "$lease_file"; fi
}`);

/** Tells of the lease, if there is one. Only reads. */
export const leaseProbe: Script = sh`
(
${leaseFunctions}
if [ -f "$lease_file" ]; then read_lease; judge_lease; tell_lease; fi
)`;

/**
 * Takes the lease, or renews it; ends the script (sections `lease` and `leased`) where another run, or another controller of
 * this one, has it. The state folder
 * is there.
 */
export function takeLease({ run, who, process, seconds, back, ended }: Claim): Script {
  return sh`
${leaseFunctions}
claim_lease ${[run, who, process, seconds, back, ...ended]}`;
}

/** Takes the lease alone, for a run that begins with something else than a write. */
export function claimLease(claim: Claim): Script {
  return sh`
mkdir -p ${stateFolder} && chmod 700 ${stateFolder} || { section unleased; exit 73; }
${takeLease(claim)}`;
}

/** Renews a lease that is still this holder's. */
export function renewLease({ run, who, process, seconds }: Claim): Script {
  return sh`
${leaseFunctions}
renew_lease ${[run, who, process, seconds]}`;
}

/** Gives the lease back, unless a job of the run is still at work: it keeps others out until that has ended. */
export function releaseLease({ run, process }: Pick<Claim, 'run' | 'process'>): Script {
  return sh`
${leaseFunctions}
release_lease ${[run, process]}`;
}
