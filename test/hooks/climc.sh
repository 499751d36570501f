#!/bin/sh
# Stands in for climc. It takes the command lines that climc takes, by its source and documentation, and refuses all others:
# options by name with their value as the next word (`--name=value` is unknown to it), an option may be cut short, one id at
# the end. Source: Cloudpods, vendor/yunion.io/x/structarg/structarg.go (ParseArgs2); cmd/climc/shell/compute/hosts.go and
# servers.go; pkg/mcclient/options/base.go and options/compute/servers.go; tools/clean_host.sh for a list by host.
# State: $CLIMC_STATE/enabled, $CLIMC_STATE/servers (one `ID STATUS` a line); $CLIMC_STATE/log has every command line.
state=$CLIMC_STATE
printf '%s\n' "$*" >>"$state/log"
command=$1
shift
case $command in
  host-disable|host-enable|host-show) flags= valued= ;;
  server-list) flags='--admin --system' valued='--host --limit' ;;
  server-live-migrate)
    flags='--skip-cpu-check --skip-kernel-check --enable-tls --quickly-finish --keep-dest-guest-on-failed'
    valued='--prefer-host --max-bandwidth-mb' ;;
  *) echo "Unknown subcommand $command" >&2; exit 1 ;;
esac
id=
while [ $# -gt 0 ]; do
  case $1 in
    -*)
      case " $flags $valued " in *" $1"*) ;; *) echo "Unknown optional argument $1" >&2; exit 1 ;; esac
      case " $valued " in
        *" $1"*) [ $# -gt 1 ] || { echo "Missing arguments for $1" >&2; exit 1; }; [ "$1" != --host ] || host=$2; shift ;;
      esac ;;
    *) [ -z "$id" ] || { echo "Unknown positional argument $1" >&2; exit 1; }; id=$1 ;;
  esac
  shift
done
[ "$command" = server-list ] || [ -n "$id" ] || { echo 'Not enough arguments' >&2; exit 1; }
case $command in
  host-disable|host-enable)
    # A batch of one: that it failed stands in a table, and the exit code is 0.
    if [ -e "$state/denied" ]; then
      printf '%s\n' '+--------+----+-----------+' '| status | id | error     |' '+--------+----+-----------+' \
        "| 403    | $id | Forbidden |" '+--------+----+-----------+' '***  Total: 0  ***'
      exit 0
    fi
    [ "$command" = host-enable ] && echo true >"$state/enabled" || echo false >"$state/enabled" ;;
  host-show)
    printf '%s\n' '+---------+-------+' '| Field   | Value |' '+---------+-------+' "| enabled | $(cat "$state/enabled") |" \
      "| id      | $id |" '+---------+-------+' ;;
  server-list)
    echo '+--------------------------------------+------+---------+'
    echo '| ID                                   | Name | Status  |'
    while read -r server status; do echo "| $server | vm   | $status |"; done <"$state/servers"
    echo '***  Total: 1  ***' ;;
  server-live-migrate)
    grep -v "^$id " "$state/servers" >"$state/servers.new"
    [ ! -e "$state/migrate-fails" ] || echo "$id migrate_failed" >>"$state/servers.new"
    mv "$state/servers.new" "$state/servers" ;;
esac
