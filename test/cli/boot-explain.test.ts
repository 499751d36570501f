import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compareSnapshots } from '../../src/lab/snapshot.ts';
import { vfleet } from './program.ts';
import { type Racks, readOn, replaceOn, startRacks } from './racks.ts';

let racks: Racks;
beforeAll(async () => {
  racks = await startRacks([
    { name: 'done' },
    { name: 'due' },
    { name: 'vain' },
    { name: 'old', kind: 'centos-7-intel', rack: 'r2' },
    { name: 'away', faults: { refuseLogin: true }, rack: 'r3' },
    { name: 'undone', rack: 'r4' },
    { name: 'el8', kind: 'rocky-8-intel', rack: 'r5' },
  ]);
}, 600_000);
afterAll(() => racks?.stop());

const explain = (...args: readonly string[]) => racks.vfleet('boot', 'explain', ...args);

describe('boot explain', () => {
  it('of a host that was never touched: what is there, nothing wanted, exit 0, and nothing written', async () => {
    const node = racks.lab.node('due');
    const before = await node.snapshot();
    const { code, stdout, stderr } = await explain('due');
    expect(stderr).toMatch(/^boot explain: 1 host$/m);
    expect(stdout).toMatch(/^due: configured, written and running agree$/m);
    expect(stdout).toMatch(/boot loader +update-grub \(.*\/boot\/grub\/grub\.cfg\)/);
    expect(stdout).toMatch(/kernel +6\.1\.0-18-amd64 runs, and will boot/);
    expect(stdout).toMatch(/configured +\/etc\/default\/grub: GRUB_CMDLINE_LINUX_DEFAULT="quiet"/);
    expect(stdout).toMatch(/boot entries +\* "Debian GNU\/Linux": root=UUID=\S+ ro +quiet/);
    expect(stdout).toMatch(/running +BOOT_IMAGE=\S+ root=UUID=\S+ ro quiet/);
    expect(stdout).toMatch(/wanted +not known: vfleet owns no argument on this host; name a playbook/);
    expect(stdout).toMatch(/^ +quiet +- +\/etc\/default\/grub +all 3 +quiet$/m);
    expect(code).toBe(0);
    expect(compareSnapshots(before, await node.snapshot())).toEqual([]);
  });

  it('of a playbook whose wish is not fulfilled: the cause and the next step, exit 1, and nothing written', async () => {
    const node = racks.lab.node('due');
    const before = await node.snapshot();
    const { code, stdout } = await explain('due', 'passthrough');
    expect(stdout).toMatch(/^due: 3 gaps$/m);
    expect(stdout).toMatch(/wanted +by the playbook PCI passthrough/);
    expect(stdout).toMatch(/^ +intel_iommu +intel_iommu=on +- +- +-$/m);
    expect(stdout).toMatch(/intel_iommu, iommu, vfio_\S+: no file configures it\n +next: run `vfleet apply`/);
    expect(code).toBe(1);
    expect(compareSnapshots(before, await node.snapshot())).toEqual([]);
  });

  it('of a host that is as the playbook wants it: exit 0, and by what vfleet owns there without one', async () => {
    expect((await racks.vfleet('apply', 'passthrough', '-l', 'done', '--yes')).code).toBe(0);
    const { code, stdout } = await explain('done', 'passthrough');
    expect([stdout.split('\n')[0], code]).toEqual(['done: configured, written and running agree', 0]);
    expect(stdout).toMatch(/^ +iommu +iommu=pt +\/etc\/default\/grub\.d\/99-vfleet\.cfg +all 3 +iommu=pt$/m);
    const own = await explain('done');
    expect(own.stdout).toMatch(/wanted +what vfleet has put there for PCI passthrough/);
    expect(own.stdout).toMatch(/^ +iommu +iommu=pt /m);
    // Somebody takes it out of the file, and generates nothing.
    await writeFile(path.join(racks.lab.node('done').root, 'etc/default/grub.d/99-vfleet.cfg'), '');
    const lost = await explain('done');
    expect(lost.stdout).toMatch(/no file configures it: the entries in \/boot\/grub\/grub\.cfg lose it/);
    expect([lost.code, (await explain('done', 'passthrough')).code]).toEqual([0, 1]);
  });

  it('of a host that came back without its arguments: that a reboot was in vain', async () => {
    const node = racks.lab.node('vain');
    await node.setFaults({ bootsOldEntry: true });
    expect((await racks.vfleet('apply', 'passthrough', '-l', 'vain', '--yes')).code).toBe(1);
    const { stdout, code } = await explain('vain');
    expect(stdout).toMatch(/note: an earlier run has left due: reboot/);
    expect(stdout).toMatch(/note: a reboot for intel_iommu=on iommu=pt \S+ was in vain/);
    expect(stdout).toMatch(/every boot entry is right, and it has booted since: the firmware started another/);
    expect(code).toBe(0);
  });

  it('of a host on which an undo has taken out what runs: that vfleet did, and that a reboot is due', async () => {
    expect((await racks.vfleet('apply', 'passthrough', '-l', 'undone', '--yes')).code).toBe(0);
    expect((await racks.vfleet('undo', 'passthrough', '-l', 'undone', '--yes')).code).toBe(0);
    const { stdout } = await explain('undone');
    expect(stdout).toMatch(/intel_iommu, iommu, .*configured when the host booted, and vfleet has taken it out since/);
    expect(stdout).toMatch(/taken it out since.*\n +next: reboot the host/);
    expect(stdout).not.toContain('typed at the menu');
  });

  it('of Enterprise Linux 8: that kernelopts configures it; and after a restore that vfleet has taken it out', async () => {
    expect((await racks.vfleet('apply', 'passthrough', '-l', 'el8', '--yes')).code).toBe(0);
    const before = await explain('el8');
    expect(before.stdout).toMatch(/^ +(?:configured +)?\/boot\/grub2\/grubenv: kernelopts=root=\S+ .*iommu=pt/m);
    expect(before.stdout).toMatch(/^ +iommu +iommu=pt +.*\/boot\/grub2\/grubenv +all 1 +iommu=pt$/m);
    const { hosts } = JSON.parse((await racks.vfleet('backups', 'el8', '--json')).stdout);
    const { run } = hosts[0].backups[0];
    expect((await racks.vfleet('restore', run, '-l', 'el8', '--yes')).code).toBe(0);
    const after = await explain('el8');
    expect(after.stdout).toMatch(/configured when the host booted, and vfleet has taken it out since/);
    expect(after.stdout).not.toContain('typed at the menu');
  });

  it('as a document: every place, every entry, every cause', async () => {
    const grub = await readOn(racks.lab.node('old'), 'etc/default/grub');
    const mistake = grub.replace(/^(GRUB_CMDLINE_LINUX="[^"\n]*)"/m, '$1 biosdevnames=0"');
    await replaceOn(racks.lab.node('old'), 'etc/default/grub', mistake);
    const { code, stdout } = await explain('rack:r2', 'passthrough', '--json');
    const document = JSON.parse(stdout);
    expect([document.exitCode, code]).toEqual([1, 1]);
    expect(document).toMatchObject({ version: 1, command: 'boot explain', playbook: 'passthrough' });
    const { explanation } = document.hosts[0];
    expect(explanation).toMatchObject({
      loader: 'grub2-mkconfig',
      fulfilled: false,
      kernel: { running: expect.any(String) },
    });
    const misspelt = explanation.arguments.find(({ name }: { name: string }) => name === 'biosdevnames');
    expect(misspelt.gaps.map(({ cause }: { cause: string }) => cause)).toEqual(['misspelt', 'not-generated']);
    expect(misspelt.gaps[0].next).toBe('write biosdevname');
    expect(await readFile(path.join(racks.lab.node('old').root, 'etc/default/grub'), 'utf8')).toBe(mistake);
  });

  it('of hosts that are alike says it once, and names the one that cannot be asked', async () => {
    const { code, stdout } = await explain('due,away');
    expect(stdout).toMatch(/^due: configured/m);
    expect(stdout).toMatch(/^away: unreachable$/m);
    expect(code).toBe(1);
  });
});

describe.concurrent('boot explain that cannot be meant ends with 64:', () => {
  it.each([
    ['no host', ['boot', 'explain'], /boot explain: name a host/],
    ['hosts named twice', ['boot', 'explain', 'a', '-l', 'b'], /the hosts are named already; leave -l out/],
  ])('%s', async (_, args, said) => {
    const { code, stdout, stderr } = await vfleet(args);
    expect(stderr).toMatch(said);
    expect([code, stdout]).toEqual([64, '']);
  });
});
