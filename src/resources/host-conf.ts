import { decode } from '../boot/source-text.ts';
import { agentConfPath } from '../devices/agent-conf.ts';
import { requireAgentNics } from '../devices/agent-nics.ts';
import { VfleetError } from '../errors.ts';
import { diffOf } from './diff.ts';
import type { Effect } from './effect.ts';
import { hasLine, splitLines } from './lines.ts';
import type { Change, ChangeContext, FileState, Resource, State } from './resource.ts';
import { sharedLines } from './shared-lines.ts';
import { type FormerValue, setYamlKeys, type YamlValue } from './yaml-keys.ts';

const path = agentConfPath;

export interface HostConfOptions {
  /** What a change makes due. Default: nothing, as the agent runs in a container of the cluster's. */
  readonly effects?: readonly Effect[];
}

/**
 * Keys of the Cloudpods host agent's configuration, edited in place: whatever else stands there stays. It takes effect when
 * the agent starts anew. What another playbook has set to the same is owned together with it, and stays until both are undone. Errors (`VfleetError`): `host-conf.invalid` at once; `device.host-conf` where there is no such file, or
 * it cannot be edited; `device.sriov` for NICs that the agent could make no virtual functions of.
 *
 * @example
 * hostConf({ disable_usb: false, sriov_nics: ['eth1'] })
 */
export function hostConf(
  values: Readonly<Record<string, YamlValue>>,
  { effects = [] }: HostConfOptions = {},
): Resource {
  const wrong = Object.entries(values).find(([key, value]) => !/^\w+$/.test(key) || !isPrintable(value));
  if (wrong !== undefined) {
    const found = JSON.stringify(wrong);
    throw new VfleetError({
      code: 'host-conf.invalid',
      thing: path,
      expected: 'a key and one line',
      found,
      next: 'correct the playbook',
    });
  }
  return {
    kind: 'host.conf',
    name: `keys of ${path}`,
    read: () => ({ files: [path] }),
    change: (state, context) => change(values, effects, state, context),
  };
}

function change(
  values: Readonly<Record<string, YamlValue>>,
  effects: readonly Effect[],
  state: State,
  context: ChangeContext,
): Change | null {
  const { host, facts, ownedLines = {} } = context;
  requireAgentNics(facts, nicsIn(values), host);
  const before = state.file(path);
  if (before.kind !== 'file') throw noHostConf(before, host);
  const { text, encoding } = decode(before.bytes);
  const edit = setYamlKeys(text, values);
  if ('problem' in edit) {
    throw refusal(host, 'YAML that can be edited in place', edit.problem, 'mend the file');
  }
  const written = edit.text !== text;
  const shared = sharedLines(path, { old: text, text: edit.text }, (line) => edit.lines.includes(line), context);
  if (!written && shared.summary === null) return null;
  const { mode, owner } = before;
  const lines = splitLines(edit.text).map((line) => line.replace(/\r?\n$/, ''));
  const added = lines.filter((line) => !hasLine(text, line));
  const former = edit.former.map(({ line, text }) => [line, text] as const);
  const kept = (ownedLines[path] ?? []).filter((line) => lines.includes(line));
  const summary = [
    ...(written ? [`set ${edit.changed.join(', ')} in ${path}`] : []),
    ...(shared.summary === null ? [] : [shared.summary]),
  ];
  return {
    resource: `keys of ${path}`,
    summary: summary.join(', '),
    diffs: written ? [diffOf(path, before, { bytes: Buffer.from(edit.text, encoding), mode, owner })] : [],
    actions: written
      ? [{ kind: 'write', path, text: edit.text, mode, owner, ...(encoding === 'latin1' && { encoding }) }]
      : [],
    effects: written ? effects : [],
    notes: written ? notesOf(edit.former, context) : [],
    owns: 'parts',
    ownedLines: { [path]: [...new Set([...kept, ...shared.lines, ...added])] },
    ...(former.length > 0 && { formerLines: { [path]: Object.fromEntries(former) } }),
    ...(shared.summary !== null && { shares: shared.files }),
  };
}

function notesOf(former: readonly FormerValue[], { shared }: ChangeContext): readonly string[] {
  return [
    ...former.flatMap(commentsNote),
    ...former.flatMap(({ key, text }) => {
      const theirs = Object.entries(shared?.lines ?? {}).filter(([, byPath]) => byPath[path]?.includes(text));
      const names = theirs.map(([name]) => name).join(', ');
      return theirs.length === 0 ? [] : [`${key} was set by ${names}, which sets it back when it is applied again`];
    }),
    'it takes effect when the host agent starts anew: kubectl -n onecloud rollout restart daemonset default-host',
  ];
}

function commentsNote({ key, comments }: FormerValue): readonly string[] {
  if (comments.length === 0) return [];
  return [`comments in the former value of ${key} go with it, until an undo puts it back: ${comments.join(' ')}`];
}

/** Names of NICs that the agent is told of. */
function nicsIn(values: Readonly<Record<string, YamlValue>>): readonly string[] {
  return ['sriov_nics', 'ovs_offload_nics'].flatMap((key) => values[key] ?? []).map(String);
}

function isPrintable(value: YamlValue): boolean {
  return [value].flat().every((one) => typeof one !== 'string' || !/\p{Cc}/u.test(one));
}

/** The error of a host that is no node of Cloudpods. */
export function noHostConf(before: FileState, host: string): VfleetError {
  const found = before.kind === 'other' ? before.type : 'nothing';
  return refusal(host, "the Cloudpods host agent's configuration", found, 'say consumer: plain for a host without it');
}

function refusal(host: string, expected: string, found: string, next: string): VfleetError {
  const code = 'device.host-conf';
  return new VfleetError({ code, host, thing: path, expected, found, next: `${next}; nothing was changed` });
}
