/** Old names of dracut's that mean the same as the new ones (dracut.cmdline(7), "DEPRECATED, renamed Options"). */
const aliases: ReadonlyMap<string, string> = new Map([
  ['rdblacklist', 'rd.driver.blacklist'],
  ['rdloaddriver', 'rd.driver.pre'],
  ['rdinsmodpost', 'rd.driver.post'],
  ['rd_LUKS_UUID', 'rd.luks.uuid'],
  ['rd_LVM_LV', 'rd.lvm.lv'],
  ['rd_LVM_VG', 'rd.lvm.vg'],
  ['rd_MD_UUID', 'rd.md.uuid'],
  ['rd_DM_UUID', 'rd.dm.uuid'],
]);

/** One spelling for all names of a parameter: the kernel takes `-` for `_` (`parameq()` in kernel/params.c). */
export function canonicalName(name: string): string {
  const plain = plainName(name);
  return aliases.get(plain) ?? plain;
}

/** A name with `_` for `-`: one to the kernel. Old names of dracut's stay what they are. */
export function plainName(name: string): string {
  return name.replaceAll('-', '_');
}

/** The canonical spelling of a name, and the old ones that mean the same; each of them with `_` for `-`. */
export function spellings(name: string): readonly string[] {
  const canonical = canonicalName(name);
  return [canonical, ...[...aliases].flatMap(([old, now]) => (now === canonical ? [old] : []))];
}

/**
 * Parameters of which every occurrence counts, and not the last alone: "can be specified multiple times" in
 * dracut.cmdline(7); `modprobe.blacklist` is collected by libkmod (`kcmdline_parse_result` in libkmod/libkmod-config.c).
 */
const accumulating: ReadonlySet<string> = new Set([
  ...['modprobe.blacklist', 'rd.driver.blacklist', 'rd.driver.pre', 'rd.driver.post'],
  ...['rd.lvm.lv', 'rd.lvm.vg', 'rd.luks.uuid', 'rd.luks.name', 'rd.md.uuid', 'rd.dm.uuid'],
]);

type Opposites = Readonly<Record<string, readonly string[]>>;

/**
 * Parameters whose value is a list of words between commas, read word by word over all occurrences, and for a word those
 * that take it back when they come later: `intel_iommu_setup` in drivers/iommu/intel/iommu.c, `parse_amd_iommu_options` in
 * drivers/iommu/amd/init.c, `iommu_setup` in arch/x86/kernel/pci-dma.c, libkmod for `modprobe.blacklist`, dracut. `iommu=soft`
 * asks for bounce buffers in the place of an IOMMU.
 */
const wordLists: ReadonlyMap<string, Opposites> = new Map<string, Opposites>([
  ['intel_iommu', { on: ['off'], off: ['on'], sm_on: ['sm_off'], sm_off: ['sm_on'] }],
  ['amd_iommu', {}],
  ['iommu', { pt: ['nopt', 'off', 'soft'], nopt: ['pt', 'off'], force: ['noforce', 'off'], noforce: ['force'] }],
  ['modprobe.blacklist', {}],
  ['rd.driver.blacklist', {}],
]);

/** Whether each occurrence of a parameter counts. */
export function accumulates(name: string): boolean {
  return accumulating.has(canonicalName(name));
}

/** Whether a parameter's value is a list of words between commas. */
export function isWordList(name: string): boolean {
  return wordLists.has(canonicalName(name));
}

/** The words that take back a word of a list when they come after it. */
export function oppositesOf(name: string, word: string): readonly string[] {
  return wordLists.get(canonicalName(name))?.[word] ?? [];
}

/** Why a value is wrong, and what to do. */
export interface WrongValue {
  readonly found: string;
  readonly next: string;
}

/** Words that are written by mistake, which the kernel passes over: `amd_iommu=on` is logged as "AMD-Vi: Unknown option". */
const mistakes: ReadonlyMap<string, WrongValue> = new Map([
  [
    'amd_iommu=on',
    {
      found: 'a word that amd_iommu= does not know ("AMD-Vi: Unknown option"): an AMD IOMMU is on by default',
      next: 'drop it',
    },
  ],
  ['amd_iommu=pt', { found: 'a word that amd_iommu= does not know', next: 'write iommu=pt' }],
  ['intel_iommu=pt', { found: 'a word that intel_iommu= does not know', next: 'write iommu=pt' }],
  [
    'iommu=on',
    {
      found: 'a word that iommu= does not know: an AMD IOMMU is on by default',
      next: 'write intel_iommu=on for an Intel one, or drop it',
    },
  ],
]);

const truthValues: ReadonlySet<string> = new Set([
  ...['iommu.passthrough', 'iommu.strict', 'iommu.forcedac'],
  ...['vfio_iommu_type1.allow_unsafe_interrupts', 'vfio_iommu_type1.disable_hugepages'],
  ...['vfio_pci.disable_vga', 'vfio_pci.disable_idle_d3', 'vfio_pci.enable_sriov'],
]);

/** What is known to be wrong with a value; `null`: nothing, which does not mean that the kernel knows it. */
export function wrongValue(name: string, value: string): WrongValue | null {
  const parameter = canonicalName(name);
  // `kstrtobool` in lib/kstrtox.c looks at one or two characters; `t` and `f` only in newer kernels.
  if (truthValues.has(parameter) && !/^(?:[yn10]|o[nf])/i.test(value)) {
    return { found: 'a value that not every kernel takes for yes or no', next: 'write 1 or 0' };
  }
  const words = isWordList(parameter) ? value.split(',') : [value];
  return words.map((word) => mistakes.get(`${parameter}=${word}`)).find((wrong) => wrong !== undefined) ?? null;
}
