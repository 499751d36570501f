import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { VfleetError } from '../errors.ts';
import { mask } from '../shell/secret.ts';
import { runProgram } from './controller.ts';
import { durationSchema } from './duration.ts';
import type { Power } from './hook.ts';

/** A secret is never written into an inventory's command: it comes from the controller's environment, or from a file. */
const valueSchema = z.union([
  z.strictObject({ environment: z.string().regex(/^\w+$/) }),
  z.strictObject({ file: z.string().min(1) }),
]);

const powerSchema = z.strictObject({
  command: z.array(z.string().min(1)).min(1),
  environment: z.record(z.string().regex(/^[A-Za-z_]\w*$/), valueSchema).default({}),
  timeout: durationSchema.default(60_000),
});

/** Who a power command is for. */
interface PowerHost {
  readonly name: string;
  readonly vars: Readonly<Record<string, unknown>>;
}

/**
 * Reads the power command of a host: the inventory variable `power`, with `{{variables}}` of that host filled in, each as part
 * of one argument. `undefined`: none is configured. Without `secrets` nobody needs to have them. Errors: `power.definition`.
 */
export async function readPower(
  { name, vars }: PowerHost,
  { secrets = true }: { readonly secrets?: boolean } = {},
): Promise<Power | undefined> {
  if (vars['power'] === undefined || vars['power'] === null) return undefined;
  const read = powerSchema.safeParse(vars['power']);
  if (!read.success) {
    const [issue] = read.error.issues;
    const expected = "a map: { command: ['ipmitool', '-H', '{{bmc}}', '-f', '/etc/bmc-password', 'power', 'cycle'] }";
    throw mistake(name, ['power', ...(issue?.path ?? [])].map(String).join('.'), expected, issue?.message ?? 'no map');
  }
  const { command, environment, timeout } = read.data;
  refuseSecrets(name, command);
  const values = await Promise.all(
    (secrets ? Object.entries(environment) : []).map(
      async ([key, from]) => [key, await valueOf(name, key, from)] as const,
    ),
  );
  return { command: command.map((word) => fill(name, word, vars)), environment: Object.fromEntries(values), timeout };
}

/** Runs it once. Errors: `power.failed`. */
export async function cyclePower(power: Power, host: string, signal: AbortSignal): Promise<void> {
  const [program = '', ...args] = power.command;
  const { environment } = power;
  const limit = AbortSignal.any([signal, AbortSignal.timeout(power.timeout)]);
  const { code, stdout, stderr } = await runProgram({ program, args, environment, signal: limit });
  if (code === 0) return;
  const said = (stderr || stdout).trim().split('\n').slice(-3).join(' | ');
  throw new VfleetError({
    code: 'power.failed',
    host,
    thing: `the power command ${program}`,
    expected: 'exit code 0',
    found: mask(
      `${code === null ? 'no exit code' : `exit code ${code}`}: ${said || 'no output'}`,
      Object.values(environment),
    ),
    next: 'look at its console, and turn it off and on by hand',
  });
}

/** Source: ipmitool(1): `-P` stands in the process list for everybody to read. */
function refuseSecrets(host: string, command: readonly string[]): void {
  if (!/(?:^|\/)ipmitool$/.test(command[0] ?? '')) return;
  const found = command.find((word) => /^-P/.test(word));
  if (found === undefined) return;
  throw mistake(host, 'power.command', 'a password by -f FILE or -E, which no process list shows', `-P of ipmitool`);
}

function fill(host: string, word: string, vars: Readonly<Record<string, unknown>>): string {
  const filled = word.replace(/\{\{\s*(\w+)\s*\}\}/g, (_, name: string) => {
    const value = vars[name];
    if (typeof value === 'string' || typeof value === 'number') return String(value);
    throw mistake(
      host,
      'power.command',
      `the variable ${name} of the host`,
      value === undefined ? 'none' : typeof value,
    );
  });
  if (/\{\{|\{%/.test(filled))
    throw mistake(host, 'power.command', 'the names of variables as {{bmc}}, and nothing more', JSON.stringify(word));
  if (filled !== word && filled.startsWith('-') && !word.startsWith('-'))
    throw mistake(host, 'power.command', 'a value that is no option', JSON.stringify(filled));
  return filled;
}

async function valueOf(host: string, key: string, from: z.output<typeof valueSchema>): Promise<string> {
  if ('environment' in from) {
    const value = process.env[from.environment];
    if (value !== undefined) return value;
    throw mistake(host, `power.environment.${key}`, `the variable ${from.environment} in the environment`, 'none');
  }
  try {
    return (await readFile(from.file, 'utf8')).replace(/\r?\n$/, '');
  } catch (thrown) {
    throw mistake(host, `power.environment.${key}`, `the file ${from.file}`, String((thrown as Error).message));
  }
}

function mistake(host: string, thing: string, expected: string, found: string): VfleetError {
  return new VfleetError({
    code: 'power.definition',
    host,
    thing,
    expected,
    found,
    next: 'correct the inventory: docs/hooks.md',
  });
}
