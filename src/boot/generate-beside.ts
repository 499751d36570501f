import { type Script, sh } from '../shell/script.ts';
import type { BootEffect } from './driver.ts';
import { guardEntries } from './guard-entries.ts';

/**
 * Runs `grub-mkconfig` or `grub2-mkconfig` into a new file beside the configuration, and puts it in place only when it is
 * whole and on disk. The tool itself copies over the old file in place in the end (`cat … > grub.cfg`, util/grub-mkconfig.in
 * of GRUB 2.04 and later), and power lost in that moment would leave a host that does not boot. As with the tool, a symbolic
 * link stays one, and mode and owner stay those of the old file; a vfat ESP knows neither.
 */
export function generateBeside(tool: 'grub-mkconfig' | 'grub2-mkconfig', path: string, effect: BootEffect): Script {
  const check = tool.replace('mkconfig', 'script-check');
  return sh`
if [ -L ${path} ] && ! [ -e ${path} ]; then echo ${`${path} is a symbolic link to a file that is not there`} >&2; exit 65; fi
file=$(readlink -f ${path}) && [ -n "$file" ] || { echo ${`${path}: its folder is not there`} >&2; exit 65; }
beside=$file.vfleet-new
rm -f "$beside" "$beside.new"
${tool} -o "$beside" || { code=$?; rm -f "$beside" "$beside.new"; exit $code; }
if command -v ${check} >/dev/null 2>&1 && ! ${check} "$beside"; then rm -f "$beside"; exit 65; fi
if ! [ -s "$beside" ]; then echo ${`${tool} wrote nothing for ${path}`} >&2; exit 65; fi
${guardEntries(effect)}
if command -v selinuxenabled >/dev/null 2>&1 && selinuxenabled; then chcon --reference="$file" "$beside" 2>/dev/null || :; fi
chown --reference="$file" "$beside" 2>/dev/null || :
chmod --reference="$file" "$beside" 2>/dev/null || :
sync "$beside" && mv -f "$beside" "$file" && sync "\${file%/*}"`;
}
