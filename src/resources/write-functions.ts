import { raw, type Script } from '../shell/script.ts';

/** Exit codes of a write script. */
export const exits = {
  /** Another run holds the lock. Nothing was written. */
  locked: 20,
  /** A tool is missing. Nothing was written. */
  tool: 21,
  /** The host is not as it was read. Nothing was written. */
  changed: 22,
  /** A step before the first rename failed. No managed file was touched. */
  untouched: 23,
  /** A rename failed: files that were renamed before it are new. The next run goes on. */
  partly: 24,
  /** All files are written; a script of an action failed. */
  run: 25,
} as const;

/**
 * Shell functions of a write script. `fail CODE STEP PATH` names the step and cleans up; the reason is the last line of
 * standard error, written by the tool that failed.
 */
export const writeFunctions: Script = raw(`
umask 077
made=
locked=
fail() { section failed; printf '%s\\n%s\\n' "$2" "$3"; undo; exit "$1"; }

open_lock() {
  for tool in flock sha256sum; do
    command -v $tool >/dev/null 2>&1 || fail ${exits.tool} tool $tool
  done
  mkdir -p "$state" || fail ${exits.untouched} folder "$state"
  # In a subshell first: a redirection of exec that fails ends the shell.
  ( : >>"$state/lock" ) || fail ${exits.untouched} lock "$state/lock"
  exec 9>>"$state/lock"
}
take_lock() {
  flock -n 9 || { section locked; exit ${exits.locked}; }
  locked=1
  trap 'undo; exit 129' HUP INT TERM
}

differs() { section changed; printf '%s\\0' "$1"; changed=1; }
changed=
guard() { fingerprint "$1"; [ "$print" = "$2" ] || differs "$1"; }
judge_guards() { [ -z "$changed" ] || exit ${exits.changed}; }

# PATH FOLDER: the first state of a file in this run is the one that is kept.
keep() {
  if [ -f "$1" ] && [ ! -e "$backup$1" ]; then
    mkdir -p "$backup$2" && cp -p "$1" "$backup$1.vfleet-part" && sync "$backup$1.vfleet-part" &&
      mv "$backup$1.vfleet-part" "$backup$1" && sync "$backup$2" ||
      fail ${exits.untouched} backup "$1"
  fi
}
# TEXT: what the run is, beside its backups, where it has any.
tell() {
  if [ -d "$backup" ] && [ ! -e "$backup/.vfleet" ]; then
    printf %s "$1" | cat >"$backup/.vfleet" || fail ${exits.untouched} backup "$backup"
  fi
}

make_folder() {
  if [ ! -d "$1" ]; then
    mkdir -m 0755 "$1" || fail ${exits.untouched} folder "$1"
    made="$1
$made"
  fi
}

selinux=
if command -v selinuxenabled >/dev/null 2>&1 && selinuxenabled; then selinux=1; fi

# PATH TEMP MODE OWNER SHA256 FORMAT TEXT. A copy of the old file comes first, for its ACL. The digest tells a short write
# that the shell's own printf kept silent about.
prepare() {
  rm -f "$2" || fail ${exits.untouched} write "$1"
  if [ -f "$1" ]; then cp -p "$1" "$2" || fail ${exits.untouched} write "$1"; fi
  # Not straight into the file: the shell's own printf says of a full disk only that there was an error.
  printf "$6" "$7" | cat >"$2" || fail ${exits.untouched} write "$1"
  finish "$@"
}
# PATH TEMP MODE OWNER SHA256 FROM
prepare_copy() {
  rm -f "$2" && cp -p "$6" "$2" || fail ${exits.untouched} write "$1"
  finish "$@"
}
finish() {
  sum=$(sha256sum <"$2")
  [ "\${sum%% *}" = "$5" ] || fail ${exits.untouched} write "$1"
  [ -z "$4" ] || chown "$4" "$2" || fail ${exits.untouched} owner "$1"
  chmod "$3" "$2" || fail ${exits.untouched} mode "$1"
  if [ -n "$selinux" ]; then label "$1" "$2" 2>/dev/null || { section notes; echo "no SELinux context for $1"; }; fi
}
label() {
  if [ -e "$1" ]; then chcon --reference="$1" "$2"
  else context=$(matchpathcon -n "$1") && chcon "$context" "$2"
  fi
}

# coreutils before 8.24 (CentOS 7) ignores the files, says so, and syncs everything.
flush() { sync "$@" || fail ${exits.untouched} sync "$*"; }

# From here on a lost link must not stop the script halfway.
begin() { trap '' HUP INT TERM PIPE; }
replace() {
  if [ -d "$2" ]; then fail ${exits.partly} replace "$2"; fi
  mv -f "$1" "$2" || fail ${exits.partly} replace "$2"
  # Of boot entries, on vfat as a rule, one after the other is damaged by a power cut at most.
  case $2 in */loader/entries/*.conf) sync "\${2%/*}" || fail ${exits.partly} sync "$2" ;; esac
  section done; printf '%s\\0' "$2"
}
# Folders that were made for a file that is gone, the deepest first: each only where nothing else is in it.
leave() { for folder in "$@"; do rmdir "$folder" 2>/dev/null || return 0; done; }
# A removed folder is a name in the one above it.
settle_folders() {
  for folder in "$@"; do
    while [ ! -d "$folder" ]; do folder=\${folder%/*}; folder=\${folder:-/}; done
    sync "$folder"
  done
}`);
