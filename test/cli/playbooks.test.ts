import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LabNode } from '../../src/lab/node.ts';
import { compareSnapshots } from '../../src/lab/snapshot.ts';
import { type Racks, readOn, startRacks } from './racks.ts';

let racks: Racks;
let node: LabNode;
beforeAll(async () => {
  racks = await startRacks([{ name: 'n1' }, { name: 'n2' }]);
  node = racks.lab.node('n1');
}, 600_000);
afterAll(() => racks?.stop());

interface HostOf {
  readonly name: string;
  readonly state: string;
  readonly writes: number;
  readonly reboots: number;
  readonly warnings: readonly string[];
  readonly plan: { readonly changes: readonly unknown[] } | null;
}

/** Runs a command for `n1` and gives its host, the exit code, and how many commands the SSH server was asked for. */
async function one(...args: readonly string[]): Promise<{ host: HostOf; code: number | null; execs: number }> {
  const before = node.counters.execs;
  const { code, stdout, stderr } = await racks.vfleet(...args, '-l', 'n1', '--json');
  if (stdout === '') throw new Error(stderr);
  return { host: JSON.parse(stdout).hosts[0], code, execs: node.counters.execs - before };
}

describe('a playbook in a folder of its own, outside of any package', () => {
  beforeAll(async () => {
    await racks.write(
      'elsewhere/lib/greeting.ts',
      'export type Greeting = `Hello ${string}`;\nexport const greet = (who: string): Greeting => `Hello ${who}`;\n',
    );
    await racks.write(
      'elsewhere/books/greet.ts',
      `import { readFile } from 'node:fs/promises';
import { fact, file, playbook, sh, type HostHandle, z } from 'vfleet';
import { type Greeting, greet } from '../lib/greeting.ts';

// What only TypeScript has, and what a module may await.
interface Uptime {
  readonly seconds: number;
}
const suffix: string = (await readFile(new URL('suffix.txt', import.meta.url), 'utf8')).trim();
const parse = (text: string): Uptime => ({ seconds: Number.parseFloat(text) }) satisfies Uptime;

export default playbook({
  name: 'Greet',
  vars: z.object({ who: z.string().min(2).default('you') }),
  facts: {
    uptime: fact(sh\`echo 12.5 7\`, parse),
    kernel: fact(sh\`uname -r; exit 3\`, (text) => text.trim()),
  },
  async apply(host) {
    const text: Greeting = greet(host.vars.who);
    const seconds: number = host.facts.uptime.seconds;
    await host.ensure(
      file('/etc/motd', [text, suffix, seconds * 2, host.facts.kernel === '' ? '' : host.facts.os.id].join('\\n') + '\\n'),
      false,
      host.vars.who === 'you' && file('/etc/default-greeting', host.name),
    );
  },
});

export type Handle = HostHandle<{ who: string }, { uptime: Uptime }>;
`,
    );
    await racks.write('elsewhere/books/suffix.txt', 'from afar\n');
  });

  it('is loaded with its types, its imports and its facts, and does its work', async () => {
    const { host, code } = await one('apply', 'elsewhere/books/greet.ts', '--yes', '-e', 'who=world');
    expect(host).toMatchObject({ state: 'ok', writes: 1, reboots: 0 });
    expect(code).toBe(0);
    expect(await readOn(node, 'etc/motd')).toBe('Hello world\nfrom afar\n25\ndebian\n');
    await expect(readOn(node, 'etc/default-greeting')).rejects.toThrow();
  });

  it('reads its own facts in the same round trip as the others', async () => {
    expect((await one('plan', 'elsewhere/books/greet.ts', '-e', 'who=world')).execs).toBe(2);
  });

  it('is read anew when a file that it imports has changed', async () => {
    await racks.write(
      'elsewhere/lib/greeting.ts',
      'export type Greeting = string;\nexport const greet = (who: string) => `Bye ${who}`;\n',
    );
    const { stdout } = await racks.vfleet('plan', 'elsewhere/books/greet.ts', '-l', 'n1', '-e', 'who=world');
    expect(stdout).toMatch(/^ +\+Bye world$/m);
  });
});

describe('an ensure of twenty resources', () => {
  const files = Array.from(
    { length: 16 },
    (_, index) => `    file('/etc/many/${index}', \`\${host.name} ${index}\\n\`),`,
  );
  const many = (
    end: string,
  ): string => `import { checks, command, file, kernelArguments, modulesToLoad, playbook, sh } from 'vfleet';
export default playbook({
  name: 'Many',
  async apply(host) {
    await host.ensure(
${files.join('\n')}
      command('mark', sh\`echo done >/etc/many-mark\`, { creates: '/etc/many-mark' }),
      command('count', sh\`ls /etc/many | wc -l >/etc/many-count\`, { unless: sh\`test -s /etc/many-count\` }),
      modulesToLoad('many.conf', ['vfio_pci']),
      kernelArguments({ iommu: 'pt', quiet: true }),
    );
    ${end}
  },
});
`;

  it('costs one exec to read, one to write and one to give the host back, beside the one for the facts', async () => {
    await racks.write('many.ts', many(''));
    const plan = await one('plan', 'many.ts');
    expect(plan.host.plan?.changes).toHaveLength(20);
    expect([plan.code, plan.execs]).toEqual([2, 2]);
    const apply = await one('apply', 'many.ts', '--yes');
    expect(apply.host).toMatchObject({ state: 'ok', writes: 1 });
    expect(apply.host.warnings.join()).toMatch(/without settle\(\); still due: boot-configuration, .*reboot/);
    expect([apply.code, apply.execs]).toEqual([0, 4]);
    expect(await readOn(node, 'etc/many/15')).toBe('n1 15\n');
    expect((await readOn(node, 'etc/many-count')).trim()).toBe('16');
  });

  it('writes nothing a second time, and the effects stay due until a settle', async () => {
    const before = await node.snapshot();
    const again = await one('apply', 'many.ts', '--yes');
    expect(again.host).toMatchObject({ state: 'ok', writes: 0, reboots: 0 });
    expect([again.code, again.execs]).toEqual([0, 2]);
    expect(compareSnapshots(before, await node.snapshot())).toEqual([]);
    await racks.write('many.ts', many('await host.settle();'));
    const settled = await one('apply', 'many.ts', '--yes');
    expect(settled.host).toMatchObject({ state: 'ok', writes: 0, reboots: 1, warnings: [] });
    expect(await readOn(node, 'proc/cmdline')).toMatch(/\biommu=pt\b/);
    const last = await one('plan', 'many.ts');
    expect(last.host.plan?.changes).toEqual([]);
    expect([last.code, last.execs]).toEqual([0, 2]);
  });
});

it('a file that somebody edits between the read and the write is left to them', async () => {
  await racks.write(
    'issue.ts',
    `import { file, playbook } from 'vfleet';
export default playbook({ name: 'Issue', apply: async (host) => void (await host.ensure(file('/etc/issue', 'ours\\n'))) });
`,
  );
  const other = racks.lab.node('n2');
  const stop = other.listen(({ stdin }) => {
    if (!stdin.includes('/etc/issue')) return;
    stop();
    // The read script has just answered, and the write script is not asked for yet.
    rmSync(path.join(other.root, 'etc/issue'), { force: true });
    writeFileSync(path.join(other.root, 'etc/issue'), 'theirs\n');
  });
  const { code, stdout } = await racks.vfleet('apply', 'issue.ts', '--yes', '-l', 'n2');
  expect(stdout).toMatch(/\/etc\/issue[^]*somebody else has changed it since/);
  expect(code).toBe(1);
  expect(await readOn(other, 'etc/issue')).toBe('theirs\n');
});
