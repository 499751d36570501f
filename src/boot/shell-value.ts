import { escapeDoubleQuoted } from '../template/helpers.ts';
import type { LineToken } from './edit-line.ts';
import { kernelToken } from './grub-word.ts';
import type { Quote, Unit } from './shell-word.ts';
import { type Opening, readCharacter } from './word-rules.ts';

/** The arguments of a value, split where GRUB splits what the shell gives to it. Indices are those of units. */
export function tokensOf(units: readonly Unit[]): readonly LineToken[] {
  const tokens: LineToken[] = [];
  let token: LineToken | null = null;
  let open: Opening = 'none';
  units.forEach((unit, index) => {
    const text = unit.kind === 'text' ? unit.text : '';
    const opaque = unit.kind === 'variable' || unit.kind === 'unknown';
    if (text === '' && !opaque) return;
    const read = readCharacter(open, opaque ? 'x' : text, 'grub');
    open = read.open;
    if (read.separates) {
      token = null;
      return;
    }
    if (token !== null) tokens.pop();
    const before: LineToken = token ?? { text: '', argument: '', from: index, to: index, opaque: false };
    token = { ...before, text: before.text + text, to: index, opaque: before.opaque || opaque };
    tokens.push(token);
  });
  return tokens.map((each) => ({ ...each, argument: kernelToken(each.text) }));
}

/** The units without one token and without the blank that separated it. Everything else stays as it is. */
export function removeToken(units: readonly Unit[], token: LineToken): readonly Unit[] {
  const gone = new Set<number>();
  for (let index = token.from; index <= token.to; index++) if (units[index]?.kind === 'text') gone.add(index);
  const blank = neighbour(units, token.from, -1) ?? neighbour(units, token.to, 1);
  if (blank !== null) gone.add(blank);
  return units.filter((_, index) => !gone.has(index));
}

/** The nearest character before or after, if it is a blank. */
function neighbour(units: readonly Unit[], start: number, step: 1 | -1): number | null {
  for (let index = start + step; index >= 0 && index < units.length; index += step) {
    const unit = units[index];
    if (unit?.kind === 'mark' || (unit?.kind === 'text' && unit.text === '')) continue;
    return unit?.kind === 'text' && /^\s$/.test(unit.text) ? index : null;
  }
  return null;
}

/** The units with other text in the place of a token. */
export function replaceToken(units: readonly Unit[], token: LineToken, text: string): readonly Unit[] {
  const quote = units[token.from]?.quote ?? 'none';
  return units.flatMap((unit, index) => {
    if (index < token.from || index > token.to || unit.kind !== 'text') return [unit];
    return index === token.from ? quoteText(text, quote) : [];
  });
}

/** The units with text at the end, after one blank unless they are empty. Taking it away again gives the same units. */
export function appendText(units: readonly Unit[], text: string): readonly Unit[] {
  const empty = units.every((unit) => unit.kind === 'mark' || (unit.kind === 'text' && unit.text === ''));
  const added = empty ? text : ` ${text}`;
  const last = units.at(-1);
  if (last?.kind === 'mark') return [...units.slice(0, -1), ...quoteText(added, last.quote), last];
  const bare = units.every((unit) => unit.kind === 'text' && unit.raw === unit.text && unit.raw !== '~');
  const open: Unit = { kind: 'mark', raw: '"', quote: 'double', opens: true };
  const close: Unit = { ...open, opens: false };
  // `quiet` becomes `"quiet iommu=pt"`; anything that is quoted in parts keeps them.
  if (bare)
    return [open, ...units.flatMap((unit) => quoteText(unit.raw, 'double')), ...quoteText(added, 'double'), close];
  return [...units, open, ...quoteText(added, 'double'), close];
}

/** Text as units of a quoting. */
export function quoteText(text: string, quote: Quote): readonly Unit[] {
  return [...text].map((character): Unit => ({ kind: 'text', raw: quoted(character, quote), text: character, quote }));
}

function quoted(character: string, quote: Quote): string {
  if (quote === 'double') return escapeDoubleQuoted(character);
  if (quote === 'single') return character === "'" ? "'\\''" : character;
  return /[\w.,:=/+@%-]/.test(character) ? character : `\\${character}`;
}
