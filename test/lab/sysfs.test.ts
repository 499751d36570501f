import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { holdScript } from '../../src/devices/hold.ts';
import { type Lab, startLab } from '../../src/lab/lab.ts';
import { processesIn } from '../../src/lab/processes.ts';
import { render } from '../../src/template/template.ts';
import { eventually, logIn, type TestClient } from './client.ts';
import { kindNamed } from './model/bench.ts';
import { availableStrategies } from './strategies.ts';

const at = '/sys/bus/pci/devices';
const nvme = '0000:65:00.0';
const gpu = '0000:b1:00.0';
const nic = '0000:19:00.1';

let lab: Lab;

beforeAll(async () => {
  const kind = await kindNamed('debian-12-devices');
  const redHat = await kindNamed('rocky-9.4-amd');
  const nodes = ['write', 'rule', 'early', 'functions', 'unit', 'strange'].map((name) => ({
    name,
    rack: 'r1',
    kind,
    faults: {},
  }));
  lab = await startLab({ nodes: [...nodes, { name: 'red', rack: 'r1', kind: redHat, faults: {} }], bootMs: 50 });
}, 600_000);

afterAll(() => lab.stop());

/** Waits on the node until a command succeeds. */
async function until(client: TestClient, command: string): Promise<void> {
  const loop = `n=0; until ${command}; do n=$((n + 1)); [ $n -lt 100 ] || exit 1; sleep 0.1; done`;
  const { end } = await client.run(loop);
  expect(end, command).toBe(0);
}

async function read(client: TestClient, command: string): Promise<string> {
  return (await client.run(command)).stdout.trim();
}

const driverOf = (address: string) => `readlink ${at}/${address}/driver | sed 's,.*/,,'`;
const has = (address: string, driver: string) => `[ "$(${driverOf(address)})" = "${driver}" ]`;

async function rebooted(name: string): Promise<TestClient> {
  const before = lab.node(name).counters.reboots;
  const client = await logIn(lab, name);
  void client.run('reboot');
  await client.closed;
  await lab.node(name).until('booting');
  await lab.node(name).until('up');
  expect(lab.node(name).counters.reboots).toBe(before + 1);
  return logIn(lab, name);
}

function rule(address: string, id: string): string {
  const [vendor, device] = id.split(':');
  const devices = [
    { address, id, vendor, device, driver: 'vfio-pci', former: null, serial: null, way: `*/${address}` },
  ];
  return render('pci-binding.rules.hbs', { devices, driver: 'vfio-pci' });
}

describe('writes to the PCI bus', () => {
  it('give a device to another driver and back: what its driver made of it goes and comes', async () => {
    const client = await logIn(lab, 'write');
    expect(await read(client, driverOf(nvme))).toBe('nvme');
    const disk = await read(client, `ls ${at}/${nvme}/nvme/*/ | grep n1`);
    expect(await read(client, `ls -d /sys/block/${disk}`)).toBe(`/sys/block/${disk}`);
    const group = await read(client, `readlink ${at}/${nvme}/iommu_group | sed 's,.*/,,'`);
    const held = await client.run('sh -s', holdScript([{ address: nvme, id: '144d:a80a', driver: 'vfio-pci' }]).text);
    expect(held).toMatchObject({ end: 0, stdout: expect.stringContaining(`${nvme}: held by vfio-pci`) });
    const after = `ls -d /sys/block/${disk} ${at}/${nvme}/nvme /dev/vfio/${group} 2>/dev/null; cat ${at}/${nvme}/driver_override`;
    expect(await read(client, after)).toBe(`/dev/vfio/${group}\nvfio-pci`);
    const back = await client.run('sh -s', holdScript([{ address: nvme, id: '144d:a80a', driver: null }]).text);
    expect(back).toMatchObject({ end: 0, stdout: expect.stringContaining('given back to nvme') });
    expect(await read(client, after)).toBe(`/sys/block/${disk}\n${at}/${nvme}/nvme\n(null)`);
    client.end();
  });

  it('have no effect where a kernel refuses, and the kernel log says why', async () => {
    const client = await logIn(lab, 'write');
    const other = '0000:64:00.0';
    await client.run(`echo ${other} >/sys/bus/pci/drivers/igb/unbind`);
    await until(client, `dmesg | grep -q '${other}" to igb/unbind is refused: ENODEV'`);
    await client.run(`echo ${other} >/sys/bus/pci/drivers/nvme/bind`);
    await until(client, `dmesg | grep -q '${other}" to nvme/bind is refused: EBUSY'`);
    await client.run(`echo 0000:99:00.0 >/sys/bus/pci/drivers_probe`);
    await until(client, "dmesg | grep -q 'drivers_probe is refused: ENODEV'");
    // A bridge is no device for vfio-pci.
    const bridge = '0000:02:00.0';
    await client.run(`modprobe vfio-pci; echo vfio-pci >${at}/${bridge}/driver_override`);
    await client.run(`echo ${bridge} >/sys/bus/pci/drivers_probe`);
    await until(client, `dmesg | grep -q 'vfio-pci: probe of ${bridge} failed with error -22'`);
    expect(await read(client, driverOf(bridge))).toBe('');
    expect(await read(client, driverOf(other))).toBe('nvme');
    client.end();
  });

  it('of an id let a driver take what nobody has, and nothing that somebody has', async () => {
    const client = await logIn(lab, 'write');
    const free = '0000:51:00.0';
    await client.run('modprobe vfio-pci && echo 10ee 9038 >/sys/bus/pci/drivers/vfio-pci/new_id');
    await until(client, has(free, 'vfio-pci'));
    await client.run(`echo ${free} >/sys/bus/pci/drivers/vfio-pci/unbind`);
    await until(client, has(free, ''));
    await client.run(`echo ${free} >/sys/bus/pci/drivers/vfio-pci/bind`);
    await until(client, has(free, 'vfio-pci'));
    expect(await read(client, driverOf('0000:66:00.0'))).toBe('nvme');
    await until(client, '[ -e /dev/vfio/28 ]');
    await client.run('modprobe -r vfio-pci');
    await until(client, `${has(free, '')} && [ ! -e /dev/vfio/28 ]`);
    // With another driver of that name its folder is another one.
    await client.run(`modprobe vfio-pci && echo vfio-pci >${at}/${free}/driver_override`);
    await client.run(`echo ${free} >/sys/bus/pci/drivers_probe`);
    await until(client, has(free, 'vfio-pci'));
    await client.run(`echo ${free} >/sys/bus/pci/drivers/vfio-pci/unbind`);
    await until(client, has(free, ''));
    client.end();
  });

  it('come after what modprobe does: a driver that comes and goes takes its interfaces along', async () => {
    const client = await logIn(lab, 'write');
    expect(await read(client, 'ls -d /sys/class/net/eno2')).toBe('/sys/class/net/eno2');
    await client.run('modprobe -r igb');
    await until(client, '[ ! -e /sys/class/net/eno2 ]');
    await client.run(`echo 0000:19:00.1 >/sys/bus/pci/drivers_probe; modprobe igb`);
    await until(client, '[ -e /sys/class/net/eno2/address ]');
    expect(await read(client, driverOf('0000:19:00.1'))).toBe('igb');
    client.end();
  });
});

describe('rules of udev at boot', () => {
  it('give a device to the driver that they say, whatever its own driver did before, and back when they are gone', async () => {
    const client = await logIn(lab, 'rule');
    expect(await read(client, driverOf(gpu))).toBe('nouveau');
    await client.run('mkdir -p /etc/udev/rules.d; cat >/etc/udev/rules.d/82-vfleet-x.rules', rule(gpu, '10de:2204'));
    client.end();
    const again = await rebooted('rule');
    expect(await read(again, driverOf(gpu))).toBe('vfio-pci');
    expect(await read(again, `cat ${at}/${gpu}/driver_override`)).toBe('vfio-pci');
    // Its twin in the group has no rule.
    expect(await read(again, driverOf('0000:b1:00.1'))).toBe('snd_hda_intel');
    await again.run('rm /etc/udev/rules.d/82-vfleet-x.rules');
    again.end();
    const last = await rebooted('rule');
    expect(await read(last, driverOf(gpu))).toBe('nouveau');
    expect(await read(last, `cat ${at}/${gpu}/driver_override`)).toBe('(null)');
    last.end();
  });

  it('that only say the driver lose against one that the initramfs has loaded, until they are in the initramfs', async () => {
    const client = await logIn(lab, 'early');
    const sas = '0000:52:00.0';
    const only = (address: string) =>
      `ACTION=="add", SUBSYSTEM=="pci", KERNEL=="${address}", ATTR{driver_override}="vfio-pci", RUN{builtin}+="kmod load vfio-pci"\n`;
    await client.run('mkdir -p /etc/udev/rules.d; cat >/etc/udev/rules.d/82-x.rules', only(sas) + only(nvme));
    client.end();
    const late = await rebooted('early');
    expect(await read(late, driverOf(sas))).toBe('mpt3sas');
    expect(await read(late, `cat ${at}/${sas}/driver_override`)).toBe('vfio-pci');
    expect(await late.run('update-initramfs -u')).toMatchObject({ end: 0 });
    late.end();
    const early = await rebooted('early');
    expect(await read(early, driverOf(sas))).toBe('vfio-pci');
    // The event of a twin, which has no rule, has loaded the driver before its own one: nothing but an unbind helps there.
    expect(await read(early, driverOf(nvme))).toBe('nvme');
    // Without the rule on the disk nobody loads vfio-pci, but the override of the initramfs stays.
    await early.run('rm /etc/udev/rules.d/82-x.rules');
    early.end();
    const stays = await rebooted('early');
    expect(await read(stays, `cat ${at}/${sas}/driver_override; ${driverOf(sas)}`)).toBe('vfio-pci');
    await stays.run('update-initramfs -u');
    stays.end();
    const back = await rebooted('early');
    expect(await read(back, driverOf(sas))).toBe('mpt3sas');
    back.end();
  });

  it('of driverctl give a device away on a machine that has it', async () => {
    const client = await logIn(lab, 'functions');
    await client.run('mkdir -p /etc/driverctl.d; echo vfio-pci >/etc/driverctl.d/pci-0000:66:00.0');
    client.end();
    const without = await rebooted('functions');
    expect(await read(without, driverOf('0000:66:00.0'))).toBe('nvme');
    await without.run('echo >/usr/sbin/driverctl');
    without.end();
    const owned = await rebooted('functions');
    expect(await read(owned, driverOf('0000:66:00.0'))).toBe('vfio-pci');
    expect(await read(owned, driverOf('0000:65:00.0'))).toBe('nvme');
    owned.end();
  });

  it('come into an initramfs of dracut by install_items, with drivers by add_drivers', async () => {
    const client = await logIn(lab, 'red');
    const device = '0000:01:00.0';
    await client.run('mkdir -p /etc/udev/rules.d; cat >/etc/udev/rules.d/82-vfleet-x.rules', rule(device, '144d:a804'));
    const data = { what: 'x', modules: ['vfio_pci'], files: ['/etc/udev/rules.d/82-vfleet-x.rules'] };
    await client.run(
      'mkdir -p /etc/dracut.conf.d; cat >/etc/dracut.conf.d/x.conf',
      render('initramfs-dracut.conf.hbs', data),
    );
    expect(await client.run('dracut -f')).toMatchObject({ end: 0 });
    expect(
      await read(
        client,
        'grep -e "^add vfio_pci" -e "^udev 82-vfleet-x.rules KERNEL" /boot/initramfs-$(uname -r).img | cut -c 1-33',
      ),
    ).toBe('add vfio_pci\nudev 82-vfleet-x.rules KERNEL=="0');
    client.end();
    const again = await rebooted('red');
    expect(await read(again, driverOf(device))).toBe('vfio-pci');
    again.end();
  });

  it('that the lab does not understand keep the node from coming up', async () => {
    const client = await logIn(lab, 'strange');
    await client.run(
      'mkdir -p /etc/udev/rules.d; cat >/etc/udev/rules.d/90-x.rules',
      'SUBSYSTEM=="pci", PROGRAM="/bin/true", ATTR{x}="1"\n',
    );
    void client.run('reboot');
    await client.closed;
    await expect(lab.node('strange').until('up')).rejects.toMatchObject({
      code: 'lab.dead',
      parts: { found: expect.stringContaining('90-x.rules:1: PROGRAM=') },
    });
  });
});

describe('virtual functions', () => {
  it('are made and removed by number, have groups and interfaces, and go with their driver', async () => {
    const client = await logIn(lab, 'functions');
    const count = `ls -d ${at}/${nic}/virtfn* 2>/dev/null | wc -l`;
    const write = (text: string) => client.run(`echo ${text} >${at}/${nic}/sriov_numvfs`);
    await write('4');
    await until(client, `[ "$(${count})" = 4 ]`);
    const first = await read(client, `readlink ${at}/${nic}/virtfn0`);
    expect(first).toBe('../0000:1a:10.1');
    await until(client, has('0000:1a:10.1', 'igbvf'));
    expect(
      await read(
        client,
        `ls ${at}/0000:1a:10.1/net; ls -d ${at}/0000:1a:10.1/physfn/sriov_numvfs; cat ${at}/${nic}/sriov_numvfs`,
      ),
    ).toBe(`eno2v0\n${at}/0000:1a:10.1/physfn/sriov_numvfs\n4`);
    const groups = `for link in ${at}/${nic}/virtfn*/iommu_group; do readlink -f $link; done | sort -u | wc -l`;
    expect(await read(client, groups)).toBe('4');
    // Another number, and too many: refused.
    await write('5');
    await until(client, "dmesg | grep -q '4 VFs already enabled. Disable before enabling 5 VFs'");
    await write('8');
    await until(client, "dmesg | grep -q 'sriov_numvfs is refused: ERANGE'");
    expect(await read(client, `cat ${at}/${nic}/sriov_numvfs; ${count}`)).toBe('4\n4');
    await write('0');
    await until(client, `[ "$(${count})" = 0 ]`);
    expect(await read(client, `ls -d ${at}/0000:1a:10.1 /sys/class/net/eno2v0 2>/dev/null`)).toBe('');
    // None without a driver.
    await client.run(`echo ${nic} >${at}/${nic}/driver/unbind`);
    await until(client, has(nic, ''));
    await write('2');
    await until(client, "dmesg | grep -q 'no driver bound to device; cannot configure SR-IOV'");
    expect(await read(client, `cat ${at}/${nic}/sriov_numvfs`)).toBe('0');
    client.end();
  });

  it('of a unit are there after a reboot, held by vfio-pci, and go when the unit is gone', async () => {
    const client = await logIn(lab, 'unit');
    const unit = `vfleet-vfs-${nic}.service`;
    const script = `/etc/vfleet/vfs-${nic}.sh`;
    const path = `/etc/systemd/system/${unit}`;
    const put = (file: string, text: string) => client.run(`mkdir -p "$(dirname ${file})"; cat >${file}`, text);
    await put(path, render('virtual-functions.service.hbs', { address: nic, script, path }));
    await put(`/etc/systemd/system/multi-user.target.d/50-${unit}.conf`, render('unit-wants.conf.hbs', { unit }));
    const data = { unit, address: nic, id: '8086:1521', count: 3, driver: 'vfio-pci' };
    await put(script, render('virtual-functions.sh.hbs', data));
    expect(await client.run(`systemctl daemon-reload && systemctl restart ${unit}`)).toMatchObject({ end: 0 });
    const drivers = `for link in ${at}/${nic}/virtfn*/driver; do readlink $link; done | sed 's,.*/,,' | sort | uniq -c | tr -s ' '`;
    expect(await read(client, drivers)).toBe('3 vfio-pci');
    client.end();
    const again = await rebooted('unit');
    expect(await read(again, `systemctl is-active ${unit}; ${drivers}`)).toBe('active\n 3 vfio-pci');
    expect(await read(again, `journalctl -u ${unit} -o cat`)).toContain('3 virtual functions, held by vfio-pci');
    await again.run(`rm ${path} /etc/systemd/system/multi-user.target.d/50-${unit}.conf`);
    expect(await read(again, `systemctl show -p FragmentPath ${unit}`)).toBe(`FragmentPath=${path}`);
    expect(await again.run(`systemctl stop ${unit} && systemctl daemon-reload`)).toMatchObject({ end: 0 });
    await until(again, `[ "$(cat ${at}/${nic}/sriov_numvfs)" = 0 ] && ! ls ${at}/${nic}/virtfn0 2>/dev/null`);
    again.end();
    const without = await rebooted('unit');
    expect(await read(without, `cat ${at}/${nic}/sriov_numvfs`)).toBe('0');
    without.end();
  });
});

describe('other writes', () => {
  it('of numbers of hugepages reserve what there is memory for, on the node that is named', async () => {
    const client = await logIn(lab, 'write');
    const pool = '/sys/devices/system/node/node1/hugepages/hugepages-1048576kB';
    const all = '/sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages';
    await client.run(`echo 4 >${pool}/nr_hugepages`);
    await until(client, `grep -qx 4 ${pool}/free_hugepages`);
    expect(await read(client, `cat ${all}; sed -n 's/^Hugetlb: *//p' /proc/meminfo`)).toBe('4\n4194304 kB');
    await client.run(`echo 100000 >${pool}/nr_hugepages`);
    await until(client, `! grep -qx -e 4 -e 100000 ${pool}/nr_hugepages`);
    const got = Number(await read(client, `cat ${pool}/nr_hugepages`));
    expect(got).toBeGreaterThan(4);
    expect(got * 1024 * 1024).toBeLessThan(
      Number(await read(client, "sed -n 's/[^0-9]*\\([0-9]*\\) kB/\\1/p' /proc/meminfo | head -n 1")),
    );
    client.end();
  });

  it('of rules name a serial port by the USB port that it is at, when udev is asked, and in the next boot', async () => {
    const client = await logIn(lab, 'rule');
    const usb = lab
      .node('rule')
      .kind.settings.usb?.find(({ interfaces }) => interfaces.some(({ tty }) => tty !== undefined));
    const name = usb?.interfaces.find(({ tty }) => tty !== undefined)?.tty;
    const line = (port: string, alias: string) =>
      `SUBSYSTEM=="tty", KERNELS=="${port}", ATTRS{idVendor}=="${usb?.vendor}", ATTRS{idProduct}=="${usb?.product}", SYMLINK+="vfleet/${alias}"\n`;
    const rules = line(usb?.port ?? '', 'modem') + line('9-9', 'nobody');
    await client.run('mkdir -p /etc/udev/rules.d; cat >/etc/udev/rules.d/82-names.rules', rules);
    const named = `grep -h ^S:vfleet /run/udev/data/c$(cat /sys/class/tty/${name}/dev)`;
    expect(await read(client, named)).toBe('');
    const asked = 'udevadm control --reload && udevadm trigger --action=change --subsystem-match=tty && udevadm settle';
    expect(await client.run(asked)).toMatchObject({ end: 0 });
    expect(await read(client, named)).toBe('S:vfleet/modem');
    client.end();
    const again = await rebooted('rule');
    expect(await read(again, `${named}; grep -l vfleet/nobody /run/udev/data/*`)).toBe('S:vfleet/modem');
    again.end();
  });

  it('of a unit that waits do not keep the power on', async () => {
    const node = lab.node('write');
    const client = await logIn(lab, 'write');
    const put = (file: string, text: string) => client.run(`mkdir -p "$(dirname ${file})"; cat >${file}`, text);
    await put('/etc/systemd/system/waits.service', '[Service]\nType=oneshot\nExecStart=/bin/sleep 600\n');
    await put('/etc/systemd/system/multi-user.target.d/50-waits.conf', '[Unit]\nWants=waits.service\n');
    void client.run('reboot');
    await client.closed;
    await eventually(() => processesIn(node.root).length > 2, 'the unit runs');
    await node.powerCut({ stayOff: true });
    await node.until('off');
    expect(processesIn(node.root)).toEqual([]);
  });
});

describe.each(await availableStrategies())('a lab by %s', (strategy) => {
  it('shows in /dev what a driver has taken', async () => {
    const one = await startLab({
      nodes: [{ name: 'n', rack: 'r1', kind: await kindNamed('debian-12-intel'), faults: {} }],
      strategy,
    });
    try {
      const client = await logIn(one, 'n');
      const device = '0000:18:00.1';
      const given = { address: device, id: '8086:1592' };
      const held = await client.run('sh -s', holdScript([{ ...given, driver: 'vfio-pci' }]).text);
      expect(held).toMatchObject({ end: 0, stdout: expect.stringContaining('held by vfio-pci') });
      const seen = 'ls /dev/vfio; ls -d /sys/class/net/ens1f1np1 2>/dev/null';
      expect(await read(client, seen)).toBe('11\nvfio');
      expect(await client.run('sh -s', holdScript([{ ...given, driver: null }]).text)).toMatchObject({ end: 0 });
      expect(await read(client, seen)).toBe('vfio\n/sys/class/net/ens1f1np1');
      client.end();
    } finally {
      await one.stop();
    }
  });
});
