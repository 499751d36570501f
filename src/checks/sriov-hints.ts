/** What the kernel logs where it makes fewer functions than it was asked for, and what helps against it. */
const hints: readonly { readonly text: RegExp; readonly remedy: string }[] = [
  {
    text: /not enough MMIO resources for SR-IOV/,
    remedy:
      'the firmware leaves no address space for so many: turn Above 4G Decoding (and SR-IOV) on in the BIOS, else boot with pci=realloc',
  },
  {
    text: /SR-IOV: bus number out of range|VF.* bus .*out of range/i,
    remedy: 'turn ARI (PCIe ARI Support) on in the BIOS, else boot with pci=assign-busses',
  },
  {
    text: /ENABLE_HCA\(0x104\) timeout/,
    remedy: 'turn ACS, PCIe ARI Support and the IOMMU on in the BIOS: functions of this NIC do not start without',
  },
  { text: /can't enable \d+ VFs|Failed to enable PCI sriov/i, remedy: 'see the lines of its driver in the kernel log' },
];

/** Remedies for what stands in lines of the kernel log, each once. */
export function sriovHints(lines: readonly string[]): readonly string[] {
  return hints.filter(({ text }) => lines.some((line) => text.test(line))).map(({ remedy }) => remedy);
}
