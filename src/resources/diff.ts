import { createHash } from 'node:crypto';
import { createTwoFilesPatch, FILE_HEADERS_ONLY } from 'diff';
import { parseArguments } from '../boot/arguments.ts';
import { shownText } from './hidden.ts';
import type { FileState } from './resource.ts';

/** A file as a change would leave it. */
export interface Wished {
  readonly bytes: Buffer;
  readonly mode: string;
  readonly owner: string;
}

/**
 * A unified diff for people. Mode and owner are shown in lines before it, as Git does; bytes that are no UTF-8 text are
 * shown as a change of their digest; secrets in files of other programs are not shown (`shownText`). `null` stands for no file.
 */
export function diffOf(path: string, before: FileState, after: Wished | null): string {
  const old = before.kind === 'file' ? before : null;
  const heads = [
    ...(old && after && old.mode !== after.mode ? [`mode ${old.mode} -> ${after.mode}`] : []),
    ...(old && after && old.owner !== after.owner ? [`owner ${old.owner} -> ${after.owner}`] : []),
    ...(!old && after ? [`new file, mode ${after.mode}, owner ${after.owner}`] : []),
    ...(old && !after ? [`removed file, mode ${old.mode}, owner ${old.owner}`] : []),
  ].map((head) => `${head}\n`);
  const same = old !== null && after !== null && old.bytes.equals(after.bytes);
  return `${heads.map((head) => `${path}: ${head}`).join('')}${same ? '' : contentDiff(path, old?.bytes, after?.bytes)}`;
}

function contentDiff(path: string, before: Buffer | undefined, after: Buffer | undefined): string {
  const texts = [before, after].map((bytes) => (bytes === undefined ? '' : readable(path, asText(bytes))));
  const [old, wished] = texts;
  if (old === null || old === undefined || wished === null || wished === undefined) {
    return `${path}: binary, ${digest(before)} -> ${digest(after)}\n`;
  }
  const shown = [old, wished].map((text) => shownText(path, text));
  if (shown[0] === shown[1] && old !== wished) return `${path}: only what is hidden here changes\n`;
  return createTwoFilesPatch(
    before === undefined ? '/dev/null' : path,
    after === undefined ? '/dev/null' : path,
    shown[0] ?? '',
    shown[1] ?? '',
    undefined,
    undefined,
    { context: 3, headerOptions: FILE_HEADERS_ONLY },
  );
}

/** An environment block of GRUB is one long line of arguments, and padding: shown are the arguments, each on a line. */
function readable(path: string, text: string | null): string | null {
  if (text === null || !path.endsWith('/grubenv') || !/^kernelopts=/m.test(text)) return text;
  return text.replace(/\n#*$/, '\n').replace(/^kernelopts=(.*)$/m, (_, line: string) => {
    const tokens = parseArguments(line).map(({ token }) => `  ${token}`);
    return ['kernelopts, one argument on a line:', ...tokens].join('\n');
  });
}

/** `null`: not UTF-8 text. */
function asText(bytes: Buffer): string | null {
  const text = bytes.toString('utf8');
  return text.includes('\0') || !Buffer.from(text, 'utf8').equals(bytes) ? null : text;
}

function digest(bytes: Buffer | undefined): string {
  return bytes === undefined ? 'none' : `sha256:${createHash('sha256').update(bytes).digest('hex').slice(0, 16)}`;
}
