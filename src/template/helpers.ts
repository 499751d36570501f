/** What a template can call beside `if`, `unless`, `each` and `with`. Each takes one value. */
export const helpers: Readonly<Record<string, (value: unknown) => string>> = {
  doubleQuoted: (value) => escapeDoubleQuoted(String(value)),
};

/**
 * Text as it must stand between double quotes of a POSIX shell to mean itself: `$`, backquote, `"` and `\` keep a
 * special meaning there (POSIX.1-2017, XCU 2.2.3).
 */
export function escapeDoubleQuoted(text: string): string {
  return text.replace(/[$`"\\]/g, '\\$&');
}
