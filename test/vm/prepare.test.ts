import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { canRun } from '../ssh/requirements.ts';
import { expectPrepared } from './expected.ts';
import { changed, digest, look, type Machine } from './machine.ts';
import { type Nodes, needed, startNodes, watchFailures } from './nodes.ts';

const kinds = { intel: 'debian-12-intel-bios', amd: 'debian-13-amd-uefi', 'vtd-off': 'debian-12-vtd-off' } as const;
type Name = keyof typeof kinds;
const prepared = ['intel', 'amd'] as const;
const all = ['intel', 'amd', 'vtd-off'] as const;
const nothing: ReadonlyMap<string, string> = new Map();

/** What a boot of Debian writes by itself. */
const bootWrites = /^\/(boot\/grub\/grubenv|var\/lib\/systemd\/)/;

/** One story, told in order: each step takes the nodes as the one before left them. */
describe.runIf(canRun('virtual nodes', needed))('a fleet of virtual nodes, one with VT-d off', () => {
  let nodes: Nodes;
  const before = new Map<Name, ReadonlyMap<string, string>>();
  const ready = new Map<Name, Machine>();
  const groups = new Map<Name, Machine['groups']>();

  beforeAll(async () => {
    nodes = await startNodes(kinds);
    await onEach(all, async (name) => {
      // The first boot has an end, up to which Debian itself writes.
      await nodes.on(name, 'systemctl is-system-running --wait || true');
      before.set(name, await digest(nodes, name, { times: name === 'vtd-off' }));
    });
  });
  const failed = watchFailures();
  afterAll(() => nodes?.stop(failed()));

  /** Side by side: a node has one processor, this machine more. */
  const onEach = async <N extends Name>(names: readonly N[], work: (name: N) => Promise<unknown>): Promise<void> => {
    await Promise.all(names.map(work));
  };
  const since = async (name: Name) =>
    changed(before.get(name) ?? nothing, await digest(nodes, name, { times: name === 'vtd-off' }));
  const boots = async (name: Name) => (await nodes.node(name)).boots;

  it('has booted each node once, unprepared, by its own GRUB', async () => {
    await onEach(all, async (name) => {
      const machine = await look(nodes, name);
      groups.set(name, machine.groups);
      expect(await boots(name), name).toBe(1);
      expect(machine.commandLine[0], name).toMatch(/^BOOT_IMAGE=\/boot\/vmlinuz-/);
      expect(machine.commandLine, name).not.toContain('iommu=pt');
      expect(machine.modulesToLoad, name).toBeNull();
      expect(machine.modules, name).not.toContain('vfio_pci');
      expect(machine.failedUnits, name).toBe('');
    });
    expect(await nodes.on('amd', 'test -d /sys/firmware/efi && echo uefi')).toBe('uefi\n');
    expect(await nodes.on('intel', 'test -d /sys/firmware/efi || echo bios')).toBe('bios\n');
  });

  it('has its devices in the groups that they shall be in', async () => {
    await onEach(all, async (name) => {
      const { groups } = await look(nodes, name);
      if (name === 'vtd-off') return expect(groups).toEqual([]);
      const alone = ['0000:01:00.0', '0000:03:00.0', '0000:07:00.0', ...(name === 'intel' ? ['0000:02:00.0'] : [])];
      for (const device of alone) expect(groups, name).toContainEqual([device]);
      expect(groups, name).toContainEqual(['0000:04:00.0', '0000:05:01.0', '0000:05:02.0']);
    });
    const on = (command: string) => nodes.on('intel', command);
    expect(await on('cat /sys/class/nvme/nvme*/serial')).toContain('SPARE-NVME-1');
    expect(await on('cat /sys/bus/usb/devices/*/serial')).toContain('SPARE-USB-1');
    expect(await on('ls /sys/bus/pci/devices/0000:07:00.0/tty')).toMatch(/^ttyS\d+\n$/);
    expect(await on('cat /sys/bus/pci/devices/0000:03:00.0/class')).toBe('0x038000\n');
    expect(Number(await on('cat /sys/bus/pci/devices/0000:08:00.0/sriov_totalvfs'))).toBeGreaterThan(0);
  });

  it('plans without a write', async () => {
    const { code, stdout, stderr } = await nodes.vfleet(['plan', 'passthrough']);
    expect(code, stdout + stderr).toBe(3);
    expect(stdout).toMatch(/vtd-off.*refused/);
    expect(stdout).toContain('+vfio_virqfd');
    await onEach(prepared, async (name) => expect(await since(name), name).toEqual([]));
  });

  it('applies with real GRUB and one real reboot each; refuses the node whose VT-d is off', async () => {
    const { code, stdout, stderr } = await nodes.vfleet(['apply', 'passthrough', '--yes']);
    expect(code, `${stdout}${stderr}`).toBe(3);
    await onEach(prepared, async (name) => {
      ready.set(name, await expectPrepared(nodes, name, kinds[name]));
      expect(ready.get(name)?.groups, `${name}: IOMMU groups`).toEqual(groups.get(name));
      expect(await boots(name), `${name}: boots`).toBe(2);
      await nodes.on(name, 'sudo grub-script-check /boot/grub/grub.cfg');
    });
    expect(await boots('vtd-off')).toBe(1);
  });

  it('wrote what it showed, and nothing else', async () => {
    const files = [
      '/boot/grub/grub.cfg content',
      '/etc/default/grub.d/99-vfleet.cfg',
      '/etc/default/grub.d/99-vfleet.cfg content',
      '/etc/modules-load.d/vfio.conf',
      '/etc/modules-load.d/vfio.conf content',
    ];
    await onEach(prepared, async (name) => {
      const own = (await since(name)).filter((path) => !/^\/var\/lib\/vfleet(\/| |$)/.test(path));
      expect(own, name).toEqual(expect.arrayContaining(files));
      expect(
        own.filter((path) => !files.includes(path) && !bootWrites.test(path)),
        name,
      ).toEqual([]);
    });
  });

  it('verifies, and a second apply neither writes nor reboots', async () => {
    const verified = await nodes.vfleet(['verify', 'passthrough', '-l', 'intel:amd']);
    expect(verified.code, verified.stdout + verified.stderr).toBe(0);
    const files = new Map<Name, ReadonlyMap<string, string>>();
    await onEach(prepared, async (name) => files.set(name, await digest(nodes, name, { times: true })));
    const { code, stdout, stderr } = await nodes.vfleet(['apply', 'passthrough', '--yes', '-l', 'intel:amd']);
    expect(code, `${stdout}${stderr}`).toBe(0);
    await onEach(prepared, async (name) => {
      expect((await look(nodes, name)).bootId, `${name}: boot id`).toBe(ready.get(name)?.bootId);
      expect(await boots(name), `${name}: boots`).toBe(2);
      expect(changed(files.get(name) ?? nothing, await digest(nodes, name, { times: true })), `${name}: files`).toEqual(
        [],
      );
    });
  });

  it('left the refused node as it was', async () => {
    expect(await since('vtd-off')).toEqual([]);
    expect(await nodes.on('vtd-off', 'ls /var/lib/vfleet 2>/dev/null || echo none')).toBe('none\n');
  });

  it('are given back by undo: real GRUB generates the file of before, byte for byte, and nothing reboots', async () => {
    const { code, stdout, stderr } = await nodes.vfleet(['undo', 'passthrough', '--yes', '-l', 'intel:amd']);
    expect(code, `${stdout}${stderr}`).toBe(0);
    await onEach(prepared, async (name) => {
      const own = (await since(name)).filter((path) => !/^\/var\/lib\/vfleet(\/| |$)/.test(path));
      expect(
        own.filter((path) => !bootWrites.test(path)),
        name,
      ).toEqual([]);
      expect(await boots(name), `${name}: boots`).toBe(2);
    });
  });

  it('makes virtual functions where the node has a device for them', async () => {
    const device = '/sys/bus/pci/devices/0000:08:00.0';
    const made = await nodes.on(
      'intel',
      `echo 2 | sudo tee ${device}/sriov_numvfs >/dev/null; ls -d ${device}/virtfn*`,
    );
    expect(made.split('\n').filter(Boolean)).toHaveLength(2);
    await nodes.on('intel', `echo 0 | sudo tee ${device}/sriov_numvfs`);
  });
});
