import { leftoverArguments, parseArguments } from '../boot/arguments.ts';
import { bootDriver } from '../boot/choose-driver.ts';
import { refuseDamaged } from '../boot/damaged.ts';
import type { BootEffect, BootPlan, ConfiguredFile, ToolEdit } from '../boot/driver.ts';
import { isOutdated } from '../boot/grub-read-back.ts';
import { lostArguments } from '../boot/lost-arguments.ts';
import { joinOwned, type OwnedArguments } from '../boot/owned.ts';
import { type ArgumentWish, missingInOrder } from '../boot/wish.ts';
import { VfleetError } from '../errors.ts';
import type { Facts } from '../facts/facts.ts';
import { adoptedTokens } from './adopted-tokens.ts';
import type { ArgumentValue } from './argument-value.ts';
import { parseArgumentWish } from './argument-wish.ts';
import { diffOf } from './diff.ts';
import type { Effect } from './effect.ts';
import type { Action, Adopted, Change, ChangeContext, Resource, State } from './resource.ts';
import { sharedTokens } from './shared-tokens.ts';

/**
 * Kernel arguments, configured where the boot loader keeps them, in every generated boot entry, and in the kernel that
 * runs. Arguments that are not named are left alone. Errors (`VfleetError`): `arguments.invalid`, at once;
 * `boot.unsupported`, `boot.source`, `boot.contradiction` on a host.
 *
 * @example
 * kernelArguments({ iommu: 'pt', quiet: true, console: ['tty0', 'ttyS0,115200'], nomodeset: absent() })
 */
export function kernelArguments(values: Readonly<Record<string, ArgumentValue>>): Resource {
  const wish = parseArgumentWish(values);
  return {
    kind: 'kernel arguments',
    name: 'kernel arguments',
    read: (facts) => bootDriver(facts).read(facts),
    change: (state, context) => change(wish, state, context),
    wants: () => ({ kernelArguments: wish }),
  };
}

function change(wish: ArgumentWish, state: State, context: ChangeContext): Change | null {
  const { host, facts, ownedArguments } = context;
  const driver = bootDriver(facts);
  const standing = driver.standing?.({ host, facts, state, owned: ownedArguments });
  const taken = adoptedTokens(wish, standing, context.adopt);
  const owned = joinOwned(ownedArguments, taken);
  const plan = driver.plan(wish, { host, facts, state, owned });
  const effects = effectsOf(wish, plan, context);
  const places = Object.keys(taken);
  const shared = sharedTokens(wish, joinOwned(standing ?? {}, keptTokens(plan)), context.shared);
  const written = plan.files.length + effects.length > 0;
  if (!written && places.length === 0 && shared.summary === null) return null;
  refuseLoss(plan, effects, context);
  refuseDamaged(effects, context);
  return {
    resource: 'kernel arguments',
    summary: [
      ...(written ? [summaryOf(plan, effects)] : []),
      ...Object.entries(taken).map(([place, tokens]) => `take over ${tokens.join(' ')} in ${place}`),
      ...(shared.summary === null ? [] : [shared.summary]),
    ].join(', '),
    diffs: [
      ...plan.files.map((file) => diffOf(file.path, file.before, wishedFile(file))),
      ...(plan.byTool === undefined ? [] : [toolDiff(plan.byTool)]),
    ],
    actions: plan.files.map(actionOf),
    effects,
    notes: plan.notes,
    owns: 'parts',
    ownedArguments: joinOwned(plan.ownedTokens, shared.tokens),
    ...(shared.summary !== null && { shares: shared.files }),
    ...(places.length > 0 && { adopts: places.map(adoptedPlace) }),
  };
}

/** Those that the driver takes for the playbook's, and that stood there before. */
function keptTokens({ ownedTokens, added }: BootPlan): OwnedArguments {
  return Object.fromEntries(
    Object.entries(ownedTokens).map(([place, own]) => [place, own.filter((token) => !added.includes(token))]),
  );
}

/** Whatever it was before, it had these tokens, which are to go when it is undone. */
function adoptedPlace(path: string): Adopted {
  return { path, owns: 'parts', original: 'unknown', effects: [] };
}

function effectsOf(wish: ArgumentWish, plan: BootPlan, { facts }: ChangeContext): readonly Effect[] {
  const { running, entries } = facts.boot;
  const tokens = parseArguments(running).map((argument) => argument.token);
  const missing = missingInOrder(wish, tokens);
  const leftover = leftoverArguments(wish.absent, running);
  const lacks = [...missing.map((token) => `lacks ${token}`), ...leftover.map((name) => `has ${name}`)];
  const [first] = plan.files;
  const regenerate = first !== undefined || plan.byTool !== undefined || (plan.outdated ?? isOutdated(entries, wish));
  const { present, absent, exact = [] } = wish;
  const asked = { present, absent, ...(exact.length > 0 && { exact }) };
  return [
    ...(regenerate
      ? [
          {
            kind: 'boot-configuration' as const,
            reason: reasonOf(plan),
            ...asked,
            ...toolEffect(plan, plan.removed, facts),
          },
        ]
      : []),
    ...(lacks.length > 0
      ? [{ kind: 'reboot' as const, reason: `the running kernel ${lacks.join(', ')}`, ...asked }]
      : []),
  ];
}

/** What a boot configuration's effect says of tokens, `removed` from what is configured. */
export function toolEffect(
  { byTool, line }: Pick<BootPlan, 'byTool' | 'line'>,
  removed: readonly string[],
  facts: Facts,
): Pick<BootEffect, 'remove' | 'keep' | 'add' | 'guarded'> {
  const generates = bootDriver(facts).generates;
  const remove = byTool?.remove ?? (generates ? removed : []);
  const keep = byTool?.after.filter((token) => remove.includes(token)) ?? [];
  const add = byTool?.add ?? [];
  return {
    ...(remove.length > 0 && { remove }),
    ...(keep.length > 0 && { keep }),
    ...(add.length > 0 && { add }),
    ...(generates && line === null && { guarded: true }),
  };
}

/**
 * Arguments that only the generated entries have would be dropped by generating them anew; `net.ifnames=0` among them
 * renames the network interfaces, and the host is lost. Where code configures some, that shows only once they are generated
 * (`guarded`). Errors: `boot.lost-arguments`.
 */
export function refuseLoss(
  plan: Pick<BootPlan, 'line' | 'lineIn' | 'removed'>,
  effects: readonly Effect[],
  { host, facts, regenerationDue }: ChangeContext,
): void {
  // What an earlier run took out of the file is still in the entries until its regeneration.
  if (!bootDriver(facts).generates || regenerationDue || plan.line === null) return;
  if (!effects.some((effect) => effect.kind === 'boot-configuration')) return;
  const { line, lineIn, removed } = plan;
  const lost = lostArguments(facts.boot.entries, [...line, ...removed], lineIn !== undefined);
  if (lost.length === 0) return;
  throw new VfleetError({
    code: 'boot.lost-arguments',
    host,
    thing: `the boot entries ${facts.boot.configPath === null ? `of ${facts.boot.loader}` : `in ${facts.boot.configPath}`}`,
    expected: 'arguments that a file configures',
    found: `${lost.join(' ')}, which no file configures and generating anew would drop`,
    next: `add them to ${lineIn ?? 'GRUB_CMDLINE_LINUX in /etc/default/grub'}, or take them out of the boot entries; nothing was changed`,
  });
}

function reasonOf({ files: [first], byTool }: BootPlan): string {
  if (first !== undefined) return `${first.path} changes`;
  return byTool === undefined ? 'the boot entries are not as configured' : `${byTool.tool} changes`;
}

/** A tool's change as a diff: one argument on a line, as a diff of one long line would show nothing. */
export function toolDiff({ tool, before, after }: ToolEdit): string {
  const bytes = (tokens: readonly string[]): Buffer => Buffer.from(tokens.map((token) => `${token}\n`).join(''));
  const attributes = { mode: '', owner: '' };
  return diffOf(tool, { kind: 'file', bytes: bytes(before), ...attributes }, { bytes: bytes(after), ...attributes });
}

function summaryOf(plan: BootPlan, effects: readonly Effect[]): string {
  const { added, removed } = plan;
  const words = [
    ...(added.length > 0 ? [`add ${added.join(' ')}`] : []),
    ...(removed.length > 0 ? [`remove ${removed.join(' ')}`] : []),
  ];
  if (words.length > 0) return words.join(', ');
  if (plan.files.length > 0) return `write ${plan.files.map((file) => file.path).join(', ')} anew`;
  return effects.map((effect) => effect.reason).join('; ');
}

/** A file of a boot plan as it will be; `null`: removed. */
export function wishedFile(file: ConfiguredFile): { bytes: Buffer; mode: string; owner: string } | null {
  const { mode, owner } = attributesOf(file);
  return file.after === null ? null : { bytes: Buffer.from(file.after, file.encoding), mode, owner };
}

/** What is done about a file of a boot plan. */
export function actionOf(file: ConfiguredFile): Action {
  const { path, after, encoding } = file;
  if (after === null) return { kind: 'remove', path };
  return { kind: 'write', path, text: after, ...attributesOf(file), ...(encoding === 'latin1' && { encoding }) };
}

/** A file that exists keeps its mode and owner. */
function attributesOf({ before }: ConfiguredFile): { readonly mode: string; readonly owner: string } {
  return before.kind === 'file' ? { mode: before.mode, owner: before.owner } : { mode: '0644', owner: 'root:root' };
}
