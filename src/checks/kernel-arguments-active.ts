import { leftoverArguments, missingArguments, parseArguments } from '../boot/arguments.ts';
import { ownEntries } from '../boot/own-entries.ts';
import type { BootEntry, Facts } from '../facts/facts.ts';
import { sh } from '../shell/script.ts';
import { argumentNotes } from './argument-notes.ts';
import type { Check } from './check.ts';
import { argumentsRemedy, rightsRemedy } from './remedy.ts';
import { check, type Judgement } from './verdict.ts';

interface Wish {
  readonly present: readonly string[];
  readonly absent: readonly string[];
  readonly exact?: readonly string[] | undefined;
}

/**
 * Whether kernel arguments run now *and* will after the next boot: active; configured, reboot due; or active but not
 * configured. Without `tokens` those are judged that the playbook's `kernelArguments` asks for. The last of several
 * arguments with one name wins.
 */
export function kernelArgumentsActive(tokens?: readonly string[]): Check {
  return check(
    {
      id: 'kernel-arguments-active',
      title: 'Are the kernel arguments in effect?',
      evidence: () => sh`
echo '$ cat /proc/cmdline'
cat /proc/cmdline
`,
    },
    ({ facts, wants }) => {
      const wish = tokens === undefined ? wants.kernelArguments : { present: tokens, absent: [] };
      if (wish === undefined || wish.present.length + wish.absent.length === 0) {
        return { outcome: 'not-applicable', found: 'The playbook asks for no kernel arguments.' };
      }
      const judged = judgeArguments(facts, wish);
      return { ...judged, evidence: [...(judged.evidence ?? []), ...argumentNotes(facts, wish.present)] };
    },
  );
}

function judgeArguments(facts: Facts, wish: Wish): Judgement {
  const running = shortfall(wish, facts.boot.running);
  const entries = ownEntries(facts);
  const lacking = (entries ?? []).map((entry) => ({ entry, short: shortfall(wish, entry.arguments) }));
  const certain = lacking.filter(({ entry, short }) => short !== null && !isOpen(entry));
  const evidence = [
    `running: ${running ?? 'as wished'}`,
    ...(entries === null ? ['boot configuration: not readable'] : lacking.map(entryLine)),
  ];
  const remedy = argumentsRemedy(facts, [...wish.present, ...wish.absent.map((name) => `no ${name}`)]);
  if (running === null && entries !== null && entries.length > 0 && lacking.every(({ short }) => short === null)) {
    return { outcome: 'pass', found: `All run, and ${entriesOf(entries)} too.`, evidence };
  }
  if (certain.length > 0) return { outcome: 'fail', found: describeLoss(running, certain), evidence, remedy };
  if (running === null) return unsureOfNext(facts, entries, evidence);
  const isDue = entries !== null && entries.length > 0 && lacking.every(({ short }) => short === null);
  if (isDue) {
    const found = `Configured (${entriesOf(entries)}), but not running: ${running}. A reboot is due.`;
    return { outcome: 'fail', found, evidence, remedy: 'reboot the host' };
  }
  return { outcome: 'fail', found: `Not running: ${running}.`, evidence, remedy };
}

function entriesOf(entries: readonly BootEntry[]): string {
  return entries.length === 1 ? 'the one boot entry has them' : `all ${entries.length} boot entries have them`;
}

function describeLoss(running: string | null, certain: readonly { readonly entry: BootEntry }[]): string {
  const titles = certain.map(({ entry }) => `"${entry.title}"`).join(', ');
  if (running !== null) return `Not running: ${running}; and not configured in boot entry ${titles}.`;
  const when = certain.some(({ entry }) => entry.default) ? 'lost at the next boot' : 'lost when another entry boots';
  return `Running, but ${when}: boot entry ${titles} lacks them.`;
}

function unsureOfNext(facts: Facts, entries: readonly BootEntry[] | null, evidence: readonly string[]): Judgement {
  const why =
    entries === null
      ? 'the boot configuration could not be read'
      : entries.length === 0
        ? 'the boot configuration has no entry of an installed kernel'
        : 'a boot entry takes its arguments from a variable';
  const found = `All run now; whether the next boot has them is not known: ${why}.`;
  return { outcome: 'unknown', found, evidence, remedy: rightsRemedy(facts) };
}

/** What a line falls short of, for people; `null`: nothing. */
function shortfall(wish: Wish, line: string): string | null {
  const missing = missingArguments(wish.present, line, wish.exact);
  const leftover = leftoverArguments(wish.absent, line);
  const parts = [
    missing.length > 0 && `${missing.join(' ')} is missing${overruled(missing, line)}`,
    leftover.length > 0 && `${leftover.join(' ')} is still there`,
  ].filter((part) => part !== false);
  return parts.length === 0 ? null : parts.join(', ');
}

/** A wished argument that is there, and that a later one with the same name overrules. */
function overruled(missing: readonly string[], line: string): string {
  const tokens = parseArguments(line).map((argument) => argument.token);
  const lost = missing.filter((token) => tokens.includes(token));
  return lost.length === 0 ? '' : ` (a later argument overrules ${lost.join(' ')})`;
}

/** Arguments may come from a variable that was not resolved. Ubuntu's `$vt_handoff` holds one argument of its own. */
function isOpen(entry: BootEntry): boolean {
  return /\$\{?(?!vt_handoff)[A-Za-z_]/.test(entry.arguments);
}

function entryLine({ entry, short }: { readonly entry: BootEntry; readonly short: string | null }): string {
  return `boot entry${entry.default ? ' (default)' : ''} "${entry.title}": ${short ?? 'as wished'}`;
}
