import { distinctEntries, ownEntries } from '../boot/own-entries.ts';
import { type OwnedArguments, ownedSomewhere } from '../boot/owned.ts';
import { espList } from '../boot/print-esps.ts';
import { explainBoot } from '../boot/truth.ts';
import { isPlaceRead } from '../boot/truth-places.ts';
import type { ArgumentWish } from '../boot/wish.ts';
import { VfleetError } from '../errors.ts';
import { fact } from '../facts/custom-fact.ts';
import type { Facts } from '../facts/facts.ts';
import { entriesDigest } from '../host/breaker.ts';
import type { HostHandle } from '../host/handle.ts';
import { takenOutSince } from '../host/left-running.ts';
import { type HostRecord, parseRecord, recordPath, stateFolder } from '../host/record.ts';
import { type Playbook, playbook } from '../playbook/define.ts';
import { escapeJson } from '../report/escape.ts';
import { exitCode, exitCodes } from '../report/exit-code.ts';
import type { Summary } from '../report/summary.ts';
import { type BootExplanation, type ExplainedHost, renderBootTruth } from '../report/text/boot-truth.ts';
import { sh } from '../shell/script.ts';
import type { Environment } from './environment.ts';
import { loadFleet } from './fleet.ts';
import type { ConnectionArguments } from './options.ts';
import { hasColour, warn, write } from './output.ts';
import { run } from './run.ts';
import { UsageError } from './usage-error.ts';
import { loadWork } from './work.ts';

/** What `boot explain` parses. */
export interface ExplainArguments extends ConnectionArguments {
  readonly host: string;
  readonly playbook?: string | undefined;
}

/** Shows the three-way truth of hosts, and why the three differ; writes nothing there. Gives the exit code. */
export async function explain(args: ExplainArguments, environment: Environment): Promise<number> {
  if (args.limit !== undefined) throw new UsageError('boot explain: the hosts are named already; leave -l out');
  const given = { ...args, limit: [args.host] };
  const work = args.playbook === undefined ? null : await loadWork(args.playbook, given, environment);
  const fleet = work?.fleet ?? (await loadFleet(given, environment));
  if (work === null) for (const warning of fleet.inventory.warnings) warn(warning);
  const found = new Map<string, BootExplanation>();
  const summary = await run({
    command: 'boot explain',
    fleet,
    playbook: listening(work?.playbook ?? null, found),
    vars: work?.vars ?? new Map(),
    args: given,
    environment,
  });
  const hosts = summary.hosts.map((host): ExplainedHost => ({ ...host, explanation: found.get(host.name) ?? null }));
  const code = codeOf(summary, hosts, work !== null);
  if (args.json) write(documentOf(hosts, args.playbook ?? null, code));
  else write(renderBootTruth(hosts, { colour: hasColour(args, environment, process.stdout) }));
  return code;
}

const nothing = playbook({ name: 'boot explain' });

/** A playbook of which only the wishes are heard; without one, what earlier runs own on the host is wanted. */
function listening(named: Playbook | null, found: Map<string, BootExplanation>): Playbook {
  const heard = named ?? nothing;
  return {
    ...heard,
    facts: { ...heard.facts, [recordFact]: fact(recordProbe, parseStored) },
    gate: () => [],
    verify: () => [],
    apply: async (host) => {
      const wish: { present: string[]; absent: string[] } = { present: [], absent: [] };
      await heard.apply(heardBy(host, wish));
      const facts: Facts & { readonly [recordFact]?: Stored } = host.facts;
      const wanted = named === null ? null : { name: named.name, wish };
      found.set(host.name, explanationOf(facts, wanted, facts[recordFact] ?? { kind: 'none' }));
    },
  };
}

/** The handle, with an ear to its wishes. */
function heardBy(host: HostHandle<unknown, unknown>, wish: { present: string[]; absent: string[] }): typeof host {
  const ensure: typeof host.ensure = (...resources) => {
    for (const resource of resources) {
      const wanted = resource ? resource.wants?.(host.facts).kernelArguments : undefined;
      wish.present.push(...(wanted?.present ?? []));
      wish.absent.push(...(wanted?.absent ?? []));
    }
    return host.ensure(...resources);
  };
  const handle: typeof host = Object.create(host);
  return Object.assign(handle, { ensure });
}

function explanationOf(
  facts: Facts,
  named: { readonly name: string; readonly wish: ArgumentWish } | null,
  stored: Stored,
): BootExplanation {
  const record = stored.kind === 'record' ? stored.record : null;
  const wish = named?.wish ?? ownWish(record);
  const inVain = (record?.failedReboots ?? []).filter((failed) => failed.entries === entriesDigest(facts.boot));
  const entries = facts.boot.entries === null ? null : distinctEntries(facts.boot.entries);
  const { loader, configPath } = facts.boot;
  const view = { boot: { ...facts.boot, entries }, kernel: facts.kernel };
  return {
    facts: view,
    entriesFrom: loader === 'proxmox-boot-tool' ? `the partitions listed in ${espList}` : configPath,
    unread: (facts.boot.configured ?? []).filter((place) => !isPlaceRead(place, facts.boot)),
    leftOut: (entries ?? []).filter((entry) => ownEntries(view)?.includes(entry) === false),
    wantedBy: named === null ? ownerText(stored) : `by the playbook ${named.name}`,
    truths: explainBoot(view, wish, {
      rebooted: inVain.length > 0,
      takenOut: takenOutSince(record?.leftRunning, facts),
    }),
    notes: [
      ...(record === null || record.pending.length === 0
        ? []
        : [`an earlier run has left due: ${record.pending.map((effect) => effect.kind).join(', ')}`]),
      ...inVain.map(({ present, absent }) => {
        const goal = [...present, ...absent.map((name) => `no ${name}`)].join(' ');
        return `a reboot for ${goal} was in vain, and the boot entries are as they were then`;
      }),
    ],
  };
}

function ownWish(record: HostRecord | null): ArgumentWish {
  const owned: readonly OwnedArguments[] = Object.values(record?.ownedArguments ?? {});
  return { present: [...new Set(owned.flatMap(ownedSomewhere))], absent: [] };
}

function ownerText(stored: Stored): string {
  if (stored.kind === 'unreadable') return `not known: ${stored.why}; name a playbook`;
  const owners = stored.kind === 'none' ? [] : ownersIn(stored.record);
  if (owners.length === 0) return 'not known: vfleet owns no argument on this host; name a playbook';
  return `what vfleet has put there for ${owners.join(', ')}`;
}

function ownersIn({ ownedArguments }: HostRecord): readonly string[] {
  return Object.entries(ownedArguments).flatMap(([name, owned]) => (ownedSomewhere(owned).length > 0 ? [name] : []));
}

/** The record of earlier runs, as far as it may be read. */
type Stored =
  | { readonly kind: 'record'; readonly record: HostRecord }
  | { readonly kind: 'none' }
  | { readonly kind: 'unreadable'; readonly why: string };

const recordFact = 'vfleet: the record of earlier runs';
const locked = 'locked';

const recordProbe = sh`
if [ -r ${recordPath} ]; then cat ${recordPath}
elif [ -e ${recordPath} ] || { [ -d ${stateFolder} ] && [ ! -x ${stateFolder} ]; }; then echo ${locked}; fi`;

function parseStored(text: string): Stored {
  if (text.trim() === '') return { kind: 'none' };
  if (text.trim() === locked) return { kind: 'unreadable', why: `${recordPath} may only be read by root` };
  try {
    return { kind: 'record', record: parseRecord(text) };
  } catch (thrown) {
    if (!(thrown instanceof VfleetError)) throw thrown;
    return { kind: 'unreadable', why: thrown.message };
  }
}

/** A wish of a named playbook that is not fulfilled counts as a failed check does. */
function codeOf(summary: Summary, hosts: readonly ExplainedHost[], named: boolean): number {
  const code = exitCode(summary, 'boot explain');
  const isOpen = hosts.some(({ explanation }) => explanation !== null && !isFulfilled(explanation));
  return code === exitCodes.interrupted || !named || !isOpen ? code : exitCodes.failed;
}

function isFulfilled({ truths }: BootExplanation): boolean {
  return truths.every(({ wanted, gaps }) => wanted === null || gaps.length === 0);
}

/** The document of `--json`. A key that goes or changes its meaning is a new version, a new key is not. */
function documentOf(hosts: readonly ExplainedHost[], named: string | null, code: number): string {
  const found = hosts.map(({ name, state, failure, explanation }) => {
    if (explanation === null) return { name, state, failure, explanation };
    const { facts, truths, wantedBy, notes } = explanation;
    const { loader, loaderEvidence, configPath, configured, entries, running } = facts.boot;
    const fulfilled = isFulfilled(explanation);
    const boot = { loader, loaderEvidence, configPath, configured, entries, running };
    return {
      ...{ name, state, failure },
      explanation: { ...boot, kernel: facts.kernel, wantedBy, fulfilled, notes, arguments: truths },
    };
  });
  const document = { version: 1, command: 'boot explain', playbook: named, exitCode: code, hosts: found };
  return `${escapeJson(JSON.stringify(document, null, 2))}\n`;
}
