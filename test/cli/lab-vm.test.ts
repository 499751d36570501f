import { access, chmod, mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'vitest';
import { explain } from '../../src/cli/outcome.ts';
import { VfleetError } from '../../src/errors.ts';
import { makeOperatorKey, writeAccess } from '../../src/lab/vm/access.ts';
import { type StoredLab, writeLab } from '../../src/lab/vm/lab-file.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { vfleet } from './program.ts';
import { environmentOf } from './racks.ts';

const node = { rack: 'r1', kind: 'debian-12-intel-bios', memory: 1024, vars: {}, hostKey: 'ssh-ed25519 AAAA' };

/** A user's folder, in which the lab is where it is by default. */
function home() {
  const folder = temporaryFolder('lab-vm');
  const lab = join(folder, 'state/vfleet/vm-lab');
  const run = (words: readonly string[], env: Readonly<Record<string, string>> = {}) =>
    vfleet(['lab', 'vm', ...words], { cwd: folder, env: { ...environmentOf(folder), ...env } });
  return { folder, lab, run };
}

/** The same with a lab of two nodes that are off. */
async function homeWithLab() {
  const at = home();
  await mkdir(at.lab, { recursive: true });
  const nodes = [
    { ...node, name: 'intel', port: 20_001 },
    { ...node, name: 'amd', port: 20_002, kind: 'debian-13-amd-uefi', rack: 'r2' },
  ];
  const operatorKey = (await makeOperatorKey(at.lab)).publicLine;
  const stored: StoredLab = { version: 1, accelerator: 'tcg', operatorKey, nodes };
  await writeLab(at.lab, stored);
  await writeAccess(at.lab, stored);
  return at;
}

describe.concurrent('vfleet lab vm', () => {
  it.for([
    ['status', ['status']],
    ['ssh', ['ssh', 'intel']],
    ['reset', ['reset']],
    ['down', ['down']],
  ] as const)('%s without a lab is bad usage, and says how there is one', async ([, words], { expect }) => {
    const { lab, run } = home();
    const { code, stdout, stderr } = await run(words);
    expect(stderr).toBe(
      `vfleet: ${lab}: expected a lab of virtual nodes, found none; next: vfleet lab vm up, or name its --directory\n`,
    );
    expect([code, stdout]).toEqual([64, '']);
  });

  it('up with a file of nodes that is not there is bad usage, and makes nothing', async ({ expect }) => {
    const { folder, run } = home();
    const { code, stdout, stderr } = await run(['up', '--nodes', 'none.yaml']);
    expect(stderr).toMatch(/^vfleet: none\.yaml: expected a file of nodes, found no such file.*docs\/vm-lab\.md/);
    expect([code, stdout]).toEqual([64, '']);
    expect(await readdir(folder)).toEqual([]);
  });

  it('up with a kind that is none names the line', async ({ expect }) => {
    const { folder, run } = home();
    await writeFile(join(folder, 'nodes.yaml'), 'nodes:\n  a: { kind: debian-12-intel }\n');
    const { code, stderr } = await run(['up', '--nodes', 'nodes.yaml']);
    expect(stderr).toMatch(/^vfleet: nodes\.yaml:2:8 nodes\.a\.kind: no kind of node debian-12-intel/);
    expect(code).toBe(64);
  });

  it('status shows nodes that are off, for people and for programs', async ({ expect }) => {
    const { lab, run } = await homeWithLab();
    const { code, stdout } = await run(['status']);
    expect(stdout).toMatch(/^node +rack +kind +state +port +boots +process$/m);
    expect(stdout).toMatch(/^intel +r1 +debian-12-intel-bios +off +20001 +0 +-$/m);
    expect(stdout).toContain(`inventory: ${lab}/inventory.yaml\naccelerator: tcg\n`);
    expect(code).toBe(0);
    const document: unknown = JSON.parse((await run(['status', '--json', '--directory', lab])).stdout);
    expect(document).toMatchObject({
      version: 1,
      accelerator: 'tcg',
      nodes: [{ name: 'intel' }, { name: 'amd', state: 'off', port: 20_002, boots: 0, process: null }],
    });
  });

  it('ssh hands a command over to ssh, word by word, and its exit code back', async ({ expect }) => {
    const { folder, lab, run } = await homeWithLab();
    await writeFile(join(folder, 'ssh'), '#!/bin/sh\nprintf "<%s>\\n" "$@"\nexit 7\n');
    await chmod(join(folder, 'ssh'), 0o755);
    const { code, stdout } = await run(['ssh', 'amd', '--', 'ls', '-l', '--json', '/a b'], {
      PATH: `${folder}:/usr/bin:/bin`,
    });
    expect(stdout).toMatch(/<-p>\n<20002>\n[^]*<vfleet@127\.0\.0\.1>\n<ls>\n<-l>\n<--json>\n<\/a b>\n$/);
    expect(stdout).toContain(`<${lab}/id_ed25519>`);
    expect(code).toBe(7);
  });

  it('ssh to a node that is not there guesses at its name', async ({ expect }) => {
    const { run } = await homeWithLab();
    const { code, stdout, stderr } = await run(['ssh', 'intle']);
    expect(stderr).toMatch(/^vfleet: node intle: expected one of intel, amd, found .*did you mean "intel"\?\n$/);
    expect([code, stdout]).toEqual([64, '']);
  });

  it('ssh where there is no ssh says what to install', async ({ expect }) => {
    const { folder, run } = await homeWithLab();
    const { code, stderr } = await run(['ssh', 'intel'], { PATH: folder });
    expect(stderr).toMatch(/^vfleet: ssh: expected .*ENOENT; next: apt-get install .*openssh-client/);
    expect(code).toBe(1);
  });

  it('down removes the lab, and a second one finds none', async ({ expect }) => {
    const { lab, run } = await homeWithLab();
    const { code, stderr } = await run(['down']);
    expect([code, stderr]).toEqual([0, 'off and removed: intel, amd\n']);
    expect(await readdir(lab)).toEqual([]);
    expect((await run(['down'])).code).toBe(64);
  });

  it('leaves the lab of a newer vfleet alone', async ({ expect }) => {
    const { lab, run } = await homeWithLab();
    await writeFile(join(lab, 'lab.json'), '{ "version": 2 }');
    for (const words of [['up'], ['down']]) {
      const { code, stderr } = await run(words);
      expect(stderr).toMatch(/lab\.json: expected a lab of version 1, found version 2; next: /);
      expect(code).toBe(1);
    }
    await access(join(lab, 'id_ed25519'));
  });
});

describe('the exit code', () => {
  it.for([
    ...['programs', 'program', 'kvm', 'bake', 'boot', 'busy', 'image'].map((what) => [`lab.vm-${what}`, 1] as const),
    ...['lab.vm-nodes', 'lab.vm-other-nodes', 'lab.no-lab', 'lab.no-node'].map((code) => [code, 64] as const),
  ])('of %s is %i', ([code, exitCode], { expect }) => {
    expect(explain(new VfleetError({ code, thing: 'a node' })).exitCode).toBe(exitCode);
  });
});
