import { parseArgument, parseArguments, sameName } from '../boot/arguments.ts';
import { bootDriver } from '../boot/choose-driver.ts';
import type { BootPlan, ConfiguredFile } from '../boot/driver.ts';
import { type OwnedArguments, ownedSomewhere } from '../boot/owned.ts';
import type { Facts } from '../facts/facts.ts';
import { diffOf } from '../resources/diff.ts';
import type { Effect } from '../resources/effect.ts';
import { actionOf, refuseLoss, toolDiff, toolEffect, wishedFile } from '../resources/kernel-arguments.ts';
import type { Change, FileState, State } from '../resources/resource.ts';
import type { DecidedFile } from './undo-decided.ts';

/** What an undo does about kernel arguments. */
export interface BootUndo {
  readonly change: Change | null;
  /** Names of arguments that no boot entry may show any more. */
  readonly gone: readonly string[];
  /** Tokens that are not configured any more, and that the running kernel still has. */
  readonly running: readonly string[];
}

/** What is planned with. */
export interface BootUndoInput {
  readonly host: string;
  readonly facts: Facts;
  /** What the driver had read. */
  readonly state: State;
  /** Tokens that are to go, by place. */
  readonly owned: OwnedArguments;
  /** Files with kernel arguments of which it is decided already what becomes of them. */
  readonly decided: ReadonlyMap<string, DecidedFile>;
  readonly regenerationDue: boolean;
  /** What is to be said of the files. */
  readonly notes: readonly string[];
}

const nothing = { present: [], absent: [] };

/**
 * Takes tokens out of every place where they are ours: what the driver plans for no wish at all. Pure. Errors: those of the
 * driver, and `boot.lost-arguments`.
 */
export function undoBoot(input: BootUndoInput): BootUndo {
  const { host, facts, state, owned, decided } = input;
  const driver = bootDriver(facts);
  const whole = driver.plan(nothing, { host, facts, state, owned });
  const plan = { ...whole, files: whole.files.filter((file) => !decided.has(file.path)) };
  const then = driver.plan(nothing, { host, facts, state: overlay(state, plan.files, decided), owned: {} });
  // What a tool keeps is not in files.
  const line = plan.byTool === undefined ? then.line : plan.line;
  const tokens = ownedSomewhere(owned);
  const change = changeOf(plan, toolEffect({ ...plan, line }, [...whole.removed, ...tokens], facts), tokens, input);
  if (change !== null) {
    const context = { host, facts, ownedArguments: owned, regenerationDue: input.regenerationDue };
    refuseLoss({ ...whole, line, removed: [...plan.removed, ...tokens] }, change.effects, context);
  }
  const isGone = (token: string): boolean => line === null || !line.includes(token);
  const names = line === null ? [] : tokens.map((token) => parseArgument(token).name);
  return {
    change,
    gone: [...new Set(names)].filter((name) => !(line ?? []).some((token) => isNamed(token, name))),
    running: runningOf(tokens.filter(isGone), facts),
  };
}

function changeOf(
  plan: BootPlan,
  byEffect: ReturnType<typeof toolEffect>,
  tokens: readonly string[],
  { decided, notes }: BootUndoInput,
): Change | null {
  const done = [...decided.values()].filter(({ action }) => action !== null);
  const actions = [...done.flatMap(({ action }) => (action === null ? [] : [action])), ...plan.files.map(actionOf)];
  if (actions.length === 0 && plan.byTool === undefined) return null;
  const [first] = actions;
  const place = first === undefined || first.kind === 'run' ? (plan.byTool?.tool ?? '') : first.path;
  const effect: Effect = { kind: 'boot-configuration', reason: `${place} changes`, ...nothing, ...byEffect };
  return {
    resource: 'kernel arguments',
    summary: tokens.length > 0 ? `remove ${tokens.join(' ')}` : `restore ${place}`,
    diffs: [
      ...done.map(({ diff }) => diff),
      ...plan.files.map((file) => diffOf(file.path, file.before, wishedFile(file))),
      ...(plan.byTool === undefined ? [] : [toolDiff(plan.byTool)]),
    ],
    actions,
    effects: [effect],
    notes: [...plan.notes, ...notes],
    owns: 'parts',
  };
}

function isNamed(token: string, name: string): boolean {
  return sameName(parseArgument(token).name, name);
}

function runningOf(tokens: readonly string[], { boot }: Facts): readonly string[] {
  const running = parseArguments(boot.running).map((argument) => argument.token);
  return tokens.filter((token) => running.includes(token));
}

/** What the driver would read once files are as decided. */
function overlay(state: State, files: readonly ConfiguredFile[], decided: ReadonlyMap<string, DecidedFile>): State {
  const then = new Map<string, FileState>([...decided].map(([path, { after }]) => [path, after]));
  for (const file of files) {
    const wished = wishedFile(file);
    then.set(file.path, wished === null ? { kind: 'absent' } : { kind: 'file', ...wished });
  }
  return {
    file: (path) => then.get(path) ?? state.file(path),
    matches: (glob) => state.matches(glob).filter((path) => then.get(path)?.kind !== 'absent'),
    probe: (key) => state.probe(key),
  };
}
