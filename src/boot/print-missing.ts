import { type Script, sh } from '../shell/script.ts';

/**
 * A shell function `print_missing MOUNT` that says `missing FILE` of each entry of systemd-boot below MOUNT whose kernel is not
 * there, which systemd-boot passes over. Without any process; a path that a shell may see otherwise than firmware does
 * counts as there.
 */
export function printMissing(): Script {
  return sh`
print_missing() {
  for file in "$1"/loader/entries/*.conf; do
    if [ -r "$file" ]; then
      image=
      while read -r key value || [ -n "$key" ]; do
        case $key in linux|efi) image=$value ;; esac
      done <"$file"
      case $image in ''|*[!A-Za-z0-9/._+~-]*) continue ;; esac
      if [ ! -e "$1/$image" ]; then echo "missing $file"; fi
    fi
  done
}`;
}
