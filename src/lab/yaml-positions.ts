import { type Document, isCollection, isMap, isNode, LineCounter, parseDocument } from 'yaml';
import type { z } from 'zod';
import { VfleetError } from '../errors.ts';
import { didYouMean } from '../nearest.ts';

/** A YAML file whose values know where they stand. */
export interface PositionedYaml {
  readonly value: unknown;
  /** `machines.yaml:8:5` for the place of a path, or of the nearest thing around it that is there. */
  readonly position: (path: readonly PropertyKey[]) => string;
}

/** Parses YAML 1.2. Errors: `lab.machines-syntax`, with file, line and column. */
export function parsePositioned(file: string, text: string): PositionedYaml {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return `${file}:${Math.max(1, line)}:${Math.max(1, col)}`;
  };
  const wrong = (thing: string, { message }: Error) =>
    new VfleetError({
      code: 'lab.machines-syntax',
      thing,
      expected: 'YAML',
      found: message.split('\n')[0],
      next: 'correct the file',
    });
  const [error] = document.errors;
  if (error !== undefined) throw wrong(at(error.pos[0]), error);
  return {
    value: valueOf(document, (thrown) => wrong(file, thrown)),
    position: (path) => {
      let offset = 0;
      let node: unknown = document.contents;
      for (const key of path) {
        if (!isCollection(node)) break;
        offset = offsetOf(isMap(node) ? keyNode(node.items, key) : node.get(key, true)) ?? offset;
        node = node.get(key, true);
      }
      return at(offset);
    },
  };
}

/** An alias of nothing is found only now, and without a place. */
function valueOf(document: Document.Parsed, wrong: (thrown: Error) => VfleetError): unknown {
  try {
    return document.toJS();
  } catch (thrown) {
    throw thrown instanceof ReferenceError ? wrong(thrown) : thrown;
  }
}

function keyNode(items: readonly { readonly key: unknown }[], key: PropertyKey): unknown {
  return items.find((pair) => String(pair.key) === String(key))?.key;
}

function offsetOf(node: unknown): number | undefined {
  return isNode(node) ? node.range?.[0] : undefined;
}

/** What a schema finds wrong, a line for each: `machines.yaml:8:5 racks.r1.0.cuont: unknown key, did you mean "count"?` */
export function issueLines(
  yaml: PositionedYaml,
  issues: readonly z.core.$ZodIssue[],
  known: readonly string[],
): string[] {
  const line = (path: readonly PropertyKey[], message: string) =>
    `${yaml.position(path)} ${path.map(String).join('.') || 'the file'}: ${message}`;
  return issues.flatMap((issue) => {
    if (issue.code === 'invalid_key') return issue.issues.map(({ message }) => line(issue.path, message));
    if (issue.code !== 'unrecognized_keys') return [line(issue.path, issue.message)];
    return issue.keys.map((key) => line([...issue.path, key], `unknown key${didYouMean(key, known)}`));
  });
}
