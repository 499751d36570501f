import { type Script, sh } from '../shell/script.ts';

/** Nothing is generated: what was written is flushed to disk, and GRUB's own tool must be able to read the block. */
export function syncBls(environment: string): Script {
  return sh`
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
if [ -f ${environment} ] && command -v grub2-editenv >/dev/null 2>&1; then
  grub2-editenv ${environment} list >/dev/null || exit 65
fi
sync`;
}
