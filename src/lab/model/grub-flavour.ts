/** Whose GRUB it is: that of Red Hat reads entries of the Boot Loader Specification, and chooses entries its own way. */
export type GrubFlavour = 'upstream' | 'redhat';

/** A package of GRUB on Enterprise Linux: `2.06-77.el9_4` is build 77 of version 9. */
export interface EnterpriseGrub {
  readonly version: number;
  readonly build: number;
}

/** Told by the version of the package in `machine.json`; `null`: of another distribution, or older than `blscfg`. */
export function enterpriseGrub(packageVersion: string): EnterpriseGrub | null {
  const found = /-(\d+)\.el(\d+)/.exec(packageVersion);
  return found === null ? null : { build: Number(found[1]), version: Number(found[2]) };
}

/** Fedora's GRUB is the same: `2.12-32.fc42`. */
export function grubFlavour(packageVersion: string): GrubFlavour {
  const own = enterpriseGrub(packageVersion) !== null || /\.fc\d+$/.test(packageVersion);
  return own ? 'redhat' : 'upstream';
}
