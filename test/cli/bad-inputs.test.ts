import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { motd, type Racks, startRacks } from './racks.ts';

const names = ['n1', 'n2', 'n3'];

let racks: Racks;
beforeAll(async () => {
  racks = await startRacks(names.map((name) => ({ name, vars: { message: name === 'n2' ? 42 : 'Hi' } })));
  await racks.write('motd.ts', motd);
}, 600_000);
afterAll(() => racks?.stop());

const touched = (): readonly number[] => racks.lab.nodes.map((node) => node.counters.connections);

/** Runs a command that must fail before any host is touched. */
async function refused(...args: readonly string[]): Promise<string> {
  const before = touched();
  const { code, stdout, stderr } = await racks.vfleet(...args);
  expect(touched()).toEqual(before);
  expect([code, stdout]).toEqual([64, '']);
  expect(stderr).not.toContain('this is a bug');
  return stderr;
}

describe('an inventory', () => {
  it('with a mistake is named by file, line and column, with what was probably meant', async () => {
    await racks.write('racks.yaml', 'all:\n  children:\n    r12:\n      hsots: { node01: {} }\n');
    expect(await refused('plan', 'motd.ts', '-i', 'racks.yaml')).toMatch(
      /racks\.yaml:4:7 all\.children\.r12\.hsots: .*did you mean "hosts"\?/,
    );
  });

  it('that is not there names the option', async () => {
    expect(await refused('facts', '-i', 'nowhere.yaml')).toMatch(/nowhere\.yaml.*no such file.*-i/);
  });

  it.each([
    ['an unknown host', 'n4,n1', /-l "n4,n1": expected a host or a group that matches "n4", found none/],
    ['nothing', '', /-l "": expected at least one pattern/],
  ])('limited to %s: no host is touched', async (_, limit, said) => {
    expect(await refused('plan', 'motd.ts', '-l', limit)).toMatch(said);
  });

  it('does not know a host that somebody asks about', async () => {
    expect(await refused('inventory', 'n01')).toMatch(/n01: no such host in .*did you mean "n1"\?/);
  });
});

describe('variables', () => {
  it('that are wrong for one host of many stop all, with the place where they are written', async () => {
    const said = await refused('apply', 'motd.ts', '--yes');
    expect(said).toMatch(/n2: message \(.*inventory\.yaml:\d+:\d+\): .*expected string.*found 42/);
    expect(said).not.toMatch(/n1:|n3:/);
    expect(said).toContain('no host was touched');
  });

  it('that are wrong with -e are said to be', async () => {
    expect(await refused('plan', 'motd.ts', '-e', 'message=7')).toMatch(/n\[1-3\]: message \(-e\): .*found 7/);
  });

  it('whose value is secret are not shown', async () => {
    await racks.write(
      'password.ts',
      "import { playbook, z } from 'vfleet';\nexport default playbook({ name: 'p', vars: z.object({ password: z.string() }) });\n",
    );
    const said = await refused('plan', 'password.ts', '-e', 'password=123456');
    expect(said).toMatch(/password \(-e\): .*found a number/);
    expect(said).not.toContain('123456');
  });

  it('that are one typing error away from a declared one give a warning', async () => {
    await racks.write('settings.ts', motd.replaceAll('message', 'welcomeText'));
    const near = await racks.vfleet('plan', 'settings.ts', '-l', 'n1', '-e', 'welcome_text=Hello');
    expect(near.stderr).toMatch(
      /^warning: n1: welcome_text \(-e\) is not a variable of the playbook; did you mean welcomeText\?$/m,
    );
    expect(near.code).toBe(2);
  });
});

describe('a playbook', () => {
  it('with a syntax error is named by file, line and column, and what to do', async () => {
    await racks.write('bad.ts', 'export default {\n  a: 1,\n  const = 3,\n};\n');
    expect(await refused('plan', 'bad.ts', '-l', 'n1')).toMatch(
      /bad\.ts:3:\d+: expected a playbook that loads.*; next: correct the playbook/,
    );
  });

  it('without a default export is said to be', async () => {
    await racks.write('bad.ts', "import { playbook } from 'vfleet';\nplaybook({ name: 'x' });\n");
    expect(await refused('apply', 'bad.ts', '--yes', '-l', 'n1')).toMatch(/bad\.ts: .*found no default export/);
  });

  it('of an unknown name is explained with those that there are', async () => {
    expect(await refused('verify', 'pasthrough', '-l', 'n1')).toMatch(
      /pasthrough: .*comes with vfleet: .*\bpassthrough\b.*did you mean "passthrough"\?/,
    );
  });

  it('of a shipped name is found though a folder here has that name', async () => {
    await racks.write('passthrough/readme', 'a folder');
    expect((await racks.vfleet('plan', 'passthrough', '-l', 'n1')).code).toBe(2);
  });
});

describe('a playbook that goes wrong on one host', () => {
  const playbookOf = (line: string): string =>
    [
      "import { file, playbook } from 'vfleet';",
      'interface Settings {',
      '  readonly text: string;',
      '}',
      "export default playbook({ name: 'x', async apply(host) {",
      "  const settings: Settings | undefined = host.name === 'n2' ? undefined : { text: 'fine' };",
      `  ${line}`,
      "  await host.ensure(file('/etc/motd', settings?.text ?? 'none'));",
      '} });',
      '',
    ].join('\n');

  it.each([
    ['throws', 'settings!.text.trim();', /wrong\.ts:7: apply of the playbook[^]*found: +TypeError: Cannot read/],
    [
      'makes a resource that cannot be',
      "file(settings === undefined ? 'etc/motd' : '/etc/motd', '');",
      /wrong\.ts:7: file "etc\/motd"[^]*expected: the absolute path/,
    ],
    [
      'does not await a change',
      "if (settings === undefined) { void host.ensure(file('/etc/issue', 'a')).catch(() => {}); return; }",
      /wrong\.ts[^]*`await` before every host\.ensure\(\)[^]*apply ended while/,
    ],
  ])('%s: it fails with file and line, the others go on', async (_, line, said) => {
    const file = await racks.write('wrong.ts', playbookOf(line));
    const { code, stdout, stderr } = await racks.vfleet('plan', file, '-e', 'message=Hi');
    expect(stdout).toMatch(said);
    expect(stdout).toMatch(/^1 host(?:s)? to change|^2 hosts to change/m);
    expect(stderr).toMatch(/^n2: failed/m);
    expect(stderr.match(/^n[13]: ok/gm)).toHaveLength(2);
    expect(code).toBe(1);
  });

  it('has a template with a name that the data lacks: template, line and host are named', async () => {
    await racks.write('unit.hbs', '# {{title}}\n{{#if extra}}\n{{extra}}\n{{/if}}\n');
    await racks.write(
      'unit.ts',
      [
        "import { file, playbook } from 'vfleet';",
        "export default playbook({ name: 'x', async apply(host) {",
        "  const data = host.name === 'n2' ? { title: 'a' } : { title: 'a', extra: null };",
        "  await host.ensure(file('/etc/unit', { template: new URL('unit.hbs', import.meta.url), data }));",
        '} });',
      ].join('\n'),
    );
    const { code, stderr } = await racks.vfleet('plan', 'unit.ts', '-e', 'message=Hi');
    expect(stderr).toMatch(/^n2: failed .*unit\.hbs:2:\d+.*extra/m);
    expect(stderr.match(/^n[13]: ok/gm)).toHaveLength(2);
    expect(code).toBe(1);
  });
});
