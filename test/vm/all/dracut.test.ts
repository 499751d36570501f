import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { canRun } from '../../ssh/requirements.ts';
import { changed, digest, look } from '../machine.ts';
import { type Nodes, needed, startNodes, watchFailures } from '../nodes.ts';

/** See docs/vm-lab.md. Nothing of this is read from vfleet. */
const root = '0000:00:02.0';
const card = '0000:01:00.0';
const disk = '0000:02:00.0';

const steps = {
  nvme: { devices: [{ address: disk, serial: 'SPARE-NVME-1' }] },
  'custom-pci': { devices: [{ address: card, id: '8086:10d3' }] },
} as const;
type Playbook = keyof typeof steps;

/** What a boot of Debian writes by itself; images made anew hold other times; and what vfleet remembers of its runs. */
const ownLife = /^\/(boot\/grub\/grubenv|boot\/initrd\.img-|var\/lib\/(systemd|initramfs-tools|vfleet)(\/| |$))/;

/** One story, told in order, with dracut and driverctl as their packages are. */
describe.runIf(canRun('virtual nodes', needed))('dracut and driverctl on a debian-12-dracut', () => {
  let nodes: Nodes;
  let before: ReadonlyMap<string, string>;

  beforeAll(async () => {
    nodes = await startNodes({ node: 'debian-12-dracut' });
    await on('systemctl is-system-running --wait || true');
    await on('sudo update-grub 2>/dev/null');
    before = await digest(nodes, 'node');
  });
  const failed = watchFailures();
  afterAll(() => nodes?.stop(failed()));

  const on = (command: string): Promise<string> => nodes.on('node', command);
  const run = (verb: string, playbook: Playbook) =>
    nodes.vfleet([verb, playbook, ...(verb === 'apply' ? ['--yes'] : []), '-e', JSON.stringify(steps[playbook])]);
  const drivers = async (...addresses: readonly string[]): Promise<readonly string[]> => {
    const each = addresses.map((address) => `basename "$(readlink /sys/bus/pci/devices/${address}/driver || echo -)"`);
    return (await on(each.join('; '))).trimEnd().split('\n');
  };
  const inInitramfs = async (): Promise<string> =>
    on('sudo lsinitrd /boot/initrd.img-$(uname -r) | grep -oE "82-vfleet[^ ]*|vfio-pci[.]ko" | sort; true');

  async function expectApplied(playbook: Playbook, summary: RegExp): Promise<void> {
    const { code, stdout, stderr } = await run('apply', playbook);
    expect(code, stdout + stderr).toBe(0);
    expect(stdout).toMatch(summary);
  }

  async function expectHeld(): Promise<void> {
    expect(await drivers(disk, card, root)).toEqual(['vfio-pci', 'vfio-pci', 'nvme']);
    expect(await on('sudo driverctl list-overrides')).toContain(`${card} vfio-pci`);
  }

  it('a disk is bound by the initramfs, which dracut has built with the rule and the driver', async () => {
    await expectApplied('nvme', /: 1 host, \d+ writes?, 1 reboot in /);
    expect(await inInitramfs()).toBe('82-vfleet-nvme.rules\nvfio-pci.ko\n');
    expect(await drivers(disk, root)).toEqual(['vfio-pci', 'nvme']);
  });

  it('a network card is bound by a file of driverctl, without a reboot', async () => {
    await expectApplied('custom-pci', /: 1 host, \d+ writes?, 0 reboots in /);
    expect(await on(`cat /etc/driverctl.d/pci-${card}`)).toBe('vfio-pci\n');
    await expectHeld();
  });

  it('both are again by the next boot, the disk before the driver of disks has seen it', async () => {
    const { boots } = await nodes.node('node');
    await on('sudo systemctl reboot');
    await expect
      .poll(async () => (await nodes.node('node')).boots, { interval: 2_000, timeout: 400_000 })
      .toBe(boots + 1);
    await expect.poll(async () => (await nodes.node('node')).state, { interval: 2_000, timeout: 400_000 }).toBe('up');
    expect((await look(nodes, 'node')).failedUnits).toBe('');
    await expectHeld();
    const probed = await on("sudo journalctl -b -k -o cat --no-pager | sed -n 's/^nvme nvme[0-9]*: pci function //p'");
    expect(probed).toContain(root);
    expect(probed).not.toContain(disk);
  });

  it('verify, and a second apply neither writes nor reboots', async () => {
    for (const playbook of ['nvme', 'custom-pci'] as const) {
      const verified = await run('verify', playbook);
      expect(verified.code, verified.stdout + verified.stderr).toBe(0);
      await expectApplied(playbook, /: 1 host, 0 writes, 0 reboots in /);
    }
  });

  it('undo gives both back, and nothing is left', async () => {
    for (const playbook of ['custom-pci', 'nvme'] as const) {
      const { code, stdout, stderr } = await nodes.vfleet(['undo', playbook, '--yes']);
      expect(code, stdout + stderr).toBe(0);
    }
    expect(await drivers(disk, card, root)).toEqual(['nvme', 'e1000e', 'nvme']);
    expect(await inInitramfs()).toBe('');
    const left = changed(before, await digest(nodes, 'node'));
    expect(left.filter((path) => !ownLife.test(path))).toEqual([]);
  });
});
