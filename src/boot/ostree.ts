import { VfleetError } from '../errors.ts';
import { raw, type Script, sh } from '../shell/script.ts';
import { parseArgument, parseArguments, sameName } from './arguments.ts';
import { refuseContradiction } from './contradiction.ts';
import type { BootDriver, BootEffect, BootInput, BootPlan } from './driver.ts';
import { editLine } from './edit-line.ts';
import { problemOfLine } from './grub-read-back.ts';
import { kernelLine } from './kernel-line.ts';
import { parseLoaderEntry, sortLoaderEntries } from './loader-entry.ts';
import { ownedAt } from './owned.ts';
import type { ArgumentWish } from './wish.ts';

/** The place of all arguments: no file is edited. */
const place = 'rpm-ostree';
const tool = 'rpm-ostree kargs';

/**
 * Systems that run from an ostree deployment (Fedora CoreOS, RHEL for Edge, image mode with rpm-ostree): `rpm-ostree kargs`
 * makes a new deployment with other arguments, which the next boot starts; the one that runs stays as it is, to roll back to.
 * Systems without rpm-ostree take their arguments from the image, and are refused.
 */
export const ostree: BootDriver = {
  loader: 'ostree',
  generates: false,
  // In /run, until ostree-finalize-staged.service makes an entry of it at shutdown (ostree-admin-deploy(1), --stage).
  stages: true,
  read: () => ({ probes: { kargs: kargsProbe, staged: stagedProbe } }),
  plan,
  standing: ({ state }) => ({ [place]: tokensOf(state.probe('kargs').stdout) }),
  regenerate: (_facts, effect) => kargs(effect),
  readBack,
  judgeReadBack: judge,
};

/** The arguments of the deployment that boots next; code 127: there is no such tool. */
const kargsProbe = sh`
if command -v rpm-ostree >/dev/null 2>&1; then
  rpm-ostree kargs 2>/dev/null || { code=$?; rpm-ostree kargs 2>&1 >/dev/null; exit "$code"; }
else if command -v bootc >/dev/null 2>&1; then echo bootc; fi; exit 127; fi`;

/** A staged deployment becomes the default one when the host goes down (ostree-finalize-staged.service). */
const stagedProbe = sh`if [ -e /run/ostree/staged-deployment ]; then echo staged; fi`;

function plan(wish: ArgumentWish, { host, state, owned: all }: BootInput): BootPlan {
  const { code, stdout } = state.probe('kargs');
  if (code === 127) throw noTool(stdout.trim(), host);
  if (code !== 0) throw silent(stdout.trim(), host);
  const before = tokensOf(stdout);
  const owned = ownedAt(all, place);
  refuseVariables(wish, host);
  const edit = editLine(kernelLine('kernel', true), [before.join(' ')], wish, owned, []);
  const after = [...withoutFirst(before, edit.removed), ...edit.added];
  refuseStanding(edit.added, withoutFirst(before, edit.removed), host);
  const line = after.map((text) => ({ text, argument: text, path: tool, line: 1, opaque: text.startsWith('$') }));
  refuseContradiction(wish, line, host);
  const changes = edit.added.length + edit.removed.length > 0;
  const staged = state.probe('staged').stdout.trim() === 'staged';
  return {
    files: [],
    ownedTokens: {
      [place]: wish.present.filter((token) => owned.includes(token) || edit.added.includes(token)),
    },
    added: edit.added,
    removed: edit.removed,
    outdated: false,
    ...(changes && { byTool: { tool, before, after, add: edit.added, remove: edit.removed } }),
    notes:
      changes && staged
        ? ['a deployment is staged already (an update?): the next boot starts it, with these arguments']
        : [],
    line: after,
  };
}

/** Without the argument that names the deployment, which is the tool's own. Old versions print a heading first. */
function tokensOf(stdout: string): readonly string[] {
  return parseArguments(stdout.trim().split('\n').at(-1) ?? '')
    .filter(({ name }) => name !== 'ostree')
    .map(({ token }) => token);
}

/** As the tool takes them out: of several that are equal the first, for each (`ostree_kernel_args_delete`). */
function withoutFirst(tokens: readonly string[], removed: readonly string[]): readonly string[] {
  return removed.reduce((rest, token) => {
    const at = rest.indexOf(token);
    return at < 0 ? rest : rest.filter((_, index) => index !== at);
  }, tokens);
}

/** What an earlier run left due, and nobody wishes for any more, is not added. */
function kargs({ present, add = [], remove = [], keep = [] }: BootEffect): Script {
  const flags = [
    ...remove.filter((token) => !keep.includes(token)).map((token) => `--delete-if-present=${token}`),
    ...add.filter((token) => present.includes(token)).map((token) => `--append-if-missing=${token}`),
  ];
  const shared = remove.filter((token) => keep.includes(token));
  if (shared.length === 0) return flags.length === 0 ? raw(':') : sh`rpm-ostree kargs ${flags}`;
  const counted = shared.map((token) => removeShared(token, keep.filter((other) => other === token).length));
  return sh`
set --${flags.length === 0 ? raw('') : sh` ${flags}`}
kept=$(rpm-ostree kargs) || exit
${counted.reduce((all, one) => sh`${all}\n${one}`)}
[ $# = 0 ] || rpm-ostree kargs "$@"`;
}

/** The tool takes out the first of equal ones each time that it is run: only those beyond what is others'. */
function removeShared(token: string, others: number): Script {
  return sh`
n=$(printf '%s\\n' "$kept" | tail -n 1 | tr ' ' '\\n' | grep -cxF -e ${token})
while [ "$n" -gt ${others} ]; do set -- "$@" --delete-if-present=${token}; n=$((n - 1)); done`;
}

const entryMark = /^### entry (.*) ###\n/m;

/** The arguments of the deployment that boots next, and the entries; a staged one has none until the host goes down. */
function readBack(): Script {
  return sh`
section boot-entries
rpm-ostree kargs
printf '\n### state ###\n'
${stagedProbe}
for file in /boot/loader/entries/ostree-*.conf; do
  if [ -f "$file" ]; then printf '\n### entry %s ###\n' "$file"; cat "$file"; fi
done`;
}

function judge(text: string, wish: ArgumentWish): readonly string[] {
  const [kept = '', rest = ''] = text.split('\n### state ###\n');
  const [state = '', ...parts] = rest.split(entryMark);
  const line = tokensOf(kept);
  if (line.length === 0) return ['rpm-ostree kargs names no arguments'];
  const pending = problemOfLine(line.join(' '), wish);
  const problems = pending === null ? [] : [`the deployment that boots next ${pending}`];
  if (state.trim() === 'staged') return problems;
  const entries = parts.flatMap((path, index) =>
    index % 2 === 0 ? [parseLoaderEntry(path, parts[index + 1] ?? '')] : [],
  );
  const [entry] = sortLoaderEntries(entries, 'version');
  if (entry === undefined) return [...problems, 'there is no boot entry /boot/loader/entries/ostree-*.conf'];
  const written = problemOfLine(entry.arguments, wish);
  return written === null ? problems : [...problems, `boot entry ${entry.id} ${written}`];
}

/** GRUB puts a variable into the entry in the place of whatever follows a `$` (blscfg.c). */
function refuseVariables({ present }: ArgumentWish, host: string): void {
  const marked = present.find((token) => token.includes('$'));
  if (marked === undefined) return;
  throw new VfleetError({
    code: 'boot.source',
    host,
    thing: `${tool} ${marked}`,
    expected: 'an argument that GRUB leaves as it is',
    found: 'a $, for which GRUB puts a variable into an entry, however it is quoted',
    next: 'write it without one; nothing was changed',
  });
}

/** The tool adds nothing that stands anywhere already, so that it cannot have the last word there. */
function refuseStanding(added: readonly string[], line: readonly string[], host: string): void {
  const stuck = added.find((token) => line.includes(token));
  if (stuck === undefined) return;
  const { name } = parseArgument(stuck);
  const winner = line.findLast((token) => sameName(parseArgument(token).name, name));
  throw new VfleetError({
    code: 'boot.contradiction',
    host,
    thing: `${tool} ${stuck}`,
    expected: `${stuck} after the other arguments ${name}`,
    found: `${winner} after it, which wins`,
    next: `run \`rpm-ostree kargs --delete=${stuck}\`, then apply again, which puts it at the end; nothing was changed`,
  });
}

function noTool(other: string, host: string): VfleetError {
  return new VfleetError({
    code: 'boot.unsupported',
    host,
    thing: 'the kernel arguments of an ostree deployment',
    expected: 'rpm-ostree, which changes them on the host',
    found: other === 'bootc' ? 'bootc alone' : 'no rpm-ostree',
    next: 'put them into the image, in /usr/lib/bootc/kargs.d/*.toml as `kargs = ["iommu=pt"]`, then `bootc upgrade`; nothing was changed',
  });
}

function silent(message: string, host: string): VfleetError {
  return new VfleetError({
    code: 'boot.tool',
    host,
    thing: tool,
    expected: 'the arguments of the deployment that boots next',
    found: message === '' ? 'a failure without a message' : message.split('\n').slice(-3).join(' | '),
    next: 'look at `rpm-ostree status` on the host; nothing was changed',
  });
}
