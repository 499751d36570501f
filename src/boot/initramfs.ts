import { VfleetError } from '../errors.ts';
import type { Facts } from '../facts/facts.ts';
import { type Script, sh } from '../shell/script.ts';
import { keepingEntries } from './keep-entries.ts';

/**
 * Rebuilds the initramfs of every kernel that may boot: `dracut -f --kver` (dracut(8)) for each, or
 * `update-initramfs -u -k all` (update-initramfs(8)). Takes up to minutes. Errors: `initramfs.unsupported`.
 */
export function initramfsScript(facts: Facts): Script {
  refuseUnknownInitramfs(facts);
  const { loader } = facts.boot;
  const script = sh`
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
${facts.boot.initramfs === 'initramfs-tools' ? sh`update-initramfs -u -k all` : dracut(facts)}`;
  return loader === 'systemd-boot' ? keepingEntries(script) : script;
}

/**
 * Refuses a host whose initramfs nobody here knows how to build, before anything is written that needs it.
 * Errors: `initramfs.unsupported`.
 */
export function refuseUnknownInitramfs({ boot }: Facts): void {
  const { loader, initramfs } = boot;
  const known = initramfs === 'dracut' || initramfs === 'initramfs-tools';
  if (known && loader !== 'ostree') return;
  const ostree = loader === 'ostree';
  throw new VfleetError({
    code: 'initramfs.unsupported',
    thing: 'the initramfs',
    expected: 'dracut or initramfs-tools',
    found: ostree
      ? 'an ostree deployment, which brings its own'
      : initramfs === 'none'
        ? 'no tool that builds one'
        : initramfs,
    next: ostree
      ? 'put the file into the image, or see rpm-ostree(1) on `rpm-ostree initramfs-etc`; nothing was changed'
      : 'make that change and build the initramfs by hand, or leave it to the tool of the distribution; nothing was changed',
  });
}

/** `installed` are kernels with modules, as dracut needs them. */
function dracut(facts: Facts): Script {
  const { installed } = facts.kernel;
  if (installed.length === 0) return sh`dracut -f --regenerate-all`;
  const build = facts.boot.loader === 'systemd-boot' ? dracutForEntries : dracutFor;
  return installed.map(build).reduce((all, one) => sh`${all}\n${one}`, rebuild);
}

/**
 * IMAGE RELEASE: builds an image beside the one that is there and puts it in its place whole. dracut before version 107 copies
 * over the old one in place in the end (`cp --reflink=auto`, dracut.sh), and power lost in that moment would leave a kernel
 * that does not boot.
 */
const rebuild = sh`
rebuild() {
  beside=\${1%/*}/.\${1##*/}.vfleet-new
  rm -f "$beside"
  dracut -f "$beside" "$2" || { code=$?; rm -f "$beside"; return $code; }
  if ! [ -s "$beside" ]; then echo "dracut wrote nothing to $beside" >&2; return 65; fi
  if command -v selinuxenabled >/dev/null 2>&1 && selinuxenabled; then chcon --reference="$1" "$beside" 2>/dev/null || :; fi
  chown --reference="$1" "$beside" 2>/dev/null || :
  chmod --reference="$1" "$beside" 2>/dev/null || :
  sync "$beside" && mv -f "$beside" "$1" && sync "\${1%/*}"
}`;

/**
 * The image of the kernel in /boot, where it is the only one; else dracut looks for its place, in `uefi=` for a whole unified
 * kernel image (dracut.conf(5)).
 */
function dracutFor(release: string): Script {
  const images = [`/boot/initramfs-${release}.img`, `/boot/initrd-${release}`, `/boot/initrd.img-${release}`];
  return sh`
image= images=0
for file in ${images} /boot/*/${release}/initrd /boot/efi/*/${release}/initrd; do
  if [ -e "$file" ]; then images=$((images + 1)) image=$file; fi
done
if grep -qsE '^[[:space:]]*uefi=' /etc/dracut.conf /etc/dracut.conf.d/*.conf; then images=0; fi
case $images:$image in
  1:/boot/initr*) rebuild "$(readlink -f "$image")" ${release} || exit ;;
  *) dracut -f --kver ${release} || exit ;;
esac`;
}

/**
 * Debian's entries name a copy of `/boot/initrd.img-RELEASE`, which kernel-install makes (85-initrd.install, 55-initrd.install);
 * its package systemd-boot does that after update-initramfs by a hook, which dracut by itself does not run.
 */
function dracutForEntries(release: string): Script {
  const image = `/boot/initrd.img-${release}`;
  const hook = '/etc/initramfs/post-update.d/systemd-boot';
  return sh`
if [ -e ${image} ] && [ -x ${hook} ]; then rebuild ${image} ${release} && ${hook} ${release} ${image} || exit
else dracut -f --kver ${release} || exit; fi`;
}
