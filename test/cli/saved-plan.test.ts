import { cp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { LabNode } from '../../src/lab/node.ts';
import { compareSnapshots } from '../../src/lab/snapshot.ts';
import { vfleet } from './program.ts';
import { environmentOf, type Racks, readOn, replaceOn, startRacks } from './racks.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** Reads a fact, imports a file, uses a template of its own, and takes a variable. */
const playbook = `import { file, playbook, z } from 'vfleet';
import { greeting } from './greeting.ts';

export default playbook({
  name: 'Greetings',
  vars: z.object({ who: z.string().default('you') }),
  async apply(host) {
    if (host.facts.os.versionId === 'none') return;
    const data = { greeting, who: host.vars.who };
    await host.ensure(file('/etc/motd', { template: new URL('motd.hbs', import.meta.url), data }, { mode: '0644' }));
  },
});
`;
const parts = {
  'greetings.ts': playbook,
  'greeting.ts': "export const greeting: string = 'Hello';\n",
  'motd.hbs': '{{greeting}}, {{who}}\n',
};

const names = Array.from({ length: 7 }, (_, index) => `n${index}`);

let racks: Racks;
beforeAll(async () => {
  racks = await startRacks(names.map((name) => ({ name })));
}, 600_000);
afterAll(() => racks?.stop());

async function writeParts(): Promise<void> {
  for (const [name, text] of Object.entries(parts)) await racks.write(name, text);
}
beforeEach(writeParts);

let plans = 0;
/** Plans these hosts, and gives the file. */
async function planOf(...hosts: readonly string[]): Promise<string> {
  plans += 1;
  const file = `plan-${plans}`;
  const { code, stderr } = await racks.vfleet('plan', 'greetings.ts', '-l', hosts.join(','), '--out', file);
  expect(stderr).toContain(`plan of ${hosts.length} host`);
  expect(code).toBe(2);
  return file;
}

async function sameAfter(node: LabNode, act: () => Promise<void>): Promise<void> {
  const before = await node.snapshot();
  await act();
  expect(compareSnapshots(before, await node.snapshot())).toEqual([]);
}

it('apply does exactly what the saved plan says, to the hosts that -l names', async () => {
  const [one, other] = [racks.lab.node('n0'), racks.lab.node('n1')];
  const plan = await planOf('n0', 'n1');
  const first = await racks.vfleet('apply', plan, '--yes', '-l', 'n0,n2');
  expect(first.stderr).toContain('not in the plan, and so left alone: n2');
  expect(first.code).toBe(0);
  expect(await readOn(one, 'etc/motd')).toBe('Hello, you\n');
  await expect(readOn(other, 'etc/motd')).rejects.toThrow();
  const { stdout } = await racks.vfleet('apply', plan, '--yes', '-l', 'n1', '--json');
  expect(JSON.parse(stdout).hosts).toMatchObject([{ name: 'n1', state: 'ok', writes: 1, reboots: 0 }]);
  expect(await readOn(other, 'etc/motd')).toBe('Hello, you\n');
  // Once more: what the playbook reads may be otherwise by then, as after a reboot; all that was shown is there.
  await replaceOn(one, 'usr/lib/os-release', 'ID=debian\nVERSION_ID="13"\n');
  await sameAfter(one, async () => {
    const again = await racks.vfleet('apply', plan, '--yes', '--json');
    expect(again.stderr).toContain('this plan was applied already: everything in it is in place on n[0-1]\n');
    expect(JSON.parse(again.stdout).hosts).toMatchObject(
      ['n0', 'n1'].map((name) => ({ name, state: 'ok', writes: 0, reboots: 0 })),
    );
    expect(again.code).toBe(0);
  });
});

describe('apply refuses a host, with exit 3, and writes nothing', () => {
  const cases: readonly (readonly [string, (node: LabNode) => Promise<void>, RegExp])[] = [
    [
      'whose facts differ',
      (node) => replaceOn(node, 'usr/lib/os-release', 'ID=debian\nVERSION_ID="13"\n'),
      /fact os\.versionId differs from the plan\n\s+expected: "12"\n\s+found: +"13"/,
    ],
    [
      'whose file was changed since',
      (node) => replaceOn(node, 'etc/motd', 'somebody else was here\n'),
      /file \/etc\/motd differs from the plan[^]*found: +another one: change \/etc\/motd/,
    ],
  ];
  it.each(cases.map((one, index) => [one[0], `n${index + 2}`, one[1], one[2]] as const))(
    '%s',
    async (_, name, change, said) => {
      const node = racks.lab.node(name);
      const plan = await planOf(name);
      await change(node);
      await sameAfter(node, async () => {
        const { code, stdout } = await racks.vfleet('apply', plan, '--yes');
        expect(stdout).toMatch(said);
        expect(stdout).toMatch(
          new RegExp(`^next: vfleet plan greetings\\.ts -i .* {3}# shows what is different now`, 'm'),
        );
        expect(code).toBe(3);
      });
    },
  );
});

describe('a plan that does not fit any more touches no host', () => {
  let plan: string;
  beforeAll(async () => {
    await writeParts();
    plan = await planOf('n6');
  });
  const refused = async (args: readonly string[], said: RegExp, exit: number): Promise<void> => {
    const { connections } = racks.lab.node('n6').counters;
    const { code, stdout, stderr } = await racks.vfleet('apply', ...args);
    expect(stderr).toMatch(said);
    expect([code, stdout]).toEqual([exit, '']);
    expect(racks.lab.node('n6').counters.connections).toBe(connections);
  };

  it.each([['a template of its own', 'motd.hbs', '{{who}}\n']])('%s has changed', async (_, name, text) => {
    await racks.write(name, text);
    await refused(
      [plan, '--yes'],
      /expected the playbook greetings\.ts as when it was made.*has changed.*plan --out/,
      3,
    );
  });

  it('a template of vfleet has changed', async () => {
    const copy = path.join(racks.folder, 'copy');
    for (const part of ['dist', 'playbooks', 'templates', 'package.json']) {
      await cp(path.join(root, part), path.join(copy, part), { recursive: true });
    }
    await symlink(path.join(root, 'node_modules'), path.join(copy, 'node_modules'));
    await writeFile(path.join(copy, 'templates/grub-default.hbs'), 'changed');
    const { code, stderr } = await vfleet(['apply', plan, '--yes'], {
      program: path.join(copy, 'dist/cli/main.js'),
      cwd: racks.folder,
      env: environmentOf(racks.folder),
    });
    expect(stderr).toMatch(/expected the templates of vfleet as when it was made/);
    expect(code).toBe(3);
  });

  it('a variable of one of its hosts has changed', async () => {
    const text = await readFile(racks.lab.inventoryPath, 'utf8');
    await racks.write('other/inventory.yaml', text);
    await racks.write('other/host_vars/n6.yaml', 'who: me\n');
    await refused([plan, '--yes', '-i', 'other/inventory.yaml'], /expected the variables of n6 as when it was made/, 3);
  });

  it('one of its hosts is not in the inventory any more', async () => {
    const text = await readFile(racks.lab.inventoryPath, 'utf8');
    await racks.write('fewer.yaml', text.replace(/^( +)n6:$/m, '$1renamed:'));
    await refused([plan, '--yes', '-i', 'fewer.yaml'], /found that n6 is not there any more/, 3);
  });

  it('no host of it is named', () => refused([plan, '--yes', '-l', 'n0'], /expected one of its hosts: n6/, 64));

  it('-e cannot change it', () =>
    refused([plan, '--yes', '-e', 'who=me'], /-e: a saved plan has its own variables/, 64));

  it('its playbook is not where it was', async () => {
    await rm(path.join(racks.folder, 'greetings.ts'));
    await refused([plan, '--yes'], /its playbook, greetings\.ts.*apply the plan in the folder where it was made/, 64);
  });

  it.each([
    ['cut off', (text: string) => text.slice(0, text.length / 2), /a damaged one: it is no whole JSON text/, 64],
    [
      'of a newer vfleet',
      (text: string) => text.replace('"version": 1', '"version": 2'),
      /version 2, written by a newer/,
      3,
    ],
  ] as const)('the file is %s', async (_, spoil, said, exit) => {
    const spoiled = spoil(await readFile(path.join(racks.folder, plan), 'utf8'));
    await racks.write('spoiled', spoiled);
    await refused(['spoiled', '--yes'], said, exit);
  });
});

describe('plan --out', () => {
  it('saves nothing over a file that is no plan, and asks no host before it knows', async () => {
    const { logins } = racks.lab.node('n6').counters;
    const over = await racks.vfleet('plan', 'greetings.ts', '-l', 'n6', '--out', 'greeting.ts');
    expect(over.stderr).toMatch(/greeting\.ts: .*found a file that is no plan/);
    const nowhere = await racks.vfleet('plan', 'greetings.ts', '-l', 'n6', '--out', 'no/such/folder');
    expect(nowhere.stderr).toMatch(/no such folder/);
    expect([over.code, nowhere.code]).toEqual([64, 64]);
    expect(racks.lab.node('n6').counters.logins).toBe(logins);
    expect(await readFile(path.join(racks.folder, 'greeting.ts'), 'utf8')).toBe(parts['greeting.ts']);
  });

  it('replaces an older plan, and a plan is not planned', async () => {
    const plan = await planOf('n6');
    const again = await racks.vfleet('plan', 'greetings.ts', '-l', 'n6', '--out', plan);
    expect(again.code).toBe(2);
    const planned = await racks.vfleet('plan', plan);
    expect(planned.stderr).toMatch(/a saved plan already; do it with: vfleet apply/);
    expect(planned.code).toBe(64);
  });
});
