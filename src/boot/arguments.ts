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

/** The arguments of a kernel command line, in order, duplicates kept. */
export function parseArguments(line: string): readonly Argument[] {
  return (line.match(/(?:[^\s"]|"[^"]*(?:"|$))+/g) ?? []).map(parseArgument);
}

/** One token as an argument. */
export function parseArgument(token: string): Argument {
  const equals = token.indexOf('=');
  if (equals <= 0) return { token, name: unquote(token), value: null };
  // Both `name="a b"` and `"name=a b"` are one argument to the kernel.
  const name = token.slice(0, equals).replace(/^"/, '');
  const rest = token.slice(equals + 1);
  return { token, name, value: token.startsWith('"') ? rest.replace(/"$/, '') : unquote(rest) };
}

/** The kernel takes `-` and `_` in a parameter's name for the same (`parameq()` in kernel/params.c). */
export function sameName(a: string, b: string): boolean {
  return a.replaceAll('-', '_') === b.replaceAll('-', '_');
}

/**
 * Those of the wished tokens that a command line does not have in effect. The last of several arguments with one name
 * wins, unless the wish itself repeats the name (`console=`): then each of them must be there.
 */
export function missingArguments(present: readonly string[], line: string): readonly string[] {
  const running = parseArguments(line);
  const wished = present.map(parseArgument);
  return wished
    .filter((wish) => {
      const named = running.filter((argument) => sameName(argument.name, wish.name));
      const repeated = wished.filter((other) => sameName(other.name, wish.name)).length > 1;
      const candidates = repeated ? named : named.slice(-1);
      return !candidates.some((argument) => satisfies(argument, wish));
    })
    .map((wish) => wish.token);
}

/** Those of the names that a command line still has. */
export function leftoverArguments(absent: readonly string[], line: string): readonly string[] {
  const running = parseArguments(line);
  return absent.filter((name) => running.some((argument) => sameName(argument.name, name)));
}

/** Whether an argument says at least what is wished: `intel_iommu=on,sm_on` says `intel_iommu=on`. */
export function satisfies(argument: Argument, wish: Argument): boolean {
  if (!sameName(argument.name, wish.name)) return false;
  if (argument.value === wish.value) return true;
  if (argument.value === null || wish.value === null || !commaLists.has(wish.name)) return false;
  const said = argument.value.split(',');
  return wish.value.split(',').every((word) => said.includes(word));
}

/** Arguments whose value the kernel parses as a comma-separated list of words (`intel_iommu_setup`, `iommu_setup`). */
const commaLists: ReadonlySet<string> = new Set(['intel_iommu', 'amd_iommu', 'iommu']);

function unquote(text: string): string {
  return text.length > 1 && text.startsWith('"') && text.endsWith('"') ? text.slice(1, -1) : text;
}
