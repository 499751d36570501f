import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { canRun } from '../ssh/requirements.ts';
import { expectPrepared } from './expected.ts';
import { changed, digest, look, type Machine } from './machine.ts';
import { type Nodes, needed, startNodes } from './nodes.ts';

const kinds = { intel: 'debian-12-intel-bios', amd: 'debian-13-amd-uefi', 'vtd-off': 'debian-12-vtd-off' } as const;
const prepared = ['intel', 'amd'] as const;

/** One story, told in order: each step takes the nodes as the one before left them. */
describe.runIf(canRun('virtual nodes', needed))('a fleet of virtual nodes, one with VT-d off', () => {
  let nodes: Nodes;
  const before = new Map<string, ReadonlyMap<string, string>>();
  const ready = new Map<string, Machine>();

  beforeAll(async () => {
    nodes = await startNodes(kinds);
    for (const name of Object.keys(kinds)) before.set(name, digest(nodes, name));
  });
  afterAll(() => nodes?.stop());

  const since = (name: string) => changed(before.get(name) ?? new Map(), digest(nodes, name));

  it('has booted each node once, unprepared, by its own GRUB', async () => {
    for (const name of Object.keys(kinds)) {
      const machine = look(nodes, name);
      expect((await nodes.node(name)).boots, name).toBe(1);
      expect(machine.commandLine[0], name).toMatch(/^BOOT_IMAGE=\/boot\/vmlinuz-/);
      expect(machine.commandLine, name).not.toContain('iommu=pt');
      expect(machine.modulesToLoad, name).toBeNull();
      expect(machine.modules, name).not.toContain('vfio_pci');
      expect(machine.failedUnits, name).toBe('');
    }
    expect(nodes.on('amd', 'test -d /sys/firmware/efi && echo uefi')).toBe('uefi\n');
    expect(nodes.on('intel', 'test -d /sys/firmware/efi || echo bios')).toBe('bios\n');
  });

  it('has its devices in the groups that they shall be in', () => {
    for (const name of prepared) {
      const { groups } = look(nodes, name);
      for (const alone of ['0000:01:00.0', '0000:03:00.0', '0000:07:00.0'])
        expect(groups, name).toContainEqual([alone]);
      expect(groups, name).toContainEqual(['0000:04:00.0', '0000:05:01.0', '0000:05:02.0']);
    }
    expect(look(nodes, 'vtd-off').groups).toEqual([]);
    expect(look(nodes, 'intel').groups).toContainEqual(['0000:02:00.0']);
    expect(nodes.on('intel', 'cat /sys/class/nvme/nvme*/serial')).toContain('SPARE-NVME-1');
    expect(nodes.on('intel', 'cat /sys/bus/usb/devices/*/serial')).toContain('SPARE-USB-1');
    expect(nodes.on('intel', 'ls /sys/bus/pci/devices/0000:07:00.0/tty')).toMatch(/^ttyS\d+\n$/);
    expect(nodes.on('intel', 'cat /sys/bus/pci/devices/0000:03:00.0/class')).toBe('0x038000\n');
    expect(Number(nodes.on('intel', 'cat /sys/bus/pci/devices/0000:08:00.0/sriov_totalvfs'))).toBeGreaterThan(0);
  });

  it('plans without a write', async () => {
    const { code, stdout, stderr } = await nodes.vfleet(['plan', 'passthrough']);
    expect({ code, stderr }).toMatchObject({ code: 3 });
    expect(stdout).toMatch(/vtd-off.*refused/);
    expect(stdout).toContain('+vfio_virqfd');
    for (const name of prepared) expect(since(name), name).toEqual([]);
  });

  it('applies with real GRUB and one real reboot each; refuses the node whose VT-d is off', async () => {
    const { code, stdout, stderr } = await nodes.vfleet(['apply', 'passthrough', '--yes']);
    expect(code, `${stdout}${stderr}`).toBe(3);
    for (const name of prepared) {
      ready.set(name, expectPrepared(nodes, name, kinds[name]));
      expect((await nodes.node(name)).boots, `${name}: boots`).toBe(2);
      nodes.on(name, 'sudo grub-script-check /boot/grub/grub.cfg');
    }
    expect((await nodes.node('vtd-off')).boots).toBe(1);
  });

  it('wrote what it showed, and nothing else', () => {
    const files = [
      '/boot/grub/grub.cfg content',
      '/etc/default/grub.d/99-vfleet.cfg',
      '/etc/default/grub.d/99-vfleet.cfg content',
      '/etc/modules-load.d/vfio.conf',
      '/etc/modules-load.d/vfio.conf content',
    ];
    for (const name of prepared) {
      const own = since(name).filter((path) => !/^\/var\/lib\/vfleet(\/| |$)/.test(path));
      expect(own, name).toEqual(expect.arrayContaining(files));
      expect(
        own.filter((path) => !files.includes(path) && !bootWrites.test(path)),
        name,
      ).toEqual([]);
    }
  });

  it('verifies, and a second apply neither writes nor reboots', async () => {
    const verified = await nodes.vfleet(['verify', 'passthrough', '-l', 'intel,amd']);
    expect(verified.code, verified.stdout + verified.stderr).toBe(0);
    const files = new Map(prepared.map((name) => [name, digest(nodes, name)]));
    const { code, stdout, stderr } = await nodes.vfleet(['apply', 'passthrough', '--yes', '-l', 'intel,amd']);
    expect(code, `${stdout}${stderr}`).toBe(0);
    for (const name of prepared) {
      expect(look(nodes, name).bootId, `${name}: boot id`).toBe(ready.get(name)?.bootId);
      expect((await nodes.node(name)).boots, `${name}: boots`).toBe(2);
      expect(changed(files.get(name) ?? new Map(), digest(nodes, name)), `${name}: files`).toEqual([]);
    }
  });

  it('left the refused node as it was', () => {
    expect(since('vtd-off')).toEqual([]);
    expect(nodes.on('vtd-off', 'ls /var/lib/vfleet 2>/dev/null || echo none')).toBe('none\n');
  });

  it('makes virtual functions where the node has a device for them', () => {
    const numvfs = '/sys/bus/pci/devices/0000:08:00.0/sriov_numvfs';
    nodes.on('intel', `echo 2 | sudo tee ${numvfs}`);
    expect(
      nodes.on('intel', 'ls -d /sys/bus/pci/devices/0000:08:00.0/virtfn*').split('\n').filter(Boolean),
    ).toHaveLength(2);
    nodes.on('intel', `echo 0 | sudo tee ${numvfs}`);
  });
});

/** What a boot of Debian writes by itself. */
const bootWrites = /^\/(boot\/grub\/grubenv|var\/lib\/systemd\/)/;
