import { VfleetError } from '../errors.ts';
import type { Facts } from '../facts/facts.ts';
import { type Script, sh } from '../shell/script.ts';
import { parseArgument, sameName } from './arguments.ts';
import { lineOf, refuseContradiction } from './contradiction.ts';
import type { BootDriver, BootInput, BootPlan } from './driver.ts';
import { generateBeside } from './generate-beside.ts';
import { parseGrubDefault, printGrubDefault, type Statement } from './grub-default.ts';
import { editLine } from './grub-line.ts';
import { judgeGrubReadBack, readGrubBack } from './grub-read-back.ts';
import { effectiveAssignments, evaluate, type SourceToken, withValue } from './grub-sources.ts';
import { readSource, refuseSyntax, type SourceText } from './source-text.ts';
import type { ArgumentWish } from './wish.ts';

const path = '/etc/default/grub';
const variable = 'GRUB_CMDLINE_LINUX';

/**
 * Classic `grub2-mkconfig` (CentOS 7, openEuler): arguments are edited in place in `/etc/default/grub`, because the tool
 * of these families sources no `grub.d` folder; which file it generates is found by looking, never by firmware kind.
 */
export const grub2Mkconfig: BootDriver = {
  loader: 'grub2-mkconfig',
  read: (facts) => ({ files: [path], probes: { syntax: syntaxProbe(), stub: stubProbe(configPath(facts)) } }),
  plan,
  regenerate,
  readBack: (facts) => readGrubBack(configPath(facts)),
  judgeReadBack: judgeGrubReadBack,
};

function plan(wish: ArgumentWish, { host, facts, state, owned }: BootInput): BootPlan {
  const source = readSource(path, state.file(path), host);
  refuseSyntax(state.probe('syntax').stdout, host);
  if (state.probe('stub').stdout.trim() === 'stub') throw stub(configPath(facts), host);
  refuseUncertain(source, host);
  const assignments = effectiveAssignments(source.statements, variable);
  const after = lineOf(evaluate([source], `${variable}_DEFAULT`).tokens);
  const values = assignments.map((assignment) => assignment.value);
  const edit = editLine(values, wish, owned, after);
  const statements = assignments.reduce(
    (all: readonly Statement[], assignment, index) => withValue(all, assignment, edit.values[index] ?? []),
    source.statements,
  );
  const text = printGrubDefault(statements);
  const added = edit.values[assignments.length];
  const printed = added === undefined ? text : withLine(text, added.map((unit) => unit.raw).join(''));
  const line = wholeLine(printed);
  refuseContradiction(wish, line, host);
  return {
    file:
      printed === source.text ? null : { path, before: state.file(path), after: printed, encoding: source.encoding },
    ownedTokens: wish.present.filter((token) => owned.includes(token) || edit.added.includes(token)),
    added: edit.added,
    removed: edit.removed,
    notes: [...deadNotes(source), ...outvotedNotes(wish, edit.added, printed)],
    line: line.some((token) => token.opaque) ? null : lineOf(line),
  };
}

/** The text with the line that was missing. */
function withLine(text: string, value: string): string {
  return `${text}${text === '' || text.endsWith('\n') ? '' : '\n'}${variable}=${value}\n`;
}

/** The arguments of a boot entry as a text configures them. */
function wholeLine(text: string): readonly SourceToken[] {
  const source = { path, statements: parseGrubDefault(text) };
  return [variable, `${variable}_DEFAULT`].flatMap((name) => evaluate([source], name).tokens);
}

/** Code that may set the variable leaves nobody knowing which assignment counts. */
function refuseUncertain(source: SourceText, host: string): void {
  const [place] = evaluate([source], variable).uncertain;
  if (place === undefined) return;
  throw new VfleetError({
    code: 'boot.source',
    host,
    thing: place,
    expected: `a plain assignment of ${variable}`,
    found: 'code that sets it, which is not evaluated',
    next: `write one line ${variable}="…" instead; nothing was changed`,
  });
}

function deadNotes(source: SourceText): readonly string[] {
  const alive = effectiveAssignments(source.statements, variable);
  const all = source.statements
    .flatMap((statement) => (statement.kind === 'assignments' ? statement.pieces : []))
    .filter((piece) => typeof piece !== 'string' && piece.name === variable);
  return all.flatMap((piece) =>
    typeof piece === 'string' || alive.includes(piece)
      ? []
      : [`${path}:${piece.line} sets ${variable} in vain: line ${alive.at(-1)?.line} sets it anew`],
  );
}

/** Arguments of somebody else's that stay where they are, and lose. */
function outvotedNotes(wish: ArgumentWish, added: readonly string[], text: string): readonly string[] {
  const nameOf = (token: string): string => parseArgument(token).name;
  const isRepeated = (name: string): boolean =>
    wish.present.filter((token) => sameName(nameOf(token), name)).length > 1;
  const source = { path, statements: parseGrubDefault(text) };
  return evaluate([source], variable)
    .tokens.filter((token) => !token.opaque && !added.includes(token.text) && !isRepeated(nameOf(token.text)))
    .filter((token) => added.some((other) => sameName(nameOf(other), nameOf(token.text))))
    .map((token) => `${path}:${token.line} ${token.text} stays, but what is added after it wins`);
}

function configPath(facts: Facts): string {
  return facts.boot.configPath ?? '/boot/grub2/grub.cfg';
}

function syntaxProbe(): Script {
  return sh`
if [ -f ${path} ]; then m=$(sh -n ${path} 2>&1) || printf '%s: %s\n' ${path} "$m"; fi`;
}

/** A stub is a short file that loads the real one (Fedora change "UnifyGrubConfig"): it has no entries of its own. */
function stubProbe(file: string): Script {
  return sh`
if grep -q '^[[:space:]]*configfile[[:space:]]' ${file} 2>/dev/null && ! grep -q '^[[:space:]]*menuentry[[:space:]]' ${file}
then echo stub; fi`;
}

function regenerate(facts: Facts): Script {
  const file = configPath(facts);
  return sh`
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
if grep -q '^[[:space:]]*configfile[[:space:]]' ${file} 2>/dev/null && ! grep -q '^[[:space:]]*menuentry[[:space:]]' ${file}
then echo ${`${file} is a stub that loads another file; it was not overwritten`} >&2; exit 65; fi
${generateBeside('grub2-mkconfig', file)}`;
}

function stub(file: string, host: string): VfleetError {
  return new VfleetError({
    code: 'boot.stub',
    host,
    thing: file,
    expected: 'the boot entries that the firmware starts',
    found: 'a stub that loads another file, which must not be overwritten',
    next: 'report this with the output of `vfleet facts`: the boot loader was taken for another; nothing was changed',
  });
}
