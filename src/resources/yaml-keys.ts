import { isDeepStrictEqual } from 'node:util';
import { isMap, isScalar, type Pair, parseDocument, type YAMLMap } from 'yaml';

/** What a key of a YAML file may be set to. */
export type YamlValue = string | number | boolean | readonly string[];

/** A text with keys set, or why that cannot be done. */
export type YamlEdit = { readonly text: string; readonly changed: readonly string[] } | { readonly problem: string };

/**
 * Sets keys at the top of a YAML file, in place: only the value of a key that differs is written anew, on its line, and what is
 * missing comes at the end. Comments, order, quotes and every other byte stay. The result is read again before it counts.
 */
export function setYamlKeys(text: string, values: Readonly<Record<string, YamlValue>>): YamlEdit {
  let edited = text;
  const changed: string[] = [];
  for (const [key, value] of Object.entries(values)) {
    const read = readMap(edited);
    if ('problem' in read) return read;
    if (isDeepStrictEqual(read.map?.toJSON()?.[key], value)) continue;
    edited = read.map === null ? append(edited, key, value) : setKey(edited, read.map, key, value);
    changed.push(key);
  }
  const [before, after] = [readMap(text), readMap(edited)];
  if ('problem' in before) return before;
  if ('problem' in after) return { problem: `${changed.join(', ')} cannot be set in place: ${after.problem}` };
  const wished = { ...(before.map?.toJSON() as object | undefined), ...values };
  const isRight = isDeepStrictEqual(after.map?.toJSON() ?? {}, wished);
  return isRight ? { text: edited, changed } : { problem: `${changed.join(', ')} cannot be set in place` };
}

function readMap(text: string): { readonly map: YAMLMap | null } | { readonly problem: string } {
  const document = parseDocument(text);
  const [error] = document.errors;
  if (error !== undefined) return { problem: error.message.split('\n')[0] ?? error.code };
  const { contents } = document;
  if (contents === null || (isScalar(contents) && contents.value === null)) return { map: null };
  return isMap(contents) ? { map: contents } : { problem: 'it is no mapping of keys' };
}

function setKey(text: string, map: YAMLMap, key: string, value: YamlValue): string {
  const pair = map.items.find((item) => isScalar(item.key) && item.key.value === key) as Pair | undefined;
  if (pair === undefined) return map.flow ? text : append(text, key, value);
  const after = rangeOf(pair.key)?.[1];
  if (after === undefined) return text;
  // A key in quotes ends after them; the colon follows, maybe after blanks.
  const colon = text.indexOf(':', after);
  // The range of a list in lines ends with the last line.
  const old = text.slice(colon + 1, rangeOf(pair.value)?.[1] ?? colon + 1).trimEnd();
  const rest = text.slice(colon + 1 + old.length).replace(/^[ \t]*(?=\r?\n|$)/, '');
  return `${text.slice(0, colon + 1)} ${printed(value)}${rest}`;
}

function rangeOf(node: unknown): readonly [number, number, number] | undefined {
  const range = (node as { range?: [number, number, number] | null } | null)?.range;
  return range ?? undefined;
}

/** Before a mark of the document's end, if there is one. */
function append(text: string, key: string, value: YamlValue): string {
  const end = /^(?:\.\.\.|---)[ \t]*(?:\r?\n)?$/m.exec(text.replace(/^---[^\n]*\n/, (line) => ' '.repeat(line.length)));
  const at = end?.index ?? text.length;
  const before = text.slice(0, at);
  const gap = before === '' || before.endsWith('\n') ? '' : '\n';
  return `${before}${gap}${key}: ${printed(value)}\n${text.slice(at)}`;
}

/** On one line, so that the line is ours. */
function printed(value: YamlValue): string {
  if (typeof value === 'string') return scalar(value);
  return Array.isArray(value) ? `[${value.map((item: string) => scalar(item)).join(', ')}]` : String(value);
}

/** Plain where nothing could take it for something else than text. */
function scalar(text: string): string {
  const isPlain = /^[A-Za-z_][\w./-]*$/.test(text) && !/^(?:true|false|yes|no|on|off|null|y|n)$/i.test(text);
  return isPlain ? text : JSON.stringify(text);
}
