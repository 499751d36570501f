/**
 * A kernel command line as the kernel itself splits it (`next_arg()` of lib/cmdline.c). The lab has its own reading of it
 * on purpose: it judges what `src/boot` writes.
 */
export interface CommandLine {
  readonly text: string;
  /** Name and value in order; `null` for a bare word. Names with `-` read as `_` (`parameq()` of kernel/params.c). */
  readonly arguments: readonly (readonly [name: string, value: string | null])[];
}

/** Splits a command line. */
export function readCommandLine(text: string): CommandLine {
  const words: string[] = [];
  let word = '';
  let quoted = false;
  let begun = false;
  for (const character of text) {
    if (character === '"') {
      quoted = !quoted;
      begun = true;
    } else if (!quoted && /\s/.test(character)) {
      if (begun) words.push(word);
      word = '';
      begun = false;
    } else {
      word += character;
      begun = true;
    }
  }
  if (begun) words.push(word);
  return {
    text,
    arguments: words.map((item) => {
      const equals = item.indexOf('=');
      return equals <= 0 ? [unify(item), null] : [unify(item.slice(0, equals)), item.slice(equals + 1)];
    }),
  };
}

/** Values of an argument in order; a bare word counts as `''`. */
export function valuesOf(line: CommandLine, name: string): readonly string[] {
  return line.arguments.filter(([key]) => key === unify(name)).map(([, value]) => value ?? '');
}

/** The value that counts: that of the last one; `null` where the argument is not there. */
export function valueOf(line: CommandLine, name: string): string | null {
  return valuesOf(line, name).at(-1) ?? null;
}

function unify(name: string): string {
  return name.replaceAll('-', '_');
}
