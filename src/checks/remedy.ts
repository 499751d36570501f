import type { Facts } from '../facts/facts.ts';

/** Where the firmware's switch is, in the words that its menus use, by the CPU's vendor. */
export function firmwareRemedy(facts: Facts): string {
  if (facts.cpu.hypervisor) {
    return (
      'this is a virtual machine: give it a virtual IOMMU (QEMU: -M q35 -device intel-iommu,intremap=on,caching-mode=on, ' +
      'or -device amd-iommu), or run on the machine below it'
    );
  }
  const then = 'save, power the machine off and on, then run this again';
  if (facts.cpu.vendor === 'amd' || facts.cpu.vendor === 'hygon') {
    return `in the BIOS, set IOMMU (AMD-Vi, often under NBIO or North Bridge) to Enabled: Auto often means off; ${then}`;
  }
  if (facts.cpu.vendor === 'arm') return `in the firmware's menu, turn SMMU (System MMU) on; ${then}`;
  if (facts.cpu.vendor === 'intel' || facts.cpu.vendor === 'zhaoxin') {
    return `in the BIOS, set Intel VT-d (Intel Virtualization Technology for Directed I/O) to Enabled; ${then}`;
  }
  return `in the BIOS, turn the IOMMU on (Intel VT-d, AMD IOMMU or AMD-Vi, Arm SMMU); ${then}`;
}

/** How kernel arguments are set on this host, by its boot loader's own tool. */
export function argumentsRemedy(facts: Facts, tokens: readonly string[]): string {
  const line = tokens.join(' ');
  const { loader, configPath } = facts.boot;
  if (loader === 'update-grub' || loader === 'grub2-mkconfig') {
    const tool =
      loader === 'update-grub' ? 'update-grub' : `grub2-mkconfig -o ${configPath ?? 'the file that GRUB reads'}`;
    return `apply a playbook that sets ${line} (by hand: GRUB_CMDLINE_LINUX in /etc/default/grub, then ${tool}), and reboot`;
  }
  const byHand: Readonly<Record<string, string>> = {
    bls: `grubby --update-kernel=ALL --args="${line}", the same in /etc/default/grub and, where it exists, /etc/kernel/cmdline`,
    'proxmox-boot-tool': `add ${line} to /etc/kernel/cmdline (and to /etc/default/grub), then proxmox-boot-tool refresh`,
    'systemd-boot': `add ${line} to /etc/kernel/cmdline, then write the boot entries again (kernel-install or bootctl)`,
    ostree: `rpm-ostree kargs ${tokens.map((token) => `--append-if-missing=${token}`).join(' ')}`,
  };
  return `${byHand[loader] ?? `add ${line} to the kernel arguments with the tool of the host's boot loader`}; then reboot`;
}

/** How to see more, where a probe without rights saw too little. */
export function rightsRemedy(facts: Facts): string {
  return facts.identity.root
    ? 'look on the host at what could not be read'
    : 'let vfleet become root there (ssh: { elevate: sudo } in the inventory)';
}
