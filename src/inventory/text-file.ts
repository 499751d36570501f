import { readFile } from 'node:fs/promises';
import { extname } from 'node:path';
import { type Problems, wholeFile } from './problem.ts';

/** The text of a file, or `null` after a problem: unreadable, not UTF-8, binary. A byte order mark is taken off. */
export async function readText(file: string, problems: Problems): Promise<string | null> {
  let bytes: Buffer;
  try {
    bytes = await readFile(file);
  } catch (error) {
    problems.add('inventory.unreadable', wholeFile(file), [], `cannot be read: ${ioReason(error)}`);
    return null;
  }
  const text = decode(bytes);
  if (text === null) problems.add('inventory.encoding', wholeFile(file), [], 'is not a text file in UTF-8');
  return text;
}

/** Why a file operation failed, in words. */
export function ioReason(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const words: Readonly<Record<string, string>> = {
    ENOENT: 'no such file or folder',
    EACCES: 'permission denied; make it readable for the user who runs vfleet',
    EPERM: 'permission denied; make it readable for the user who runs vfleet',
    EISDIR: 'it is a folder',
    ENOTDIR: 'a part of its path is not a folder',
    ELOOP: 'a loop of symbolic links',
  };
  return words[code] ?? (error instanceof Error ? error.message : String(error));
}

function decode(bytes: Buffer): string | null {
  try {
    // The decoder drops a byte order mark of UTF-8.
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return text.includes('\0') ? null : text;
  } catch {
    return null;
  }
}

/** What a file is when it is not a YAML inventory: a message that names it and says what to do; else `null`. */
export function foreignInventory(file: string, text: string): string | null {
  const convert = `convert it with \`ansible-inventory -i ${file} --list -y\``;
  if (text.startsWith('#!')) return `a dynamic inventory script is not run; ${convert}`;
  if (isVaultFile(text)) return 'is encrypted with ansible-vault; an inventory file must be plain YAML';
  const extension = extname(file).toLowerCase();
  if (extension === '.toml') return `a TOML inventory is not read; ${convert}`;
  if (extension === '.ini' || looksLikeIni(text)) return `an INI inventory is not read yet; ${convert}`;
  return null;
}

/** Whether a file is encrypted as a whole by `ansible-vault encrypt`. */
export function isVaultFile(text: string): boolean {
  return text.startsWith('$ANSIBLE_VAULT;');
}

/** Ansible's INI form: a `[group]` line, or a host with `key=value` behind it, or one bare name a line. */
function looksLikeIni(text: string): boolean {
  const lines = text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !/^[#;]/.test(line));
  const first = lines[0] ?? '';
  if (/^\[[\w.+-]+(?::(?:vars|children|hosts))?\]\s*(?:[#;].*)?$/.test(first)) return lines.length > 1;
  if (/^[\w.[\]:-]+\s+[A-Za-z_]\w*=/.test(first)) return true;
  return lines.length > 0 && lines.every((line) => /^[A-Za-z0-9][\w.-]*$/.test(line));
}
