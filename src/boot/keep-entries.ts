import { type Script, sh } from '../shell/script.ts';

/**
 * Runs a script after which the boot entries of systemd-boot have the options that they had before. Where no file says what
 * kernel-install is to write, it takes the arguments of the running kernel (`/proc/cmdline`, 90-loaderentry.install), and
 * hooks run it at every rebuilt initramfs (`/etc/initramfs/post-update.d/systemd-boot` of Debian): what was just written into
 * the entries, or taken out of them, would be undone. An entry that now starts another image is left as it is.
 */
export function keepingEntries(script: Script): Script {
  return sh`
if [ -e /etc/kernel/cmdline ] || [ -e /usr/lib/kernel/cmdline ]; then kept=
else kept=$(mktemp -d) || exit; fi
for entry in /boot/loader/entries/*.conf /boot/efi/loader/entries/*.conf /efi/loader/entries/*.conf; do
  if [ -n "$kept" ] && [ -f "$entry" ]; then mkdir -p "$kept\${entry%/*}" && cp "$entry" "$kept$entry" || exit; fi
done
(
${script}
)
code=$?
images() { grep -E '^[[:space:]]*(linux|initrd|efi|devicetree)[[:space:]]' "$1"; }
for old in "$kept"/boot/loader/entries/*.conf "$kept"/boot/efi/loader/entries/*.conf "$kept"/efi/loader/entries/*.conf; do
  entry=\${old#"$kept"}
  if [ -n "$kept" ] && [ -f "$old" ] && [ -f "$entry" ] && ! cmp -s "$old" "$entry" &&
    [ "$(images "$old")" = "$(images "$entry")" ]; then
    new=\${entry%/*}/.\${entry##*/}.vfleet-new
    cp "$old" "$new" && sync "$new" && mv -f "$new" "$entry" && sync "\${entry%/*}" || code=1
  fi
done
if [ -n "$kept" ]; then rm -rf "$kept"; fi
( exit "$code" )`;
}
