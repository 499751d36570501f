import { leftoverArguments, parseArguments } from '../boot/arguments.ts';
import { explainBoot } from '../boot/truth.ts';
import type { ArgumentTruth, BootView } from '../boot/truth-stage.ts';
import { missingInOrder } from '../boot/wish.ts';
import { VfleetError } from '../errors.ts';
import type { Goal } from './breaker.ts';

/**
 * Why a host came back without what its reboot was for, by all three: what is wanted, what every boot entry has, what
 * runs. `not again`: an earlier reboot for the same was in vain, and nothing has changed since. `lost`: what was staged for the
 * reboot is gone. `owners`: the playbooks whose goal it is.
 */
export function explainInactive(
  host: string,
  facts: BootView,
  goal: Goal,
  when: 'rebooted' | 'not again' | 'lost',
  owners: readonly string[] = [],
): VfleetError {
  const { absent } = goal;
  const line = facts.boot.running;
  const missing = missingInOrder(
    goal,
    parseArguments(line).map(({ token }) => token),
  );
  const leftover = leftoverArguments(absent, line);
  const wrong = [
    missing.length > 0 ? `without ${missing.join(' ')}` : '',
    leftover.length > 0 ? `still with ${leftover.join(' ')}` : '',
  ].filter(Boolean);
  const truths = explainBoot(facts, goal, { rebooted: true });
  const why = causes(truths.filter(({ wanted, gaps }) => wanted !== null && gaps.length > 0));
  return new VfleetError({
    code: 'reboot.arguments-not-active',
    host,
    thing:
      when === 'not again'
        ? `/proc/cmdline of ${facts.kernel.running}, as it was after the last reboot for the same`
        : `/proc/cmdline after the reboot into ${facts.kernel.running}`,
    expected: 'the wished kernel arguments',
    found: `a boot ${wrong.join(' and ')}: ${why}`,
    next:
      when === 'lost'
        ? 'what was staged for it is gone, as when power is lost before the shutdown makes it final: run `vfleet apply` again, which stages it once more, with one more reboot'
        : `mend that on the host (all of it: \`vfleet boot explain ${host}\`), and run \`vfleet apply\` again: it is not rebooted twice for the same goal while the boot entries are the same; --reboot-again does it all the same${freedBy(owners)}`,
  });
}

/** Who has asked for it may also let go of it. */
function freedBy(owners: readonly string[]): string {
  if (owners.length === 0) return '';
  return `. It is the goal of ${owners.map((owner) => `"${owner}"`).join(' and ')}: to undo that playbook frees the host, too`;
}

/** Each cause once, with the arguments that it is about. */
function causes(truths: readonly ArgumentTruth[]): string {
  const about = new Map<string, string[]>();
  for (const { name, wanted, gaps } of truths) {
    const label = wanted === 'absent' || wanted === null ? name : wanted.join(' ');
    for (const { found } of gaps) about.set(found, [...(about.get(found) ?? []), label]);
  }
  return [...about].map(([found, labels]) => `${labels.join(' ')}: ${found}`).join('; ');
}
