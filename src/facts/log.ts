import { sh } from '../shell/script.ts';
import type { Facts } from './facts.ts';
import { linesOf, type Sections } from './sections.ts';

/**
 * The journal comes first: the kernel's ring is as small as 128 KiB, and its early lines may be gone. Of more than 60
 * lines the first 40 and the last 20 are kept, as the IOMMU speaks first and faults come last. A log that gave no line
 * at all may not be read: that says nothing about the IOMMU.
 */
export const logProbe = sh`
section log
filter='
tolower($0) ~ /dmar|iommu|amd-vi|vfio|smmu|remapping|ivrs|iort|x2apic/ && !/Adding (to iommu group|device .* to group)/ { kept[++n] = $0 }
END {
  for (i = 1; i <= n; i++) if (n <= 60 || i <= 40 || i > n - 20) print "line " kept[i]
  print "total " NR
}'
log='total 0'
if command -v journalctl >/dev/null 2>&1; then
  if command -v timeout >/dev/null 2>&1; then limit='timeout 20'; else limit=; fi
  log=$($limit journalctl -k -b 0 --no-pager -q -o cat 2>/dev/null | awk "$filter")
fi
case $log in
  *'total 0') echo dmesg; dmesg 2>/dev/null | awk "$filter" ;;
  *) echo journalctl; printf '%s\\n' "$log" ;;
esac
`;

/** Lines of the kernel log about IOMMU and VFIO. */
export function parseLog(sections: Sections): Facts['log'] {
  const lines = linesOf(sections, 'log');
  const total = /^total (\d+)$/.exec(lines.at(-1) ?? '')?.[1];
  const source = lines[0];
  if (total === undefined || Number(total) === 0 || (source !== 'journalctl' && source !== 'dmesg')) {
    return { lines: null, source: null };
  }
  const kept = lines.filter((line) => line.startsWith('line ')).map((line) => line.slice('line '.length));
  return { lines: kept.slice(0, 60), source };
}
