import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { chmod, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checks } from '../../src/checks/checks.ts';
import type { LabNode } from '../../src/lab/node.ts';
import { kernelArguments } from '../../src/resources/kernel-arguments.ts';
import { input } from '../checks/input.ts';
import { type Fleet, startFleet } from './fleet.ts';

// What other tools that prepare hosts for passthrough are known to get wrong. What concerns the text of boot files alone
// is in test/boot.
let fleet: Fleet;
beforeAll(async () => {
  fleet = await startFleet([
    { name: 'debian', kind: 'debian-12-intel' },
    { name: 'again', kind: 'debian-12-intel' },
    { name: 'slow', kind: 'debian-12-intel' },
    { name: 'ubuntu', kind: 'ubuntu-22.04-intel' },
    { name: 'amd', kind: 'debian-13-amd' },
    { name: 'early', kind: 'centos-7-intel' },
  ]);
}, 120_000);
afterAll(() => fleet?.stop());

const at = (node: LabNode, file: string): string => path.join(node.root, file);
const read = (node: LabNode, file: string): Promise<string> => readFile(at(node, file), 'utf8');

describe('hosts that are prepared by scripts', () => {
  it('with only dash or busybox as a shell can run everything that they are sent', async () => {
    const node = fleet.lab.node('debian');
    const sent: string[] = [];
    const stop = node.listen(({ stdin }) => sent.push(stdin.toString('utf8')));
    const { host } = await fleet.one('apply', 'debian');
    stop();
    expect(host.failure).toBeNull();
    expect(sent.length).toBeGreaterThan(5);
    for (const shell of [['dash'], ['busybox', 'sh']]) {
      for (const script of sent) {
        const [program = '', ...first] = shell;
        const { status, stderr } = spawnSync(program, [...first, '-n'], { input: script, encoding: 'utf8' });
        expect([status, stderr], shell.join(' ')).toEqual([0, '']);
      }
    }
    // What dash parses and does not understand: `[ a == b ]` is false there, with an error, whatever a and b are.
    // (The probe asks the host's shell just that.)
    const written = sent.map((script) => script.replace('if ( [ a == a ] ) 2>/dev/null', ''));
    for (const script of written) expect(script).not.toMatch(/\[\[ |\[ [^\]\n]* == |^\s*function |<<</m);
  });

  it('keep the version of each file from before the run, and every setting that is not named', async () => {
    const node = fleet.lab.node('early');
    const before = await read(node, 'etc/default/grub');
    const { summary } = await fleet.run('apply', { args: { limit: ['early'] } });
    expect(summary.hosts[0]?.failure).toBeNull();
    expect(await read(node, `var/lib/vfleet/backups/${summary.run}/etc/default/grub`)).toBe(before);
    const others = (text: string): string => text.replace(/^GRUB_CMDLINE_LINUX=.*$/m, '');
    expect(others(await read(node, 'etc/default/grub'))).toBe(others(before));
    expect(before).toMatch(/^GRUB_DEFAULT=\S/m);
  });

  it('load a module that a second run finds missing, also when all files are in place', async () => {
    const node = fleet.lab.node('again');
    expect((await fleet.one('apply', 'again')).host.failure).toBeNull();
    for (const name of ['vfio_pci', 'vfio_virqfd', 'vfio_iommu_type1', 'vfio']) {
      await rm(at(node, `sys/module/${name}`), { recursive: true, force: true });
    }
    const modules = await read(node, 'proc/modules');
    await writeFile(at(node, 'proc/modules'), modules.replace(/^vfio.*\n/gm, ''));
    expect((await fleet.one('verify', 'again')).host.failure?.code).toBe('verify.failed');
    const { host } = await fleet.one('apply', 'again');
    expect(host.failure).toBeNull();
    expect(host.reboots).toBe(0);
    expect(await read(node, 'proc/modules')).toMatch(/^vfio_pci /m);
  });

  it('whose kernel has VFIO built in pass every check, though lsmod shows nothing', async () => {
    const node = fleet.lab.node('ubuntu');
    const { host } = await fleet.one('apply', 'ubuntu');
    expect(host.failure).toBeNull();
    expect(await read(node, 'proc/modules')).not.toContain('vfio');
    expect(host.checks.find(({ check }) => check === 'vfio-loaded')?.outcome).toBe('pass');
  });

  it('are told when one of four functions of a card is left to the host', () => {
    const slot = '0000:3b:00';
    const functions = ['.0', '.1', '.2', '.3'].map((end) => `${slot}${end}`);
    const judge = (held: string | null) => {
      const given = input('centos-7-intel', (facts) => {
        const card = facts.pci.find((device) => device.address === `${slot}.0`);
        if (card === undefined) throw new Error(`no ${slot}.0`);
        const others = facts.pci.filter((device) => !device.address.startsWith(slot));
        const bound = functions.map((address) => ({
          ...card,
          address,
          driver: address === held ? 'xhci_hcd' : 'vfio-pci',
        }));
        const groups = facts.iommu.groups.map((group) =>
          group.id === card.iommuGroup ? { ...group, devices: functions } : group,
        );
        return { pci: [...others, ...bound], iommu: { ...facts.iommu, groups } };
      });
      return checks.devicesBound([`${slot}.0`]).judge(given);
    };
    expect(judge(null).outcome).toBe('pass');
    for (const held of functions.slice(1)) {
      expect(judge(held), held).toMatchObject({ outcome: 'fail', found: expect.stringContaining(held) });
    }
  });
});

describe('an IOMMU of AMD', () => {
  it('is proved by its groups, though the log has no text of Intel and the command line no argument', async () => {
    const { host } = await fleet.one('apply', 'amd');
    expect(host.failure).toBeNull();
    const node = fleet.lab.node('amd');
    expect(await read(node, 'proc/cmdline')).not.toMatch(/amd_iommu|intel_iommu/);
    expect(host.checks.filter(({ check }) => /^iommu/.test(check)).map(({ outcome }) => outcome)).toEqual(
      expect.arrayContaining(['pass']),
    );
    expect(host.checks.some(({ outcome }) => outcome === 'fail' || outcome === 'unknown')).toBe(false);
  });

  it('is not turned on by amd_iommu=on, which the kernel does not know', () => {
    expect(() => kernelArguments({ amd_iommu: 'on' })).toThrow(/amd_iommu=on.*expected a value that the kernel knows/);
  });

  it('gets no vfio_virqfd where the kernel has folded it into vfio', async () => {
    expect(await read(fleet.lab.node('amd'), 'etc/modules-load.d/vfio.conf')).not.toContain('vfio_virqfd');
  });
});

it('a driver that is kept away is kept away in every initramfs too, before the reboot', async () => {
  const node = fleet.lab.node('early');
  const playbook = path.join(fleet.folder, 'keep-away.ts');
  await writeFile(
    playbook,
    `import { file, kernelArguments, playbook } from 'vfleet';
export default playbook({
  name: 'Keep away',
  async apply(host) {
    await host.ensure(
      file('/etc/modprobe.d/keep-away.conf', 'blacklist nouveau\\n'),
      kernelArguments({ 'rd.driver.blacklist': 'nouveau' }),
    );
    await host.settle();
  },
});
`,
  );
  const { host } = await fleet.one('apply', 'early', { playbook });
  expect(host.failure).toBeNull();
  const images = readdirSync(at(node, 'boot')).filter((name) => /^initramfs-(?!0-rescue).*\.img$/.test(name));
  expect(images.length).toBeGreaterThan(0);
  for (const name of images) {
    expect(readFileSync(at(node, `boot/${name}`), 'utf8'), name).toContain('modprobe blacklist nouveau');
  }
  expect(await read(node, 'proc/modules')).not.toMatch(/^nouveau /m);
});

it('a host that answers while it is still going down has not rebooted', async () => {
  const node = fleet.lab.node('slow');
  const bootId = await read(node, 'proc/sys/kernel/random/boot_id');
  const real = at(node, 'usr/bin/systemctl');
  await rename(real, `${real}.real`);
  await writeFile(real, '#!/bin/sh\n[ "$1" != reboot ] || sleep 3\nexec "$0.real" "$@"\n');
  await chmod(real, 0o755);
  const { summary } = await fleet.run('apply', { args: { limit: ['slow'] } });
  const [host] = summary.hosts;
  expect(host?.failure).toBeNull();
  expect([host?.reboots, node.counters.reboots]).toEqual([1, 1]);
  expect(await read(node, 'proc/sys/kernel/random/boot_id')).not.toBe(bootId);
  const said = (await fleet.events(summary.run)).flatMap((event) => (event.type === 'progress' ? [event.line] : []));
  expect(said.join('\n')).toContain('still runs the boot from before');
});

it('devices are never given to a driver by id, which takes their twins too and fails the second time', () => {
  const source = fileURLToPath(new URL('../../src/', import.meta.url));
  const files = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter(
    // A simulated kernel knows it, as a real one does.
    (name) => name.endsWith('.ts') && !name.startsWith('lab/'),
  );
  const guilty = files.filter((name) => /\/new_id\b/.test(readFileSync(path.join(source, name), 'utf8')));
  expect(files.length).toBeGreaterThan(100);
  expect(guilty).toEqual([]);
});
