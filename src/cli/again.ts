import type { Command } from '../events/event.ts';
import { isSecretName } from '../inventory/ansible.ts';
import type { SummaryOptions } from '../report/text/summary.ts';
import { quote } from '../shell/quote.ts';
import type { RolloutArguments } from './rollout.ts';

/** What a command was given, as far as it is shown again. */
export type Given = RolloutArguments & {
  readonly playbook?: string | undefined;
  readonly adopt?: boolean | undefined;
  readonly checkFirst?: boolean | undefined;
  readonly rebootDeadline?: number | undefined;
  readonly rebootWithGuests?: boolean | undefined;
  readonly rebootAgain?: boolean | undefined;
  /** Words of this command alone. */
  readonly words?: readonly string[];
};

/** Defaults of options that are always there. */
const defaults = { connectTimeout: 20, rebootDeadline: 15 };

/** What was given, as it can be pasted again. */
export function again(args: Given, adopt = false): Pick<SummaryOptions, 'given' | 'limit' | 'flags'> {
  const { parallel, connectTimeout } = args;
  const words = [
    ...(adopt ? ['--adopt'] : []),
    ...(args.playbook === undefined ? [] : [quoted(args.playbook)]),
    ...(args.words ?? []).map(quoted),
    ...(args.inventory === undefined ? [] : [`-i ${quoted(args.inventory)}`]),
    ...(args.extraVars ?? []).map((extra) => `-e ${extraAgain(extra)}`),
    ...(args.knownHosts ?? []).map((file) => `--known-hosts ${quoted(file)}`),
    ...(args.hostKeys === 'strict' ? [] : [`--host-keys ${args.hostKeys}`]),
    ...(parallel === undefined ? [] : [`-p ${parallel}`]),
    ...(connectTimeout === defaults.connectTimeout ? [] : [`--connect-timeout ${connectTimeout}`]),
  ];
  return {
    given: words.join(' '),
    limit: (args.limit ?? []).map((limit) => `-l ${quoted(limit)}`).join(' '),
    flags: (next, narrowed) => flagsOf(args, next, narrowed).join(' '),
  };
}

/** Options that only some commands take. */
function flagsOf(args: Given, next: Command, narrowed: boolean): readonly string[] {
  if (next !== 'apply' && next !== 'plan') return [];
  return [...policyAgain(args, narrowed), ...(next === 'apply' ? applyAgain(args) : [])];
}

/** `narrowed`: only some of the hosts are chosen, and a canary that is not among them would be refused. */
function policyAgain(args: Given, narrowed: boolean): readonly string[] {
  const { canary, batches, window } = args;
  const canaries = narrowed ? [] : (canary ?? []);
  return [
    ...(canary?.length === 0 ? ['--no-canary'] : canaries.map((pattern) => `--canary ${quoted(pattern)}`)),
    ...option('batches', batches?.join(',')),
    ...option('per-rack', args.perRack),
    ...option('max-failures', args.maxFailures),
    ...option('max-canary-failures', args.maxCanaryFailures),
    ...option('soak', time(args.soak)),
    ...option('pause', time(args.pause)),
    ...(window ?? []).map((one) => `--window ${quoted(one)}`),
    ...option('max-connecting', args.maxConnecting),
    ...option('max-applying', args.maxApplying),
    ...option('max-rebooting', args.maxRebooting),
  ];
}

function applyAgain({ checkFirst, rebootDeadline, rebootWithGuests, rebootAgain }: Given): readonly string[] {
  return [
    ...(checkFirst === true ? ['--check-first'] : []),
    ...option('reboot-deadline', rebootDeadline === defaults.rebootDeadline ? undefined : rebootDeadline),
    ...(rebootWithGuests === true ? ['--reboot-with-guests'] : []),
    ...(rebootAgain === true ? ['--reboot-again'] : []),
  ];
}

function option(name: string, value: string | number | undefined): readonly string[] {
  return value === undefined ? [] : [`--${name} ${value}`];
}

/** Milliseconds as an option takes them. */
function time(milliseconds: number | undefined): string | undefined {
  if (milliseconds === undefined) return undefined;
  const units: readonly (readonly [number, string])[] = [
    [3_600_000, 'h'],
    [60_000, 'm'],
    [1_000, 's'],
    [1, 'ms'],
  ];
  const [size, unit] = units.find(([size]) => milliseconds > 0 && milliseconds % size === 0) ?? [1, 'ms'];
  return `${milliseconds / size}${unit}`;
}

/** A secret stands nowhere but where the user wrote it. */
function extraAgain(extra: string): string {
  if (extra.startsWith('@')) return quoted(extra);
  const [name = ''] = extra.split('=', 1);
  if (/^\s*\{/.test(extra)) return '…';
  return isSecretName(name) ? `${name}=…` : quoted(extra);
}

/** A word as a shell reads it. */
export function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : quote(word);
}
