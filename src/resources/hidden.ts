/** Files of other programs in which passwords stand. */
const places = /^\/etc\/yunion\//;

const secretKey =
  /^(\s*(?:#\s*)?(?:- )?["']?[\w.-]*(?:passw|secret|token|credential|_key\b)[\w.-]*["']?\s*:)(?=\s|$).*$/i;

/**
 * A text as people may see it: without what stands after keys of secrets, also on the lines below that belong to such a key, and
 * without passwords in addresses.
 */
export function shownText(path: string, text: string): string {
  if (!places.test(path)) return text;
  let below: number | null = null;
  const lines = text.split('\n').map((line) => {
    const indent = line.search(/[^\s]|$/);
    const isBelow =
      below !== null && (line.trim() === '' || indent > below || (indent === below && /^\s*-(?:\s|$)/.test(line)));
    if (isBelow) return line.trim() === '' ? line : `${line.slice(0, indent)}***`;
    const key = secretKey.exec(line)?.[1];
    below = key === undefined ? null : indent;
    return key === undefined ? line.replace(/(:\/\/[^\s/:@]*:)[^\s/@]+@/g, '$1***@') : `${key} ***`;
  });
  return lines.join('\n');
}
