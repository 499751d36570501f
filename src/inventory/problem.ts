import { VfleetError } from '../errors.ts';

/** A place in a file; line 0 is the file as a whole. Lines and columns count from 1. */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** One thing that is wrong in an inventory. */
export interface Problem {
  /** Stable, dotted, for programs: `inventory.unknown-key`. */
  readonly code: string;
  readonly place: Place;
  /** Keys from the top of the file, dotted: `all.children.r12.hsots`. Empty for the file as a whole. */
  readonly path: string;
  readonly message: string;
}

/** Collects everything that is wrong or doubtful in one load, so that one run shows all of it. */
export interface Problems {
  readonly add: (code: string, place: Place, path: readonly string[], message: string) => void;
  readonly warn: (place: Place, path: readonly string[], message: string) => void;
  readonly found: () => readonly Problem[];
  readonly warnings: () => readonly string[];
  /** Throws `inventory.invalid` with all problems, one a line, when there are any. */
  readonly throwIfAny: () => void;
}

/** An empty collection; the same problem said twice is kept once. */
export function collectProblems(): Problems {
  const problems = new Map<string, Problem>();
  const warnings = new Set<string>();
  const found = () => inFileOrder([...problems.values()]);
  return {
    add(code, place, path, message) {
      const problem = { code, place, path: dotted(path), message };
      problems.set(problemLine(problem), problem);
    },
    warn(place, path, message) {
      warnings.add(problemLine({ code: '', place, path: dotted(path), message }));
    },
    found,
    warnings: () => [...warnings],
    throwIfAny() {
      if (problems.size > 0) throw inventoryError(found());
    },
  };
}

/** The one error of a failed load: each problem on a line of its own; see `problemsOf`. */
export function inventoryError(problems: readonly Problem[]): VfleetError {
  return new VfleetError({
    code: 'inventory.invalid',
    thing: problems.map(problemLine).join('\n'),
    cause: { problems },
  });
}

/** The problems of an `inventory.invalid` error, for programs; none for any other error. */
export function problemsOf(error: unknown): readonly Problem[] {
  if (!(error instanceof VfleetError) || error.code !== 'inventory.invalid') return [];
  const cause: unknown = error.cause;
  if (typeof cause !== 'object' || cause === null || !('problems' in cause)) return [];
  return Array.isArray(cause.problems) ? cause.problems : [];
}

/** `inventory/racks.yaml:8:41 all.children.r12.hsots: unknown key, did you mean "hosts"?` */
export function problemLine(problem: Problem): string {
  const where = [positionOf(problem.place), problem.path].filter(Boolean).join(' ');
  return `${where}: ${problem.message}`;
}

/** `inventory/racks.yaml:8:41`. */
export function positionOf(place: Place): string {
  return place.line === 0 ? place.file : `${place.file}:${place.line}:${place.column}`;
}

/** The file as a whole. */
export function wholeFile(file: string): Place {
  return { file, line: 0, column: 0 };
}

/** Keys joined by dots; a key that has a dot or a space itself is quoted. */
export function dotted(path: readonly string[]): string {
  return path.map((key) => (/[.\s"]/.test(key) || key === '' ? JSON.stringify(key) : key)).join('.');
}

function inFileOrder(problems: readonly Problem[]): readonly Problem[] {
  const files = [...new Set(problems.map((problem) => problem.place.file))];
  return problems.toSorted(
    (a, b) =>
      files.indexOf(a.place.file) - files.indexOf(b.place.file) ||
      a.place.line - b.place.line ||
      a.place.column - b.place.column,
  );
}
