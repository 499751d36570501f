import Handlebars from 'handlebars';
import { VfleetError } from '../errors.ts';

/** A parsed template. */
export type Program = hbs.AST.Program;

/** Parses a template. `name` is for messages. Errors: `template.syntax`, with file and line. */
export function parseTemplate(source: string, name: string): Program {
  try {
    return Handlebars.parse(source);
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new VfleetError({
      code: 'template.syntax',
      thing: `${name}:${position(message, source)}`,
      expected: 'a Handlebars template',
      found: problem(message),
      next: 'correct the template',
      cause,
    });
  }
}

/** `line:column` of a node, both from 1. */
export function positionOf(node: hbs.AST.Node): string {
  return `${node.loc.start.line}:${node.loc.start.column + 1}`;
}

/** The parser tells positions in its message only: `on line 3`, with an arrow below the text, or `- 3:5`. */
function position(message: string, source: string): string {
  const exact = /- (\d+):(\d+)$/.exec(message);
  if (exact?.[1] && exact[2]) return `${exact[1]}:${Number(exact[2]) + 1}`;
  const line = /on line (\d+)/.exec(message)?.[1];
  return line ?? String(source.split('\n').length);
}

function problem(message: string): string {
  const got = /got '([^']+)'/.exec(message)?.[1];
  if (got === 'EOF') return 'the end of the text inside a block or an expression';
  const near = message.split('\n')[1];
  if (got && near) return `text that cannot be read at the end of: ${near}`;
  return message.replace(/ - \d+:\d+$/, '');
}
