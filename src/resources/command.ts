import { VfleetError } from '../errors.ts';
import { type Script, sh } from '../shell/script.ts';
import type { Effect } from './effect.ts';
import type { Change, ChangeContext, Read, Resource, State } from './resource.ts';

export interface CommandOptions {
  /** Only reads; the command is not run when it exits 0. */
  readonly unless?: Script;
  /** An absolute path; the command is not run when something is there. */
  readonly creates?: string;
  /** Run it in every `apply`: for what cannot be asked about. Then no host is ever without changes. */
  readonly always?: boolean;
  /** What a run makes due. */
  readonly effects?: readonly Effect[];
}

/**
 * A script that is run unless a guard says that it need not be. Guards are evaluated with all other reads, so also in
 * `plan`. Errors (`VfleetError`): `command.invalid` at once; `command.guard` where a guard could not be run.
 *
 * @example
 * command('device ids', sh`update-pciids`, { creates: '/usr/share/misc/pci.ids' })
 */
export function command(name: string, script: Script, options: CommandOptions = {}): Resource {
  refuseArguments(name, options);
  const resource = `command ${name}`;
  return {
    kind: 'command',
    name: resource,
    read: () => readOf(options),
    change: (state, context) => change({ resource, name, script, options }, state, context),
  };
}

interface Wish {
  readonly resource: string;
  readonly name: string;
  readonly script: Script;
  readonly options: CommandOptions;
}

function readOf({ unless, creates }: CommandOptions): Read {
  return {
    probes: {
      ...(unless !== undefined && { unless }),
      ...(creates !== undefined && { creates: sh`[ -e ${creates} ] || [ -h ${creates} ]` }),
    },
  };
}

function change({ resource, name, script, options }: Wish, state: State, { host }: ChangeContext): Change | null {
  const guards = Object.keys(readOf(options).probes ?? {}).map((key) => ({ key, ...state.probe(key) }));
  // A guard that is not even found would have the command run each time.
  const broken = guards.find((guard) => guard.code > 125);
  if (broken !== undefined) {
    throw new VfleetError({
      code: 'command.guard',
      host,
      thing: `${broken.key} of ${resource}`,
      expected: 'exit code 0 (nothing to do) or 1 to 125',
      found: `exit code ${broken.code}`,
      next: 'correct the guard; nothing was changed',
    });
  }
  if (!options.always && guards.some((guard) => guard.code === 0)) return null;
  return {
    resource,
    summary: `run ${name}`,
    diffs: [],
    actions: [{ kind: 'run', label: name, script }],
    effects: options.effects ?? [],
    notes: [],
  };
}

function refuseArguments(name: string, { unless, creates, always }: CommandOptions): void {
  const invalid = (expected: string, found: string, next: string): VfleetError =>
    new VfleetError({ code: 'command.invalid', thing: `command ${name}`, expected, found, next });
  if (name.trim() === '' || /\p{Cc}/u.test(name)) throw invalid('a name of one line', JSON.stringify(name), 'name it');
  if (unless === undefined && creates === undefined && !always) {
    throw invalid('a guard', 'none, so that it would run each time', 'give unless, creates, or always: true');
  }
  if (creates !== undefined && !/^\/\P{Cc}+$/u.test(creates)) {
    throw invalid('creates to be an absolute path', JSON.stringify(creates), 'correct the path');
  }
}
