/** Whether a kernel release is at least the given version, by its first two numbers. */
export function atLeast(release: string, major: number, minor: number): boolean {
  const [foundMajor = 0, foundMinor = 0] = release.split(/[.-]/).map((part) => Number.parseInt(part, 10) || 0);
  return foundMajor > major || (foundMajor === major && foundMinor >= minor);
}
