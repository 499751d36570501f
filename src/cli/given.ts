import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse as parseYaml } from 'yaml';
import type { HostPlan } from '../events/event.ts';
import type { Given, RunPins } from '../events/given.ts';
import { isSecretName } from '../inventory/ansible.ts';
import type { InventoryHost } from '../inventory/host.ts';
import { digestFolder, digestPlaybook, sha256 } from '../playbook/pins.ts';
import { savePlan } from '../playbook/plan.ts';
import type { Run } from './run.ts';
import { vfleetVersion } from './version.ts';

const templates = fileURLToPath(new URL('../../templates/', import.meta.url));

/** Options that say how a result is shown, or that have a place of their own. */
const elsewhere: ReadonlySet<string> = new Set([
  ...['json', 'color', 'verbose', 'yes', 'dryRun', 'inventory', 'limit', 'extraVars', 'playbook', 'out'],
  ...['expectHosts', 'prune', 'pattern', 'run', 'name', 'force'],
]);

/** What a run was asked for, without any secret. */
export async function givenOf(run: Run): Promise<Given> {
  const { args, environment, fleet } = run;
  const parts = fleet.extraVars.map(withoutSecrets);
  return {
    folder: process.cwd(),
    inventory: args.inventory ?? null,
    defaultInventory: environment.inventory,
    limit: args.limit ?? [],
    playbook: (args as { readonly playbook?: string }).playbook ?? run.name ?? null,
    words: run.words ?? [],
    extraVars: parts.flatMap(({ shown }) => shown),
    secrets: parts.flatMap(({ secrets }) => secrets),
    options: optionsOf(args),
    ...(run.task !== undefined && { task: run.task }),
    ...(run.reboot !== undefined && { reboot: run.reboot }),
    guestsAllowed: run.guestsAllowed ?? false,
    rebootAgain: run.rebootAgain ?? false,
    adopt: run.adopt ?? false,
    planned: run.expected !== undefined,
    pins: await runPinsOf(run),
  };
}

/** What a run is made of now. */
export async function runPinsOf({ path, vars, fleet }: Pick<Run, 'path' | 'vars' | 'fleet'>): Promise<RunPins> {
  return {
    vfleet: vfleetVersion,
    playbookDigest: path === undefined ? null : await digestPlaybook(path),
    templatesDigest: await digestFolder(templates),
    varsDigests: Object.fromEntries([...vars].map(([host, values]) => [host, digestVars(values)])),
    hostDigests: Object.fromEntries(fleet.hosts.map((host) => [host.name, digestHost(host)])),
  };
}

/** Paths of `-e @FILE` as they hold in any folder. */
export function absoluteExtras(extraVars: readonly string[]): readonly string[] {
  return extraVars.map((extra) => (extra.startsWith('@') ? `@${resolve(extra.slice(1))}` : extra));
}

/** Where what was shown of a run is kept, beside its journal. */
export function planPath(folder: string): string {
  return join(folder, 'plan.json');
}

/** Keeps what was shown, so that whoever goes on with the run does exactly that. Errors: `plan.unwritable`. */
export async function keepPlan(path: string, given: Given, hosts: readonly HostPlan[]): Promise<void> {
  const { inventory, defaultInventory, extraVars, adopt, playbook, pins } = given;
  await savePlan(path, {
    ...{ createdAt: new Date().toISOString(), inventory: inventory ?? defaultInventory, extraVars, adopt, hosts },
    pins: { ...pins, playbook: playbook ?? '', playbookDigest: pins.playbookDigest ?? '' },
  });
}

/** A digest of a short secret could be guessed. */
function digestVars(values: unknown): string {
  return sha256(JSON.stringify(values, (name, value) => (isSecretName(name) ? '' : value)) ?? 'null');
}

/** Passwords are no part: they may change while a run is at work, and a digest of one could be guessed. */
function digestHost({ rack, groups, ssh }: InventoryHost): string {
  const { password: _, elevatePassword: __, ...logIn } = ssh;
  return sha256(JSON.stringify({ rack, groups, ssh: logIn }));
}

function optionsOf(args: object): Readonly<Record<string, unknown>> {
  // yargs has each option by its alias and in kebab case too.
  return Object.fromEntries(
    Object.entries(args).filter(
      ([name, value]) => /^[a-z][A-Za-z]+$/.test(name) && !elsewhere.has(name) && value !== undefined,
    ),
  );
}

/** A file is only named: it is read again. A value is stored unless its name says that it is a secret. */
function withoutSecrets(extra: string): { readonly shown: readonly string[]; readonly secrets: readonly string[] } {
  if (extra.startsWith('@')) return { shown: [extra], secrets: [] };
  const secrets = /^\s*[{[]/.test(extra)
    ? secretNames(parsed(extra))
    : [extra.split('=', 1)[0] ?? ''].filter(isSecretName);
  return secrets.length === 0 ? { shown: [extra], secrets } : { shown: [], secrets: [...new Set(secrets)] };
}

/** With a secret anywhere in it, none of an argument is stored: all names that it sets must be given again. */
function secretNames(value: unknown): readonly string[] {
  if (typeof value !== 'object' || value === null) return [];
  return holdsSecret(value) ? Object.keys(value) : [];
}

function holdsSecret(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return Object.entries(value).some(([name, inner]) => isSecretName(name) || holdsSecret(inner));
}

function parsed(text: string): unknown {
  try {
    return parseYaml(text);
  } catch {
    return null;
  }
}
