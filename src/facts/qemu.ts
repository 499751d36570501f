import { sh } from '../shell/script.ts';
import { type CustomFact, fact } from './custom-fact.ts';

/**
 * Versions of QEMU on a host, each once: of the distribution, of RHEL and its kin, and those that Cloudpods brings. A fact for
 * playbooks that want it, as each takes a process.
 *
 * @example
 * playbook({ facts: { qemu: qemuVersions }, … })
 */
export const qemuVersions: CustomFact<readonly string[]> = fact(
  sh`
for qemu in "$(command -v qemu-system-x86_64)" "$(command -v qemu-system-aarch64)" "$(command -v qemu-kvm)" /usr/libexec/qemu-kvm \\
  /usr/local/qemu-*/bin/qemu-system-*; do
  [ ! -x "$qemu" ] || "$qemu" --version 2>/dev/null | head -n 1
done
:`,
  (text) => [...new Set([...text.matchAll(/\bversion (\d+\.\d+(?:\.\d+)?)/g)].flatMap(([, version]) => version ?? []))],
);
