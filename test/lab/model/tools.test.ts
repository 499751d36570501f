import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { type Bench, bench, sharedBench } from './bench.ts';

describe('grub-mkconfig', () => {
  test('a syntax error in /etc/default/grub ends it and leaves the old file', async () => {
    const machine = await bench('debian-12-intel');
    const before = machine.read('/boot/grub/grub.cfg');
    machine.write('/etc/default/grub', 'GRUB_CMDLINE_LINUX="quiet\n');
    const ran = await machine.run('update-grub');
    expect(ran.code).not.toBe(0);
    expect(ran.stderr).toMatch(/unterminated|Unterminated|unexpected|EOF/i);
    expect(machine.read('/boot/grub/grub.cfg')).toBe(before);
    expect(machine.list('/boot/grub')).toEqual(['grub.cfg', 'grubenv']);
  });

  test('a value that breaks the script language is found before the old file is touched', async () => {
    const machine = await bench('debian-12-intel');
    const before = machine.read('/boot/grub/grub.cfg');
    machine.write('/etc/default/grub', `GRUB_CMDLINE_LINUX="it's"\n`);
    const ran = await machine.run('update-grub');
    expect([ran.code, machine.read('/boot/grub/grub.cfg')]).toEqual([1, before]);
    expect(ran.stderr).toContain('Syntax errors are detected in generated GRUB config file.');
    expect(machine.list('/boot/grub')).toContain('grub.cfg.new');
  });

  test('only Debian and its kin read grub.d', async () => {
    for (const [name, command, read] of [
      ['debian-12-intel', 'update-grub', true],
      ['centos-7-intel', 'grub2-mkconfig -o /boot/grub2/grub.cfg', false],
    ] as const) {
      const machine = await bench(name);
      machine.write('/etc/default/grub.d/99-x.cfg', 'GRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX iommu=pt"\n');
      await machine.run(command);
      expect(machine.read(machine.kind.settings.boot.config)?.includes('iommu=pt')).toBe(read);
    }
  });

  test('recovery entries have GRUB_CMDLINE_LINUX, but not its _DEFAULT', async () => {
    const machine = await bench('debian-12-intel');
    machine.write('/etc/default/grub', 'GRUB_CMDLINE_LINUX="one"\nGRUB_CMDLINE_LINUX_DEFAULT="two"\n');
    await machine.run('update-grub');
    const lines = machine.lines('/boot/grub/grub.cfg').filter((line) => /^\s*linux\s/.test(line));
    expect(lines.map((line) => line.replace(/.* ro /, ''))).toEqual([
      'one two',
      'one two',
      'single one',
      'one two',
      'single one',
    ]);
  });

  test('an empty file shows in the middle of the write, when a test stretches it', async () => {
    const machine = await bench('debian-12-intel');
    machine.write('/var/lib/lab-machine/delay/grub-mkconfig', '1\n');
    const running = machine.run('update-grub');
    while (machine.read('/boot/grub/grub.cfg') !== '') await delay(10);
    expect(await machine.boot()).toMatchObject({ kind: 'dead' });
    await running;
    expect(await machine.boot()).toMatchObject({ kind: 'up' });
  });

  test('prints to standard output, has a help, refuses unknown options', async () => {
    const machine = await bench('centos-7-intel');
    const printed = await machine.run('grub2-mkconfig');
    expect(printed.stdout).toBe(machine.read('/boot/grub2/grub.cfg'));
    expect((await machine.run('grub2-mkconfig --help')).stdout).toContain('-o, --output=FILE');
    expect((await machine.run('grub2-mkconfig --help')).stdout).not.toContain('update-bls-cmdline');
    expect(await machine.run('grub2-mkconfig --update-bls-cmdline')).toMatchObject({ code: 1 });
    expect(await machine.run('update-grub')).toMatchObject({ code: 127 });
  });
});

describe('grub-editenv', () => {
  const shared = sharedBench('debian-12-intel');
  test('sets, lists and unsets, 1024 bytes all the while', async () => {
    const { run, read } = shared();
    await run("grub-editenv - set a=1 'b=two words'");
    expect((await run('grub-editenv list')).stdout).toBe('a=1\nb=two words\n');
    await run('grub-editenv /boot/grub/grubenv unset a');
    expect((await run('grub-editenv - list')).stdout).toBe('b=two words\n');
    expect(read('/boot/grub/grubenv')).toHaveLength(1024);
  });

  test('refuses as the real one does', async () => {
    const { run } = shared();
    expect(await run('grub-editenv - set nope')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('invalid parameter nope.'),
    });
    expect(await run('grub-editenv /nowhere/env list')).toMatchObject({ code: 1 });
    expect(await run('grub-editenv')).toMatchObject({ code: 64 });
    expect(await run(`printf x >"$LAB_ROOT/boot/bad"; grub-editenv /boot/bad list`)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('invalid environment block'),
    });
  });
});

// Captured from grub-script-check of Debian's grub-common 2.06-13+deb12u2.
describe('grub-script-check', () => {
  const shared = sharedBench('debian-12-intel');
  test.each([
    ['an open brace', "menuentry 'a' {\n  linux /x\n", 1],
    ['a brace in an if', 'if [ a ]; then\necho x\n}\nfi\n', 1],
    ['an open quote', "menuentry 'a {\n}\n", 1],
    ['nothing', '', 1],
    ['a comment alone', '# c\n', 1],
    ['a whole entry', "menuentry 'a' {\n  if [ x = y ]; then linux /x; else linux /y; fi\n}\n", 0],
    ['a word that looks reserved', 'echo fi then if\nset x="if {"\n', 0],
  ])('on %s', async (_, text, code) => {
    const { run, write } = shared();
    write('/tmp/check.cfg', text);
    expect((await run(`grub-script-check "$LAB_ROOT/tmp/check.cfg"`)).code).toBe(code);
  });
});

describe('modules', () => {
  // Captured from kmod 30 on the modules of linux-image-6.1.0-56-amd64.
  test('modprobe shows its steps in the real order', async () => {
    const { run } = await bench('debian-12-intel');
    const base = '/lib/modules/6.1.0-18-amd64/kernel';
    expect((await run('modprobe --show-depends vfio_pci')).stdout).toBe(
      [
        `insmod ${base}/virt/lib/irqbypass.ko `,
        `insmod ${base}/drivers/vfio/vfio.ko `,
        `insmod ${base}/drivers/vfio/vfio.ko `,
        `insmod ${base}/drivers/vfio/vfio_iommu_type1.ko `,
        `insmod ${base}/drivers/vfio/vfio_virqfd.ko `,
        `insmod ${base}/drivers/vfio/pci/vfio-pci-core.ko `,
        `insmod ${base}/drivers/vfio/pci/vfio-pci.ko `,
        '',
      ].join('\n'),
    );
  });

  test('an unknown one is fatal, or a warning with -a; the others are loaded', async () => {
    const { run } = await bench('debian-13-amd');
    const folder = '/lib/modules/6.12.43+deb13-amd64';
    expect(await run('modprobe vfio_virqfd')).toEqual({
      code: 1,
      stdout: '',
      stderr: `modprobe: FATAL: Module vfio_virqfd not found in directory ${folder}\n`,
    });
    expect(await run('modprobe -a vfio vfio_virqfd vfio-pci')).toEqual({
      code: 1,
      stdout: '',
      stderr: `modprobe: WARNING: Module vfio_virqfd not found in directory ${folder}\n`,
    });
    expect((await run('lsmod')).stdout).toMatch(/^vfio_pci .*\n(.*\n)*vfio +\d+ +\d+ vfio_pci/m);
    expect(await run('modprobe -n vfio_virqfd')).toMatchObject({ code: 1 });
  });

  test('loading by hand and at boot come to the same', async () => {
    for (const name of [
      'centos-7-intel',
      'debian-12-intel',
      'debian-13-amd',
      'openeuler-22.03-amd',
      'ubuntu-22.04-intel',
    ]) {
      const machine = await bench(name);
      await machine.run('modprobe -a vfio vfio_iommu_type1 vfio_pci');
      const byHand = look(machine);
      machine.write('/etc/modules-load.d/vfio.conf', 'vfio\nvfio_iommu_type1\nvfio_pci\n');
      await machine.boot();
      expect(look(machine)).toEqual(byHand);
    }
  });

  function look(machine: Bench): unknown {
    const module = (name: string) =>
      machine.list(`/sys/module/${name}`).filter((entry) => entry !== 'drivers' && entry !== 'parameters');
    return {
      proc: machine.lines('/proc/modules'),
      modules: machine.list('/sys/module'),
      vfio: module('vfio'),
      type1: module('vfio_iommu_type1'),
      parameters: machine
        .list('/sys/module/vfio_iommu_type1/parameters')
        .map((name) => [name, machine.read(`/sys/module/vfio_iommu_type1/parameters/${name}`)]),
      drivers: machine.list('/sys/bus/pci/drivers'),
      device: machine.list('/dev/vfio'),
      misc: machine.list('/sys/class/misc'),
    };
  }

  test('unloading takes what nobody else needs', async () => {
    const machine = await bench('centos-7-intel');
    await machine.run('modprobe -a vfio_iommu_type1 vfio_pci');
    expect(await machine.run('modprobe -r vfio')).toMatchObject({
      code: 1,
      stderr: 'modprobe: FATAL: Module vfio is in use.\n',
    });
    expect(await machine.run('modprobe -r vfio_pci vfio_iommu_type1')).toMatchObject({ code: 0 });
    expect(machine.read('/proc/modules')).not.toContain('vfio');
    expect(machine.list('/dev/vfio')).toEqual([]);
  });

  test('modinfo knows the kernel that it is asked about; old ones know nothing of what is built in', async () => {
    const debian = await bench('debian-12-intel');
    expect((await debian.run('modinfo -k 6.1.0-17-amd64 vfio_virqfd')).stdout).toContain(
      'filename:       /lib/modules/6.1.0-17-amd64/kernel/drivers/vfio/vfio_virqfd.ko\n',
    );
    expect((await debian.run('modinfo -F depends vfio-pci')).stdout).toBe('vfio-pci-core,vfio_virqfd,vfio,irqbypass\n');
    expect(await debian.run('modinfo nosuch')).toEqual({
      code: 1,
      stdout: '',
      stderr: 'modinfo: ERROR: Module nosuch not found.\n',
    });
    expect((await (await bench('ubuntu-22.04-intel')).run('modinfo -n vfio')).stdout).toBe('(builtin)\n');
    expect(await (await bench('centos-7-intel')).run('modinfo pcieport')).toMatchObject({ code: 1 });
  });
});

describe('logs', () => {
  test('dmesg is denied without rights, where the kernel is told so', async () => {
    for (const [name, code] of [
      ['debian-12-intel', 1],
      ['centos-7-intel', 0],
    ] as const) {
      const { run, write } = await bench(name);
      write('/var/lib/lab-machine/unprivileged', '');
      const ran = await run('dmesg');
      expect(ran.code).toBe(code);
      expect(ran.stderr).toBe(code === 0 ? '' : 'dmesg: read kernel buffer failed: Operation not permitted\n');
    }
  });

  test('journalctl picks by kernel, unit and form', async () => {
    const { run, write, boot } = await bench('debian-13-amd', 'rack1-node7');
    write('/etc/modules-load.d/x.conf', 'nosuch\n');
    await boot();
    expect((await run('journalctl -b 0 -u systemd-modules-load.service')).stdout).toMatch(
      /^\w{3} \d\d \d\d:\d\d:\d\d rack1-node7 systemd-modules-load\[412\]: Failed to find module 'nosuch'$/m,
    );
    expect((await run('journalctl -k -o cat')).stdout).not.toContain('nosuch');
    expect((await run('journalctl -k -n 1 -o cat')).stdout.split('\n')).toHaveLength(2);
    expect(await run('journalctl -b -1')).toMatchObject({ code: 1 });
  });
});

describe('systemd', () => {
  const shared = sharedBench('debian-12-intel');
  const over = async (machine: Bench, unit: string) => {
    while (machine.list('/run/systemd/transient').includes(`${unit}.service.claim`)) await delay(10);
  };

  test('systemd-run detaches, and takes a name only once', async () => {
    const machine = shared();
    const gate = `${machine.root}/tmp/gate`;
    const started = await machine.run(
      `systemd-run --unit=job --collect sh -c 'while [ ! -e ${gate} ]; do sleep 0.05; done; echo $HOME >${machine.root}/tmp/out'`,
      { HOME: '/me' },
    );
    expect(started).toMatchObject({ code: 0, stderr: 'Running as unit: job.service\n' });
    expect((await machine.run('systemctl is-active job')).stdout).toBe('active\n');
    expect(await machine.run('systemd-run --unit=job true')).toMatchObject({
      code: 1,
      stderr: 'Failed to start transient service unit: Unit job.service was already loaded or has a fragment file.\n',
    });
    machine.write('/tmp/gate', '');
    await over(machine, 'job');
    // The caller's environment is not the service's.
    expect(readFileSync(`${machine.root}/tmp/out`, 'utf8')).toBe('\n');
    expect((await machine.run('systemctl is-active job')).stdout).toBe('inactive\n');
  });

  test('holds no lock of its caller', async () => {
    const machine = shared();
    const lock = `${machine.root}/tmp/lock`;
    const script = `exec 9>${lock}; flock 9; systemd-run -q --unit=holder sleep 2; exec 9>&-; flock -n ${lock} echo free`;
    expect(await machine.run(script)).toMatchObject({ code: 0, stdout: 'free\n' });
  });

  test('a failed unit stays, and degrades the system, unless it is collected', async () => {
    const machine = shared();
    await machine.run('systemd-run -q --unit=bad sh -c "exit 3"; systemd-run -q --collect --unit=gone false');
    await over(machine, 'bad');
    await over(machine, 'gone');
    expect((await machine.run('systemctl is-failed bad gone')).stdout).toBe('failed\ninactive\n');
    expect((await machine.run('systemctl show -p Result,ExecMainStatus --value bad')).stdout).toBe('exit-code\n3\n');
    expect((await machine.run('systemctl is-system-running')).stdout).toBe('degraded\n');
    expect(await machine.run('systemd-run --unit=bad true')).toMatchObject({ code: 1 });
    await machine.run('systemctl reset-failed bad');
    expect((await machine.run('systemctl is-system-running')).stdout).toBe('running\n');
  });

  test('the old systemd of CentOS 7 does not know newer options', async () => {
    const { run } = await bench('centos-7-intel');
    expect(await run('systemd-run --collect true')).toMatchObject({
      code: 1,
      stderr: "systemd-run: unrecognized option '--collect'\n",
    });
    expect(await run('systemctl show --value -p Result x')).toMatchObject({ code: 1 });
  });

  test('systemd-inhibit passes the exit code on', async () => {
    const { run, list } = shared();
    expect(await run('systemd-inhibit --what=shutdown --who=x --why=y sh -c "exit 5"')).toMatchObject({ code: 5 });
    expect((await run(`systemd-inhibit --who=me systemd-inhibit --list`)).stdout).toMatch(/^me 0 root/m);
    expect(list('/run/systemd/inhibit')).toEqual([]);
  });

  test.each([
    ['reboot', 'reboot'],
    ['systemctl reboot', 'reboot'],
    ['shutdown -r now', 'reboot'],
    ['poweroff', 'poweroff'],
    ['shutdown -h now', 'poweroff'],
  ])('%s asks the node for a %s', async (command, wish) => {
    const { run, read, remove } = shared();
    expect(await run(command)).toMatchObject({ code: 0 });
    expect(read('/run/lab/power')).toBe(`${wish}\n`);
    remove('/run/lab/power');
  });

  test('without rights nothing is asked', async () => {
    const { run, write, read } = await bench('debian-12-intel');
    write('/var/lib/lab-machine/unprivileged', '');
    expect((await run('systemctl reboot')).code).toBe(1);
    expect(read('/run/lab/power')).toBeNull();
  });
});

describe('initramfs', () => {
  test('dracut names a driver that the kernel lacks, and takes modprobe.d along', async () => {
    const machine = await bench('openeuler-22.03-amd');
    machine.write('/etc/dracut.conf.d/vfio.conf', 'force_drivers+=" vfio vfio_pci nosuch "\n');
    machine.write('/etc/modprobe.d/a.conf', '# note\nblacklist nouveau\n');
    const ran = await machine.run('dracut -f --kver 5.10.0-60.18.0.50.oe2203.x86_64');
    expect(ran).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("dracut-install: Failed to find module 'nosuch'\n"),
    });
    expect(machine.lines('/boot/initramfs-5.10.0-60.18.0.50.oe2203.x86_64.img').slice(2)).toEqual([
      'load vfio',
      'load vfio_pci',
      'modprobe blacklist nouveau',
    ]);
    expect(await machine.boot()).toMatchObject({ kind: 'up' });
    expect(await machine.run('dracut --kver 5.10.0-60.18.0.50.oe2203.x86_64')).toMatchObject({ code: 1 });
    expect(await machine.run('dracut -f --kver 9.9')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('Cannot find module directory'),
    });
  });

  test('update-initramfs does the newest kernel, or all', async () => {
    const { run } = await bench('debian-12-intel');
    expect((await run('update-initramfs -u')).stdout).toBe(
      'update-initramfs: Generating /boot/initrd.img-6.1.0-18-amd64\n',
    );
    expect((await run('update-initramfs -u -k all')).stdout.split('\n')).toHaveLength(3);
    expect(await run('update-initramfs -k all')).toMatchObject({ code: 1 });
  });
});

describe('lspci', () => {
  const shared = sharedBench('centos-7-intel');
  // The form is that of the guide's own sample of this card.
  test('names a card, its subsystem, its driver and its modules', async () => {
    expect((await shared().run('lspci -nnk -s 06:00.0')).stdout).toBe(
      [
        '06:00.0 VGA compatible controller [0300]: NVIDIA Corporation GP102 [GeForce GTX 1080 Ti] [10de:1b06] (rev a1)',
        '\tSubsystem: NVIDIA Corporation Device [10de:120f]',
        '\tKernel driver in use: nouveau',
        '\tKernel modules: nouveau',
        '',
      ].join('\n'),
    );
  });

  test.each([
    ['-n -s 06:00.1', '06:00.1 0403: 10de:10ef (rev a1)\n'],
    [
      '-D -nn -s 0000:06:00.1',
      '0000:06:00.1 Audio device [0403]: NVIDIA Corporation GP102 HDMI Audio Controller [10de:10ef] (rev a1)\n',
    ],
    [
      '-nnmm -s 06:00.0',
      '06:00.0 "VGA compatible controller [0300]" "NVIDIA Corporation [10de]" "GP102 [GeForce GTX 1080 Ti] [1b06]" -ra1 "NVIDIA Corporation [10de]" "Device [120f]"\n',
    ],
    [
      '-s 82:',
      '82:00.0 VGA compatible controller: NVIDIA Corporation GP102 [GeForce GTX 1080 Ti] (rev a1)\n82:00.1 Audio device: NVIDIA Corporation GP102 HDMI Audio Controller (rev a1)\n',
    ],
    ['-n -d 10de:1b06', '06:00.0 0300: 10de:1b06 (rev a1)\n82:00.0 0300: 10de:1b06 (rev a1)\n'],
    ['-s ff:00.0', ''],
  ])('%s', async (options, printed) => {
    expect((await shared().run(`lspci ${options}`)).stdout).toBe(printed);
  });
});

describe('small tools', () => {
  const shared = sharedBench('debian-12-intel');
  test.each([
    ['uname', 'Linux\n'],
    ['uname -srm', 'Linux 6.1.0-18-amd64 x86_64\n'],
    ['uname -a', 'Linux node01 6.1.0-18-amd64 #1 SMP PREEMPT_DYNAMIC Debian 6.1.76-1 (2024-02-01) x86_64 GNU/Linux\n'],
    ['hostname', 'node01\n'],
    ['getconf PAGESIZE', '4096\n'],
    ['nproc', '128\n'],
    ['findmnt -n -o SOURCE,FSTYPE /boot/efi', '/dev/nvme0n1p1 vfat\n'],
    ['findmnt -no SOURCE -T /var/lib', '/dev/nvme0n1p2\n'],
    ['mokutil --sb-state', 'SecureBoot disabled\n'],
    ['pgrep -x systemd', '1\n'],
    ['pgrep qemu', ''],
  ])('%s', async (command, printed) => {
    expect((await shared().run(command)).stdout).toBe(printed);
  });

  test('none of them works on a machine that is no node of the lab', async () => {
    const { root, run } = shared();
    const ran = await run(`LAB_ROOT=/nonexistent "${root}/usr/sbin/reboot"`);
    expect(ran.code).not.toBe(0);
    expect(existsSync('/nonexistent')).toBe(false);
  });
});
