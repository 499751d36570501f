/** A way to give a serial port to a guest. */
export interface SerialOptions {
  /** For which QEMU: `QEMU 6 and later`. */
  readonly qemu: string;
  readonly options: string;
}

/**
 * Options of QEMU for a serial port. The chardev `tty` is the old name of `serial`: deprecated in 6.0, and gone in 8.0 (QEMU's
 * docs/about/removed-features.rst). Where no version is known, or several are there, both are told.
 */
export function serialOptions(path: string, alias: string, versions: readonly string[]): readonly SerialOptions[] {
  const majors = versions.map((version) => Number.parseInt(version, 10));
  const options = (backend: string): string =>
    `-chardev ${backend},path=${path},id=${alias} -device pci-serial,chardev=${alias}`;
  const older = { qemu: 'QEMU before 6', options: options('tty') };
  const newer = { qemu: 'QEMU 6 and later', options: options('serial') };
  const wantsOlder = majors.length === 0 || majors.some((major) => major < 6);
  const wantsNewer = majors.length === 0 || majors.some((major) => major >= 6);
  return [...(wantsNewer ? [newer] : []), ...(wantsOlder ? [older] : [])];
}
