# Common part of the stand-in tools: read by each with `. "${LAB_ROOT-}/var/lib/lab-machine/lib.sh"`.
# LAB_ROOT is empty on a node. Tests set it to a node's tree, so that the tools run in it without chroot.
# Sources for what they do and print are named in each; captured output is listed in machines/SOURCES.md.
R=${LAB_ROOT-}
L=$R/var/lib/lab-machine
self=${0##*/}

. "$L/machine.sh"

say() { printf '%s\n' "$*"; }
complain() { printf '%s\n' "$*" >&2; }
die() { complain "$@"; exit 1; }

# Seconds that a test asks a tool to take: a number in delay/NAME.
lab_delay() { [ ! -r "$L/delay/$1" ] || sleep "$(cat "$L/delay/$1")"; }

# A test may ask for a user without rights: the sandbox knows only root. Outside of a node there is no right to be had.
privileged() { [ ! -e "$L/unprivileged" ] && { [ -n "$R" ] || [ "$(id -u)" = 0 ]; }; }

running_release() { cat "$R/proc/sys/kernel/osrelease"; }

# A line of the kernel log, or of a service: lab_log SOURCE TEXT
lab_log() {
  seconds=$(cut -d ' ' -f 1 "$R/proc/uptime")
  printf '%s0000\t%s\t%s\t%s\n' "$seconds" "$(LC_ALL=C date -u '+%b %d %H:%M:%S')" "$1" "$2" >>"$L/log/journal"
  [ "$1" != kernel ] || printf '[%12s] %s\n' "${seconds}0000" "$2" >>"$L/log/ring"
}

# Module names are compared with underscores (kmod's underscores()).
underscores() { printf '%s\n' "$1" | tr - _; }
