import { leftoverArguments, missingArguments } from '../boot/arguments.ts';
import { VfleetError } from '../errors.ts';
import type { Facts } from '../facts/facts.ts';

/**
 * Why a host came back without the wished arguments: which boot entry it took, and which entries lack them. It is not
 * rebooted again for the same goal.
 */
export function explainInactive(
  host: string,
  facts: Facts,
  missing: readonly string[],
  leftover: readonly string[],
): VfleetError {
  const entries = facts.boot.entries ?? [];
  const lacking = entries.filter(
    (entry) =>
      missingArguments(missing, entry.arguments).length > 0 || leftoverArguments(leftover, entry.arguments).length > 0,
  );
  const wrong = [
    missing.length > 0 ? `without ${missing.join(' ')}` : '',
    leftover.length > 0 ? `still with ${leftover.join(' ')}` : '',
  ].filter(Boolean);
  return new VfleetError({
    code: 'reboot.arguments-not-active',
    host,
    thing: `/proc/cmdline after the reboot into ${facts.kernel.running}`,
    expected: 'the wished kernel arguments',
    found: `a boot ${wrong.join(' and ')}: ${cause(
      facts,
      lacking.map((entry) => entry.title),
    )}`,
    next: 'mend that on the host, reboot it by hand, and run `vfleet apply` again: it is not rebooted twice for the same goal',
  });
}

function cause(facts: Facts, lacking: readonly string[]): string {
  const { entries, configPath } = facts.boot;
  if (entries === null) return 'the boot configuration could not be read';
  if (lacking.length > 0)
    return `in ${configPath} these boot entries lack them: ${lacking.map((title) => `"${title}"`).join(', ')}`;
  const chosen = entries.find((entry) => entry.default);
  const next = chosen === undefined ? 'no default entry is known' : `the default entry is "${chosen.title}"`;
  return `every entry in ${configPath} has them, so it was booted by another loader, another file or by hand (${next})`;
}
