import type { LineToken } from './edit-line.ts';
import type { Assignment, Statement } from './grub-default.ts';
import { tokensOf } from './shell-value.ts';
import type { Unit } from './shell-word.ts';

/** One sourced file. */
export interface Source {
  readonly path: string;
  readonly statements: readonly Statement[];
}

/** An argument with the place where it is written. */
export interface SourceToken {
  readonly text: string;
  /** As the kernel gets it. */
  readonly argument: string;
  readonly path: string;
  readonly line: number;
  readonly opaque: boolean;
}

/** What a variable holds in the end, as far as can be said without running anything. */
export interface Evaluated {
  readonly tokens: readonly SourceToken[];
  /** Places that set it by code: `/etc/default/grub:12`. Empty: the tokens are all there is. */
  readonly uncertain: readonly string[];
}

interface Piece {
  readonly unit: Unit;
  readonly path: string;
  readonly line: number;
}

interface Value {
  readonly pieces: readonly Piece[];
  readonly uncertain: readonly string[];
}

/** Evaluates one variable over files in the order in which they are sourced. */
export function evaluate(sources: readonly Source[], name: string): Evaluated {
  const variables = new Map<string, Value>();
  for (const { path, statements } of sources) {
    for (const statement of statements) {
      if (statement.kind === 'code') spoil(statement.raw, `${path}:${statement.line}`, variables);
      if (statement.kind !== 'assignments') continue;
      for (const piece of statement.pieces) if (typeof piece !== 'string') assign(piece, path, variables);
    }
  }
  const { pieces, uncertain } = variables.get(name) ?? { pieces: [], uncertain: [] };
  const units = pieces.map((piece) => piece.unit);
  const located = ({ text, argument, from, opaque }: LineToken): SourceToken => {
    const place = pieces[from];
    return { text, argument, path: place?.path ?? '', line: place?.line ?? 0, opaque };
  };
  return { tokens: tokensOf(units).map(located), uncertain };
}

function assign({ name, append, value, line }: Assignment, path: string, variables: Map<string, Value>): void {
  const before = append ? variables.get(name) : undefined;
  const pieces: Piece[] = [...(before?.pieces ?? [])];
  const uncertain = [...(before?.uncertain ?? [])];
  let at = line;
  for (const unit of value) {
    const known = unit.kind === 'variable' ? variables.get(unit.name) : undefined;
    if (unit.kind === 'variable' && unit.name.startsWith('GRUB_')) {
      // A variable of GRUB's that nothing has set is empty.
      pieces.push(...(known?.pieces ?? []));
      uncertain.push(...(known?.uncertain ?? []));
    } else pieces.push({ unit, path, line: at });
    at += unit.raw.split('\n').length - 1;
  }
  variables.set(name, { pieces, uncertain });
}

/** Code that sets a variable leaves nobody knowing what it holds. */
function spoil(code: string, place: string, variables: Map<string, Value>): void {
  for (const [, name = ''] of code.matchAll(/\b(GRUB_\w+)\+?=/g)) {
    const before = variables.get(name);
    variables.set(name, { pieces: before?.pieces ?? [], uncertain: [...(before?.uncertain ?? []), place] });
  }
}

/** The assignments that make up a variable's value, in order: those before the last full one are dead. */
export function effectiveAssignments(statements: readonly Statement[], name: string): readonly Assignment[] {
  let effective: Assignment[] = [];
  for (const statement of statements) {
    if (statement.kind !== 'assignments') continue;
    for (const piece of statement.pieces) {
      if (typeof piece === 'string' || piece.name !== name) continue;
      const keeps = piece.append || piece.value.some((unit) => unit.kind === 'variable' && unit.name === name);
      effective = keeps ? [...effective, piece] : [piece];
    }
  }
  return effective;
}

/** The statements with an assignment's value replaced. */
export function withValue(
  statements: readonly Statement[],
  assignment: Assignment,
  value: readonly Unit[],
): readonly Statement[] {
  return statements.map((statement) => {
    if (statement.kind !== 'assignments' || !statement.pieces.includes(assignment)) return statement;
    return {
      ...statement,
      pieces: statement.pieces.map((piece) => (piece === assignment ? { ...assignment, value } : piece)),
    };
  });
}

/** The arguments that one file sets in either line of a boot entry, as the kernel gets them; what nobody can know is left out. */
export function standingTokens(source: Source): readonly string[] {
  const both = ['GRUB_CMDLINE_LINUX', 'GRUB_CMDLINE_LINUX_DEFAULT'].flatMap((name) => evaluate([source], name).tokens);
  return both.filter((token) => !token.opaque).map((token) => token.argument);
}
