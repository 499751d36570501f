import { accumulates, canonicalName, isWordList, oppositesOf, plainName } from './kernel-parameter.ts';

/**
 * Kernel arguments, split as the kernel splits them: at white space outside double quotes (`next_arg()` in
 * lib/cmdline.c); only the first `=` separates the name from the value.
 */
export interface Argument {
  /** As it stands: `dyndbg="file x +p"`. */
  readonly token: string;
  readonly name: string;
  /** Without the enclosing quotes; `null` for a bare word. */
  readonly value: string | null;
}

/**
 * White space as the kernel sees it, one character for a byte: `isspace()` by the table in lib/ctype.c, which counts 0xa0.
 */
export const blank: RegExp = /[\t-\r \xa0]/;

/** The arguments of a kernel command line, in order, duplicates kept. */
export function parseArguments(line: string): readonly Argument[] {
  return (line.match(/(?:[^\t-\r \xa0"]|"[^"]*(?:"|$))+/g) ?? []).map(parseArgument);
}

/** One token as an argument. Both `name="a b"` and `"name=a b"` are one to the kernel. */
export function parseArgument(token: string): Argument {
  const quoted = token.startsWith('"');
  const body = quoted ? token.slice(1) : token;
  // The first character is never the separator.
  const equals = body.indexOf('=', 1);
  if (equals < 0) return { token, name: quoted ? body.replace(/"$/, '') : body, value: null };
  const value = body.slice(equals + 1);
  const enclosed = value.startsWith('"');
  const inner = enclosed ? value.slice(1) : value;
  return { token, name: body.slice(0, equals), value: enclosed || quoted ? inner.replace(/"$/, '') : inner };
}

/** Whether two names are one parameter's: `-` for `_`, and the old names of dracut's (`rdblacklist`). */
export function sameName(a: string, b: string): boolean {
  return canonicalName(a) === canonicalName(b);
}

/** Whether two tokens say one thing by two names of a parameter: `rdblacklist=nouveau` and `rd.driver.blacklist=nouveau`. */
export function isRespelled(one: Argument, other: Argument): boolean {
  return one.value === other.value && sameName(one.name, other.name) && plainName(one.name) !== plainName(other.name);
}

/**
 * Those of the wished tokens that a command line does not have in effect. The last of several arguments with one name
 * wins, unless each counts, or the wish itself repeats the name (`console=`): then each of them must be there. Those that
 * are `exact` must moreover stand there literally, for whoever reads the line without the kernel's rules. What is wished by
 * its old name *and* its new one is for tools that know one of them: each counts by its own name alone.
 */
export function missingArguments(
  present: readonly string[],
  line: string,
  exact: readonly string[] = [],
): readonly string[] {
  const running = parseArguments(line);
  const wished = present.map(parseArgument);
  return wished
    .filter((wish) => {
      const byName = wished.some((other) => isRespelled(other, wish));
      const isIts = ({ name }: Argument): boolean =>
        byName ? plainName(name) === plainName(wish.name) : sameName(name, wish.name);
      const named = running.filter(isIts);
      const repeated = wished.filter(isIts).length > 1;
      const literal = !exact.includes(wish.token) || named.some((argument) => argument.token === wish.token);
      return !(literal && isInEffect(wish, named, repeated));
    })
    .map((wish) => wish.token);
}

/** Whether arguments of the name that is wished say at least that: `intel_iommu=on,sm_on` says `intel_iommu=on`. */
function isInEffect(wish: Argument, named: readonly Argument[], repeated: boolean): boolean {
  if (wish.value !== null && isWordList(wish.name)) {
    const said = named.flatMap((argument) => argument.value?.split(',') ?? []);
    return wish.value.split(',').every((word) => {
      const after = said.slice(said.lastIndexOf(word) + 1);
      return said.includes(word) && !oppositesOf(wish.name, word).some((other) => after.includes(other));
    });
  }
  const candidates = repeated || accumulates(wish.name) ? named : named.slice(-1);
  return candidates.some((argument) => argument.value === wish.value);
}

/** Whether an argument, wherever it stands, speaks against another one of its name, so that the later one wins. */
export function contradicts(argument: Argument, other: Argument): boolean {
  if (!sameName(argument.name, other.name) || argument.value === other.value) return false;
  if (!isWordList(other.name)) return !accumulates(other.name);
  const words = argument.value?.split(',') ?? [];
  return (other.value?.split(',') ?? []).some((word) =>
    oppositesOf(other.name, word).some((opposite) => words.includes(opposite)),
  );
}

/** Those of the names that a command line still has. */
export function leftoverArguments(absent: readonly string[], line: string): readonly string[] {
  const running = parseArguments(line);
  return absent.filter((name) => running.some((argument) => sameName(argument.name, name)));
}
