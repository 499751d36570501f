import type { Facts } from '../facts/facts.ts';
import { type Script, sh } from '../shell/script.ts';
import { render } from '../template/template.ts';
import { lineOf, refuseContradiction } from './contradiction.ts';
import type { BootDriver, BootInput, BootPlan, ConfiguredFile } from './driver.ts';
import { editGrubDefault } from './edit-grub-default.ts';
import { generateBeside } from './generate-beside.ts';
import { parseGrubDefault } from './grub-default.ts';
import { judgeGrubReadBack, readGrubBack } from './grub-read-back.ts';
import { evaluate, type Source, type SourceToken, standingTokens } from './grub-sources.ts';
import { grubWord } from './grub-word.ts';
import { ownedAt } from './owned.ts';
import { decode, readSource, refuseSyntax, type SourceText } from './source-text.ts';
import { type ArgumentWish, missingInOrder, names } from './wish.ts';

const main = '/etc/default/grub';
const glob = '/etc/default/grub.d/*.cfg';
const dropIn = '/etc/default/grub.d/99-vfleet.cfg';
const variable = 'GRUB_CMDLINE_LINUX';

/**
 * `update-grub` (Debian, Ubuntu): a drop-in of our own, sourced after `/etc/default/grub` and after the drop-ins of cloud
 * images (`50-cloudimg-settings.cfg`), extends `GRUB_CMDLINE_LINUX`. Arguments that other files configure are left to them.
 */
export const updateGrub: BootDriver = {
  loader: 'update-grub',
  generates: true,
  read: () => ({ files: [main, glob, dropIn], probes: { syntax: syntaxProbe() } }),
  plan,
  standing: ({ host, state }) => {
    // A link leads to a file that is another place.
    const paths = [main, ...state.matches(glob)].filter((path) => path !== dropIn && state.file(path).kind === 'file');
    return Object.fromEntries(paths.map((path) => [path, standingTokens(readSource(path, state.file(path), host))]));
  },
  // What update-grub itself runs (`exec grub-mkconfig -o /boot/grub/grub.cfg`, update-grub(8)), to a file beside.
  regenerate: (facts, effect) => sh`
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
${generateBeside('grub-mkconfig', configPath(facts), effect)}`,
  readBack: (facts) => readGrubBack(configPath(facts)),
  judgeReadBack: judgeGrubReadBack,
};

function plan(wish: ArgumentWish, { host, state, owned }: BootInput): BootPlan {
  const paths = [main, ...state.matches(glob).filter((path) => path !== dropIn)];
  const sources = paths.map((path) => readSource(path, state.file(path), host, true));
  refuseSyntax(state.probe('syntax').stdout, host);
  const adopted = sources.map((source) => editAdopted(source, wish, owned[source.path] ?? [], host));
  const foreign: readonly Source[] = adopted.map(({ path, text }) => ({ path, statements: parseGrubDefault(text) }));
  const before = state.file(dropIn);
  if (before.kind === 'other') readSource(dropIn, before, host);
  const old = before.kind === 'file' ? decode(before.bytes).text : null;
  const had = old === null ? [] : tokensOfDropIn(old);
  const kept = had.filter((token) => !ownedAt(owned, dropIn).includes(token) || wish.present.includes(token));
  const tokens = merge(kept, wish, lineOf(wholeLine(foreign)));
  const text = tokens.length === 0 ? null : render('grub-drop-in.cfg.hbs', { words: tokens.map(grubWord) }, { host });
  const whole = wholeLine(withDropIn(foreign, text));
  refuseContradiction(wish, whole, host, overridingPlace(foreign));
  const notes = uncertainNotes(foreign);
  return {
    files: [
      ...adopted.flatMap(({ path, text: after, encoding }, index): readonly ConfiguredFile[] =>
        after === sources[index]?.text ? [] : [{ path, before: state.file(path), after, encoding }],
      ),
      ...(text === old ? [] : [{ path: dropIn, before, after: text, encoding: 'utf8' as const }]),
    ],
    ownedTokens: {
      ...Object.fromEntries(adopted.filter(({ path }) => path in owned).map(({ path, kept }) => [path, kept])),
      [dropIn]: wish.present.filter((token) => tokens.includes(token)),
    },
    added: tokens.filter((token) => !had.includes(token)),
    removed: [...adopted.flatMap(({ removed }) => removed), ...had.filter((token) => !tokens.includes(token))],
    notes,
    line: notes.length > 0 || whole.some((token) => token.opaque) ? null : lineOf(whole),
  };
}

/** A file of others of which some tokens have become the runner's (`--adopt`): those that are not wished any more go. */
function editAdopted(source: SourceText, wish: ArgumentWish, owned: readonly string[], host: string) {
  const kept = owned.filter((token) => wish.present.includes(token));
  const stale = owned.filter((token) => !kept.includes(token));
  if (stale.length === 0) return { ...source, kept, removed: [] };
  const nothing = { present: [], absent: [] };
  const { text, removed } = editGrubDefault(source, nothing, { host, owned: stale, defaults: false, dropIn: true });
  return { ...source, text, kept, removed };
}

/**
 * The drop-in's tokens: those of other playbooks as they are, then what nothing else configures. What is there already
 * keeps its place, so that playbooks that take turns do not rewrite the file each time.
 */
function merge(kept: readonly string[], wish: ArgumentWish, foreign: readonly string[]): readonly string[] {
  const others = kept.filter((token) => !names(wish, token));
  const missing = missingInOrder(wish, [...foreign, ...others]);
  const inPlace = kept.filter((token) => !names(wish, token) || missing.includes(token));
  const tokens = [...inPlace, ...missing.filter((token) => !inPlace.includes(token))];
  const inOrder = missingInOrder({ ...wish, present: missing }, tokens).length === 0;
  return inOrder ? tokens : [...others, ...missing];
}

/** The arguments of a boot entry: `GRUB_CMDLINE_LINUX`, then the default ones (`10_linux`). */
function wholeLine(sources: readonly Source[]): readonly SourceToken[] {
  return [variable, `${variable}_DEFAULT`].flatMap((name) => evaluate(sources, name).tokens);
}

/** The tokens that a drop-in of ours adds. What else somebody wrote into it is not kept: the file is ours. */
function tokensOfDropIn(text: string): readonly string[] {
  return lineOf(evaluate([{ path: dropIn, statements: parseGrubDefault(text) }], variable).tokens);
}

/** All files in the order in which `grub-mkconfig` sources them. */
function withDropIn(foreign: readonly Source[], text: string | null): readonly Source[] {
  if (text === null) return foreign;
  const own = { path: dropIn, statements: parseGrubDefault(text) };
  const [first, ...rest] = foreign;
  const after = rest.findIndex((source) => source.path > dropIn);
  const split = after === -1 ? rest.length : after;
  return [...(first ? [first] : []), ...rest.slice(0, split), own, ...rest.slice(split)];
}

/** Where a file that comes after the drop-in sets the variable anew. */
function overridingPlace(foreign: readonly Source[]): string | null {
  const later = foreign.slice(1).filter((source) => source.path > dropIn);
  for (const { path, statements } of later) {
    for (const statement of statements) {
      if (statement.kind !== 'assignments') continue;
      const found = statement.pieces.find(
        (piece) => typeof piece !== 'string' && piece.name === variable && !piece.append,
      );
      if (found !== undefined && typeof found !== 'string') return `${path}:${found.line}`;
    }
  }
  return null;
}

function uncertainNotes(foreign: readonly Source[]): readonly string[] {
  const places = [variable, `${variable}_DEFAULT`].flatMap((name) => evaluate(foreign, name).uncertain);
  return [...new Set(places)].map(
    (place) => `${place} sets kernel arguments by code, which only update-grub evaluates`,
  );
}

function configPath(facts: Facts): string {
  return facts.boot.configPath ?? '/boot/grub/grub.cfg';
}

function syntaxProbe(): Script {
  return sh`
for f in ${main} /etc/default/grub.d/*.cfg; do
  if [ -f "$f" ] && [ "$f" != ${dropIn} ]; then m=$(sh -n "$f" 2>&1) || printf '%s: %s\n' "$f" "$m"; fi
done`;
}
