import { sh } from '../shell/script.ts';
import type { Facts } from './facts.ts';
import { integer, linesOf, type Sections } from './sections.ts';

/** Only the first processor is sent: a large machine's `/proc/cpuinfo` is half a megabyte. */
export const cpuProbe = sh`
section cpu
sed '/^[[:space:]]*$/q' /proc/cpuinfo 2>/dev/null
echo "processors : $(grep -c '^processor' /proc/cpuinfo 2>/dev/null)"
`;

const vendors: Readonly<Record<string, NonNullable<Facts['cpu']['vendor']>>> = {
  GenuineIntel: 'intel',
  AuthenticAMD: 'amd',
  HygonGenuine: 'hygon',
  CentaurHauls: 'zhaoxin',
  Shanghai: 'zhaoxin',
};

/** `/proc/cpuinfo` of x86 names the vendor; that of arm64 has an implementer's code instead (MIDR_EL1, bits 31 to 24). */
export function parseCpu(sections: Sections): Facts['cpu'] {
  const values = new Map<string, string>();
  for (const line of linesOf(sections, 'cpu')) {
    const found = /^([^:]+?)\s*:\s*(.*?)\s*$/.exec(line);
    if (found?.[1] !== undefined && found[2] !== undefined && !values.has(found[1])) values.set(found[1], found[2]);
  }
  const implementer = values.get('CPU implementer') ?? null;
  const vendorId = values.get('vendor_id') ?? implementer;
  const flags = (values.get('flags') ?? values.get('Features') ?? '').split(/\s+/).filter(Boolean);
  const count = integer(values.get('processors'));
  return {
    vendor: vendorId === null ? null : implementer === null ? (vendors[vendorId] ?? 'other') : 'arm',
    vendorId,
    model: values.get('model name') ?? null,
    flags,
    count: count === 0 ? null : count,
    hypervisor: flags.includes('hypervisor'),
  };
}
