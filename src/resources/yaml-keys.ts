import { isDeepStrictEqual } from 'node:util';
import { isMap, isNode, isScalar, type Pair, parseDocument, visit, type YAMLMap } from 'yaml';

/** What a key of a YAML file may be set to. */
export type YamlValue = string | number | boolean | readonly string[];

/** What stood in the place of a line that sets a key. */
export interface FormerValue {
  readonly key: string;
  /** Ours, without its end. */
  readonly line: string;
  /** The lines that it replaced, without the end of the last. */
  readonly text: string;
  /** Comments in them that went. */
  readonly comments: readonly string[];
}

/** A text with keys set, or why that cannot be done. */
export type YamlEdit =
  | {
      readonly text: string;
      readonly changed: readonly string[];
      readonly former: readonly FormerValue[];
      /** Lines of the text that hold a key and all of its value. */
      readonly lines: readonly string[];
    }
  | { readonly problem: string };

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
    if (isDeepStrictEqual(read.json[key], value)) continue;
    const needed = read.map === null ? [] : anchorsNeeded(read.map, pairOf(read.map, key)?.value);
    if (needed.length > 0) return { problem: needProblem(key, needed) };
    edited = read.map === null ? append(edited, key, value) : setKey(edited, read.map, key, value);
    changed.push(key);
  }
  const [before, after] = [readMap(text), readMap(edited)];
  if ('problem' in before) return before;
  if ('problem' in after) return { problem: `${changed.join(', ')} cannot be set in place: ${after.problem}` };
  const isRight = isDeepStrictEqual(after.json, { ...before.json, ...values });
  if (!isRight) return { problem: `${changed.join(', ')} cannot be set in place` };
  return {
    text: edited,
    changed,
    former: formerValues(changed, [text, before.map], [edited, after.map]),
    lines: Object.keys(values).flatMap((key) => (after.map && linesOf(edited, after.map, key)) ?? []),
  };
}

interface Mapping {
  readonly map: YAMLMap | null;
  readonly json: Readonly<Record<string, unknown>>;
}

function readMap(text: string): Mapping | { readonly problem: string } {
  const document = parseDocument(text);
  const [error] = document.errors;
  if (error !== undefined) return { problem: error.message.split('\n')[0] ?? error.code };
  const { contents } = document;
  if (contents === null || (isScalar(contents) && contents.value === null)) return { map: null, json: {} };
  if (!isMap(contents)) return { problem: 'it is no mapping of keys' };
  try {
    return { map: contents, json: document.toJS() as Mapping['json'] };
  } catch (thrown) {
    // An alias of an anchor that is not there.
    if (thrown instanceof Error) return { problem: thrown.message };
    throw thrown;
  }
}

/** Anchors in a value that aliases elsewhere in the file refer to: without the value, those would lead nowhere. */
function anchorsNeeded(map: YAMLMap, value: unknown): readonly string[] {
  if (!isNode(value)) return [];
  const anchors = new Set<string>();
  visit(value, {
    Value: (_, { anchor }) => {
      if (anchor !== undefined) anchors.add(anchor);
    },
  });
  const needed = new Set<string>();
  visit(map, {
    Node: (_, node) => (node === value ? visit.SKIP : undefined),
    Alias: (_, { source }) => {
      if (anchors.has(source)) needed.add(source);
    },
  });
  return [...needed];
}

function needProblem(key: string, anchors: readonly string[]): string {
  const names = (mark: string): string => anchors.map((name) => `${mark}${name}`).join(', ');
  return `the value of ${key} has the anchor ${names('&')}, and ${names('*')} elsewhere in the file would lead nowhere without it`;
}

function formerValues(
  keys: readonly string[],
  [old, before]: readonly [string, YAMLMap | null],
  [text, after]: readonly [string, YAMLMap | null],
): readonly FormerValue[] {
  return keys.flatMap((key) => {
    const [former, line] = [before && linesOf(old, before, key), after && linesOf(text, after, key)];
    if (former === null || line === null) return [];
    const comments = before === null ? [] : commentsIn(pairOf(before, key)?.value);
    return [{ key, line, text: former, comments: comments.filter((comment) => !line.includes(comment)) }];
  });
}

/** The lines of a key and its value, without the end of the last; `null`: there is none. */
function linesOf(text: string, map: YAMLMap, key: string): string | null {
  const place = placeOf(text, map, key);
  if (place === null) return null;
  const rest = text.slice(place.end);
  const start = text.lastIndexOf('\n', place.start - 1) + 1;
  return text.slice(start, place.end + rest.search(/\r?\n|$/));
}

function commentsIn(value: unknown): readonly string[] {
  if (!isNode(value)) return [];
  const found: (string | null | undefined)[] = [];
  visit(value, { Node: (_, { commentBefore, comment }) => void found.push(commentBefore, comment) });
  const lines = found.flatMap((one) => one?.split('\n') ?? []);
  return lines.filter((line) => line.trim() !== '').map((line) => `#${line}`);
}

function setKey(text: string, map: YAMLMap, key: string, value: YamlValue): string {
  if (pairOf(map, key) === undefined) return map.flow ? text : append(text, key, value);
  const place = placeOf(text, map, key);
  if (place === null) return text;
  const rest = text.slice(place.end).replace(/^[ \t]*(?=\r?\n|$)/, '');
  return `${text.slice(0, place.colon + 1)} ${printed(value)}${rest}`;
}

function pairOf(map: YAMLMap, key: string): Pair | undefined {
  return map.items.find((item) => isScalar(item.key) && item.key.value === key) as Pair | undefined;
}

/** Where a key begins, its colon is, and its value ends. */
function placeOf(text: string, map: YAMLMap, key: string) {
  const pair = pairOf(map, key);
  const [start, after] = rangeOf(pair?.key) ?? [];
  if (start === undefined || after === undefined) return null;
  // A key in quotes ends after them; the colon follows, maybe after blanks.
  const colon = text.indexOf(':', after);
  // The range of a list in lines ends with the last line.
  const old = text.slice(colon + 1, rangeOf(pair?.value)?.[1] ?? colon + 1).trimEnd();
  return { start, colon, end: colon + 1 + old.length };
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
