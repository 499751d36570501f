import { VfleetError } from '../errors.ts';
import type { Facts } from '../facts/facts.ts';
import type { Effect } from '../resources/effect.ts';
import { parseArgument, parseArguments } from './arguments.ts';
import { configuredTokens } from './configured-tokens.ts';

/**
 * The argument that a token must have been before the Cloudpods installer damaged it; `null`: nothing says that it did.
 * Its merge (`_fill_old_kernel_params` in ocboot's `gpu_setup.sh`) takes all before the last `=` for the name and all after
 * the first for the value, so that each of its runs doubles what stands between: `resume=UUID=X`, `resume=UUID=UUID=X`.
 */
export function undamaged(token: string): string | null {
  const parts = token.split('=');
  const between = parts.slice(1, -1);
  const period = between.findIndex((_, index) => isRepeated(between, index + 1)) + 1;
  if (period === 0 || period === between.length) return null;
  return [parts[0], ...between.slice(0, period), parts.at(-1)].join('=');
}

/** Somebody may have mended some of it, so that it stands there three times. */
function isRepeated(words: readonly string[], period: number): boolean {
  if (words.length % period !== 0) return false;
  return words.every((word, index) => word !== '' && word === words[index % period]);
}

/** Arguments without which the initramfs does not find the root file system (dracut.cmdline(7), initramfs-tools(7)). */
const needed = /^(?:root|rootflags|cryptdevice|rd[._](?:luks|lvm|md|dm)[._].*|rd_(?:LUKS|LVM|MD|DM)_.*)$/;

/** Whether a host may not come up again when an argument of this name is wrong. */
export function isNeededToBoot(name: string): boolean {
  return needed.test(name);
}

/**
 * Refuses to have a host boot with a damaged argument that it needs, and that its running kernel did not boot with: then
 * nothing shows that it comes up again. Errors: `boot.damaged`.
 */
export function refuseDamaged(
  effects: readonly Effect[],
  { host, facts }: { readonly host: string; readonly facts: Facts },
): void {
  if (!effects.some(({ kind }) => kind === 'boot-configuration' || kind === 'reboot')) return;
  const running = new Set(parseArguments(facts.boot.running).map(({ token }) => token));
  for (const { path, tokens } of configuredTokens(facts.boot)) {
    for (const token of tokens) {
      const right = undamaged(token);
      if (right === null || running.has(token) || !isNeededToBoot(parseArgument(token).name)) continue;
      throw new VfleetError({
        code: 'boot.damaged',
        host,
        thing: `${path} ${token}`,
        expected: right,
        found: 'a damaged argument that the host needs to boot, and that the running kernel was not started with',
        next: `write ${right} in its place; nothing was changed`,
      });
    }
  }
}
