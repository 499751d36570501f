import { parseArgument, parseArguments, sameName } from '../boot/arguments.ts';
import { knownParameters } from '../boot/known-parameters.ts';
import type { Facts } from '../facts/facts.ts';

/** What is odd about the running command line, though it decides nothing. */
export function argumentNotes(facts: Facts, wished: readonly string[]): readonly string[] {
  const running = parseArguments(facts.boot.running);
  const names = [...new Set(running.map((argument) => argument.name))];
  const misspelt = names.flatMap((name) => {
    const meant = knownParameters.find((word) => isOneErrorAway(name, word));
    return meant === undefined || knownParameters.some((word) => sameName(word, name))
      ? []
      : [`note: ${name} is no argument that the kernel knows; was ${meant} meant?`];
  });
  const contradicted = wished.flatMap((token) => {
    const wish = parseArgument(token);
    const values = running.filter((argument) => sameName(argument.name, wish.name)).map((argument) => argument.token);
    const isListed = wished.filter((other) => sameName(parseArgument(other).name, wish.name)).length > 1;
    return new Set(values).size < 2 || isListed
      ? []
      : [`note: ${values.join(' ')} contradict each other; the last one wins`];
  });
  // drivers/iommu/amd/init.c logs: AMD-Vi: Unknown option - 'on'.
  const amd = running.some((argument) => argument.token === 'amd_iommu=on')
    ? ['note: amd_iommu=on is no option: the driver is on by default, and logs "Unknown option"']
    : [];
  return [...misspelt, ...contradicted, ...amd];
}

/** One letter added, dropped or replaced, or two neighbours swapped. */
function isOneErrorAway(a: string, b: string): boolean {
  // Words of three letters are one error from too much.
  if (a === b || Math.min(a.length, b.length) < 4 || Math.abs(a.length - b.length) > 1) return false;
  let start = 0;
  while (start < a.length && a[start] === b[start]) start++;
  const [restA, restB] = [a.slice(start), b.slice(start)];
  if (restA.slice(1) === restB || restA === restB.slice(1) || restA.slice(1) === restB.slice(1)) return true;
  return restA[0] === restB[1] && restA[1] === restB[0] && restA.slice(2) === restB.slice(2);
}
