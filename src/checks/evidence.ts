import { type Script, sh } from '../shell/script.ts';

/** The guide's own command, cut where a large machine would print pages. */
export const dmesgEvidence: Script = sh`
echo '$ dmesg | grep -e DMAR -e IOMMU -e AMD-Vi'
dmesg 2>&1 | grep -e DMAR -e IOMMU -e AMD-Vi -e 'read kernel buffer' | head -n 30
`;
