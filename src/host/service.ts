import { type Script, sh } from '../shell/script.ts';

/**
 * Restarts a unit, after systemd has read its files anew. A unit whose file has gone since systemd read it is stopped
 * instead, by what that file said: systemd still knows it. `leaving`: of an undo, which may take away a unit that never ran.
 * What the unit itself said stands last in the log. CentOS 7's systemctl has no `--value`.
 */
export function serviceScript(unit: string, leaving: boolean): Script {
  return sh`
property() { systemctl show -p "$1" "$unit" 2>/dev/null | sed -n "s/^$1=//p"; }
told() {
  echo "systemctl $1 $unit failed"
  journalctl -q --no-pager -o cat -n 12 -u "$unit" 2>/dev/null |
    grep -v -e "^$unit: " -e '^Failed to start' -e '^Starting ' | tail -n 3
}
unit=${unit}
leaving=${leaving ? 'yes' : ''}
fragment=$(property FragmentPath)
if [ -n "$fragment" ] && [ ! -e "$fragment" ]; then
  systemctl stop "$unit" || { code=$?; told stop; exit $code; }
  systemctl daemon-reload || exit
else
  systemctl daemon-reload || exit
  if [ -z "$leaving" ] || [ "$(property LoadState)" != not-found ]; then
    systemctl restart ${unit} || { code=$?; told restart; exit $code; }
  fi
fi`;
}
