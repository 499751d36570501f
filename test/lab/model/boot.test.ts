import { describe, expect, test } from 'vitest';
import { builtinMachineKinds } from '../../../src/lab/machine-kind.ts';
import { type Bench, bench, sharedBench } from './bench.ts';

const builtin = await builtinMachineKinds();
const all = builtin.map((kind) => kind.name);
/** Those whose arguments are in grub.cfg alone; the others have tests of their own. */
const classic = builtin
  .filter(({ settings }) => /^(?:update-grub|grub2-mkconfig)$/.test(settings.boot.loader))
  .map((kind) => kind.name);
/** Captured from virtual machines: more of the same distributions, so that one test of each is enough here. */
const captured = all.filter((name) => name.startsWith('qemu-'));
const kinds = all.filter((name) => !captured.includes(name));
/** Beside the file, and then in its place: some refuse to write on the EFI system partition. */
const regenerate = ({ kind }: Bench) => {
  const { loader, config } = kind.settings.boot;
  const beside = `grub2-mkconfig -o ${config}.mine && mv "$LAB_ROOT${config}.mine" "$LAB_ROOT${config}"`;
  return loader === 'update-grub' ? 'update-grub' : beside;
};

/** Adds an argument to GRUB_CMDLINE_LINUX as an operator would. */
function addArgument(machine: Bench, argument: string): void {
  const text = machine.read('/etc/default/grub') ?? '';
  machine.write('/etc/default/grub', text.replace(/^(GRUB_CMDLINE_LINUX=".*)"$/m, `$1 ${argument}"`));
}

describe.each(kinds)('%s', (name) => {
  test('comes up as it was furnished, with another boot id', async () => {
    const machine = await bench(name);
    const kernel = machine.kind.settings.kernels[0]?.release ?? '';
    const paths = [
      '/proc/cmdline',
      '/proc/modules',
      '/proc/mounts',
      '/sys/class',
      '/sys/kernel/iommu_groups',
      '/sys/module',
    ];
    const look = () => paths.map((path) => machine.read(path) ?? machine.list(path));
    const before = look();
    const id = machine.read('/proc/sys/kernel/random/boot_id');
    const booted = await machine.boot();
    expect(look()).toEqual(before);
    expect(booted).toMatchObject({ kind: 'up', bootId: machine.read('/proc/sys/kernel/random/boot_id')?.trim() });
    expect(machine.read('/proc/sys/kernel/random/boot_id')).not.toBe(id);
    expect((await machine.run('uname -r')).stdout.trim()).toBe(kernel);
    expect((await machine.run('systemctl is-system-running')).stdout.trim()).toBe('running');
  });

  test.runIf(classic.includes(name))('its grub.cfg is what its own tool makes', async () => {
    const machine = await bench(name);
    const { config } = machine.kind.settings.boot;
    const before = machine.read(config);
    expect(await machine.run(regenerate(machine))).toMatchObject({ code: 0, stderr: expect.stringMatching(/done\n$/) });
    expect(machine.read(config)).toBe(before);
  });

  test.runIf(classic.includes(name))(
    'an edit shows after the configuration was generated and the machine booted, not before',
    async () => {
      const machine = await bench(name);
      addArgument(machine, 'nosmt');
      await machine.boot();
      expect(machine.read('/proc/cmdline')).not.toContain('nosmt');
      await machine.run(regenerate(machine));
      expect(machine.read('/proc/cmdline')).not.toContain('nosmt');
      const entries = machine.lines(machine.kind.settings.boot.config).filter((line) => /^\s*linux/.test(line));
      expect(entries).not.toEqual([]);
      expect(entries.every((line) => line.includes(' nosmt'))).toBe(true);
      await machine.boot();
      expect(machine.read('/proc/cmdline')).toContain(' nosmt');
    },
  );

  test('a module that its kernel lacks makes systemd-modules-load fail, at boot and by hand', async () => {
    const machine = await bench(name);
    const [kernel] = machine.kind.settings.kernels;
    const known = [...(kernel?.modules ?? []), ...(kernel?.builtin ?? [])].includes('vfio_virqfd');
    machine.write('/etc/modules-load.d/vfio.conf', 'vfio\nvfio_iommu_type1\nvfio_pci\nvfio_virqfd\n');
    await machine.boot();
    const failed = async () => (await machine.run('systemctl --failed --no-legend --plain')).stdout.trim();
    const unit = 'systemd-modules-load.service loaded failed failed Load Kernel Modules';
    expect(await failed()).toBe(known ? '' : unit);
    const said = (await machine.run('journalctl -b 0 -u systemd-modules-load -o cat')).stdout;
    expect(said.includes("Failed to find module 'vfio_virqfd'")).toBe(!known);
    expect(machine.list('/sys/bus/pci/drivers')).toContain('vfio-pci');
    expect(machine.list('/dev/vfio')).toContain('vfio');
    expect(await machine.run('systemctl restart systemd-modules-load.service')).toMatchObject({ code: known ? 0 : 1 });
    expect((await machine.run('systemctl is-active systemd-modules-load')).stdout.trim()).toBe(
      known ? 'active' : 'failed',
    );
    machine.write('/etc/modules-load.d/vfio.conf', 'vfio\nvfio_iommu_type1\nvfio_pci\n');
    expect(await machine.run('systemctl restart systemd-modules-load.service')).toMatchObject({ code: 0, stderr: '' });
    expect(await failed()).toBe('');
  });
});

describe.each(captured)('%s', (name) => {
  test('the stand-in of update-grub makes byte for byte what GRUB made on the real machine', async () => {
    const machine = await bench(name);
    const real = machine.read('/boot/grub/grub.cfg');
    machine.write('/boot/grub/grub.cfg', '');
    expect(await machine.run('update-grub')).toMatchObject({ code: 0 });
    expect(machine.read('/boot/grub/grub.cfg')).toBe(real);
  });
});

describe('the IOMMU', () => {
  const on: [string, string, RegExp[], RegExp[]][] = [
    ['centos-7-intel', 'intel_iommu=on', [/DMAR: IOMMU enabled/, /iommu: Adding device 0000:06:00\.0 to group 3/], []],
    [
      'openeuler-22.03-amd',
      'iommu=pt',
      [/AMD-Vi: Interrupt remapping enabled/, /Passthrough \(set via kernel command line\)/],
      [/DMAR/],
    ],
    [
      'debian-12-intel',
      'quiet',
      [/DMAR: Intel\(R\) Virtualization/, /AMD-Vi: AMD IOMMUv2 functionality not/],
      [/DMAR: IOMMU enabled/],
    ],
    [
      'ubuntu-22.04-intel',
      'intel_iommu=on',
      [/DMAR: IOMMU enabled/, /pci 0000:31:00\.0: Adding to iommu group 13/],
      [],
    ],
  ];
  test.each(on)('of %s is on with %s', async (name, argument, present, absent) => {
    const machine = await bench(name);
    addArgument(machine, argument);
    await machine.run(regenerate(machine));
    await machine.boot();
    expect(machine.list('/sys/class/iommu')).not.toEqual([]);
    const gpu = machine.kind.settings.pci.find((device) => device.driver === 'nouveau');
    expect(machine.list(`/sys/kernel/iommu_groups/${gpu?.group}/devices`)).toContain(gpu?.address);
    expect(machine.read(`/sys/bus/pci/devices/${gpu?.address}/iommu_group/devices/${gpu?.address}/vendor`)).toBe(
      '0x10de\n',
    );
    const log = (await machine.run('journalctl -k -b 0 --no-pager')).stdout;
    for (const text of present) expect(log).toMatch(text);
    for (const text of absent) expect(log).not.toMatch(text);
  });

  test.each([
    ['centos-7-intel', 'quiet'],
    ['ubuntu-22.04-intel', 'quiet'],
    ['debian-12-intel', 'intel_iommu=off'],
    ['openeuler-22.03-amd', 'amd_iommu=off'],
    ['debian-13-amd', 'iommu=off'],
  ])('of %s is off with %s, though firmware has its table', async (name, argument) => {
    const machine = await bench(name);
    addArgument(machine, argument);
    await machine.run(regenerate(machine));
    await machine.boot();
    expect(machine.list('/sys/class/iommu')).toEqual([]);
    expect(machine.list('/sys/kernel/iommu_groups')).toEqual([]);
    expect(machine.list('/sys/firmware/acpi/tables')).toContain(machine.kind.settings.firmware.iommuTable);
  });

  test('the log of a machine whose translation is off still speaks of DMAR', async () => {
    const machine = await bench('centos-7-intel');
    expect((await machine.run('dmesg | grep DMAR')).stdout).toMatch(
      /DRHD base.*dmar0: reg_base_addr.*DMAR-IR: Enabled IRQ remapping/s,
    );
    expect(machine.list('/sys/class/iommu')).toEqual([]);
  });

  test('VT-d off in the firmware leaves no table, whatever the arguments', async () => {
    const machine = await bench('debian-12-vtd-off');
    addArgument(machine, 'intel_iommu=on');
    await machine.run('update-grub');
    await machine.boot();
    expect(machine.list('/sys/firmware/acpi/tables').filter((table) => /DMAR|IVRS/.test(table))).toEqual([]);
    expect(machine.list('/sys/class/iommu')).toEqual([]);
    expect((await machine.run('dmesg | grep -c DMAR')).stdout.trim()).toBe('1');
  });

  test('a wrapped ring has lost the lines that the journal still has', async () => {
    const machine = await bench('debian-13-amd');
    expect((await machine.run('dmesg | grep AMD-Vi')).stdout).toBe('');
    expect((await machine.run('journalctl -k -b 0 -q --no-pager -o cat | grep AMD-Vi')).stdout).toContain(
      'Interrupt remapping enabled',
    );
  });
});

describe('a machine dies', () => {
  const dead: [string, (machine: Bench) => void, RegExp][] = [
    ['when grub.cfg is empty', (machine) => machine.write('/boot/grub/grub.cfg', ''), /no menu entry/],
    ['when grub.cfg is gone', (machine) => machine.remove('/boot/grub/grub.cfg'), /no menu entry|not found/],
    [
      'when the kernel image is gone',
      (machine) => machine.remove('/boot/vmlinuz-6.1.0-18-amd64'),
      /vmlinuz-6\.1\.0-18-amd64' not found/,
    ],
    [
      'when the kernel image is garbage',
      (machine) => machine.write('/boot/vmlinuz-6.1.0-18-amd64', 'garbage'),
      /invalid magic number/,
    ],
    [
      'when the kernel is unknown',
      (machine) => machine.write('/boot/vmlinuz-6.1.0-18-amd64', 'vfleet lab kernel image\n9.9.9\n'),
      /kernel 9\.9\.9 is none/,
    ],
    ['without its initramfs', (machine) => machine.remove('/boot/initrd.img-6.1.0-18-amd64'), /not found|panic/],
    [
      'with a truncated initramfs',
      (machine) => machine.write('/boot/initrd.img-6.1.0-18-amd64', 'vfleet lab init'),
      /Unable to mount root fs/,
    ],
    [
      'with the initramfs of another kernel',
      (machine) =>
        machine.write('/boot/initrd.img-6.1.0-18-amd64', machine.read('/boot/initrd.img-6.1.0-17-amd64') ?? ''),
      /that of 6\.1\.0-17-amd64/,
    ],
    [
      'with another root=',
      (machine) => edit(machine, /root=UUID=\S+/g, 'root=UUID=1234'),
      /root=UUID=1234 is not there/,
    ],
    ['in rescue mode', (machine) => edit(machine, / quiet/g, ' systemd.unit=rescue.target'), /rescue\.target/],
    [
      'when the ESP stub was overwritten',
      (machine) => machine.write('/boot/efi/EFI/debian/grub.cfg', '# nothing\n'),
      /no menu entry/,
    ],
  ];
  function edit(machine: Bench, what: RegExp, by: string): void {
    machine.write('/boot/grub/grub.cfg', (machine.read('/boot/grub/grub.cfg') ?? '').replace(what, by));
  }
  const shared = sharedBench('debian-12-intel');
  test.each(dead)('%s', async (_, harm, reason) => {
    const machine = shared();
    const paths = [
      '/boot/grub/grub.cfg',
      '/boot/efi/EFI/debian/grub.cfg',
      '/boot/vmlinuz-6.1.0-18-amd64',
      '/boot/initrd.img-6.1.0-18-amd64',
    ];
    const whole = paths.map((path) => [path, machine.read(path) ?? ''] as const);
    harm(machine);
    expect(await machine.boot()).toEqual({ kind: 'dead', reason: expect.stringMatching(reason) });
    for (const [path, text] of whole) machine.write(path, text);
    expect(await machine.boot()).toMatchObject({ kind: 'up' });
  });

  test('when the argument is lost by which its initramfs finds the root volume', async () => {
    const machine = await bench('openeuler-22.03-amd');
    const text = machine.read('/etc/default/grub') ?? '';
    machine.write('/etc/default/grub', text.replace(/rd\.lvm\.lv=\S+ /g, ''));
    await machine.run(regenerate(machine));
    expect(await machine.boot()).toMatchObject({
      kind: 'dead',
      reason: expect.stringContaining('rd.lvm.lv=openeuler/root'),
    });
  });
});

describe('which kernel boots', () => {
  test('once another one, by grub-reboot', async () => {
    const machine = await bench('debian-12-intel');
    const uuid = machine.kind.settings.filesystems[0]?.uuid;
    await machine.run(`grub-reboot 'gnulinux-advanced-${uuid}>gnulinux-6.1.0-17-amd64-advanced-${uuid}'`);
    await machine.boot();
    expect((await machine.run('uname -r')).stdout).toBe('6.1.0-17-amd64\n');
    await machine.boot();
    expect((await machine.run('uname -r')).stdout).toBe('6.1.0-18-amd64\n');
  });

  test('a trial entry in custom.cfg, once', async () => {
    const machine = await bench('debian-12-intel');
    const [body] = /\tlinux[^]*?\n\tinitrd[^\n]*\n/.exec(machine.read('/boot/grub/grub.cfg') ?? '') ?? [''];
    const uuid = machine.kind.settings.filesystems[0]?.uuid;
    const trial = `menuentry trial --id TRIAL {\n\tsearch --fs-uuid --set=root ${uuid}\n${body.replace('quiet', 'quiet panic=10')}}\n`;
    machine.write('/boot/grub/custom.cfg', trial);
    await machine.run('grub-reboot TRIAL');
    await machine.boot();
    expect(machine.read('/proc/cmdline')).toContain('panic=10');
    await machine.boot();
    expect(machine.read('/proc/cmdline')).not.toContain('panic=10');
  });

  test('the saved one, by grub2-set-default; the rescue image is the same kernel', async () => {
    const machine = await bench('centos-7-intel');
    await machine.run("grub2-set-default 'CentOS Linux (0-rescue-a8a93aea6abe4d86a851a8f698b9e21a) 7 (Core)'");
    await machine.boot();
    expect(machine.read('/proc/cmdline')).toContain('BOOT_IMAGE=/vmlinuz-0-rescue-');
    expect((await machine.run('uname -r')).stdout).toBe('3.10.0-1160.el7.x86_64\n');
  });
});

describe('modules', () => {
  test('parameters on the command line show in sysfs once the module is loaded', async () => {
    const machine = await bench('debian-12-intel');
    addArgument(machine, 'vfio_iommu_type1.allow_unsafe_interrupts=1');
    await machine.run('update-grub');
    await machine.boot();
    const path = '/sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts';
    expect(machine.read(path)).toBeNull();
    await machine.run('modprobe vfio_iommu_type1');
    expect(machine.read(path)).toBe('Y\n');
    machine.write('/etc/modules-load.d/vfio.conf', 'vfio_iommu_type1\n');
    await machine.boot();
    expect(machine.read(path)).toBe('Y\n');
  });

  test('built into the kernel they are in no list, but in sysfs', async () => {
    const machine = await bench('ubuntu-22.04-intel');
    expect((await machine.run('lsmod | grep vfio')).stdout).toBe('');
    expect(machine.list('/sys/module/vfio_iommu_type1/parameters')).toContain('allow_unsafe_interrupts');
    expect(machine.list('/sys/bus/pci/drivers')).toContain('vfio-pci');
  });

  test('on CentOS 7 vfio_pci does not bring vfio_iommu_type1; on Debian a soft dependency does', async () => {
    for (const [name, brought] of [
      ['centos-7-intel', false],
      ['debian-12-intel', true],
    ] as const) {
      const machine = await bench(name);
      machine.write('/etc/modules-load.d/vfio.conf', 'vfio_pci\n');
      await machine.boot();
      expect(machine.list('/sys/module').includes('vfio_iommu_type1')).toBe(brought);
    }
  });

  test('a blacklist in modprobe.d keeps the GPU without a driver; ids take it for vfio-pci', async () => {
    const machine = await bench('debian-12-intel');
    machine.write(
      '/etc/modprobe.d/gpu.conf',
      'blacklist nouveau\noptions vfio-pci ids=10de:2204,10de:1aef\nsoftdep snd_hda_intel pre: vfio-pci\n',
    );
    machine.write('/etc/modules-load.d/vfio.conf', 'vfio-pci\n');
    await machine.boot();
    const lspci = (await machine.run('lspci -nnk -s 31:00')).stdout;
    expect(lspci.match(/Kernel driver in use: .*/g)).toEqual([
      'Kernel driver in use: vfio-pci',
      'Kernel driver in use: vfio-pci',
    ]);
    expect((await machine.run('journalctl -k -o cat | grep vfio_pci')).stdout).toContain(
      'vfio_pci: add [10de:2204[ffffffff:ffffffff]]',
    );
  });

  test('what the initramfs loads early is from the day when it was made', async () => {
    const machine = await bench('debian-12-intel');
    machine.write('/etc/initramfs-tools/modules', 'vfio-pci\n');
    machine.write('/etc/modprobe.d/vfio.conf', 'options vfio-pci ids=10de:2204\n');
    await machine.boot();
    expect(machine.list('/sys/bus/pci/drivers/vfio-pci')).toEqual([]);
    await machine.run('update-initramfs -u -k all');
    machine.remove('/etc/modprobe.d/vfio.conf');
    await machine.boot();
    expect(machine.list('/sys/bus/pci/drivers/vfio-pci')).toContain('0000:31:00.0');
  });

  test('hugepages from the arguments, as far as there is memory', async () => {
    const machine = await bench('debian-12-intel');
    addArgument(machine, 'default_hugepagesz=1G hugepagesz=1G hugepages=0:8,1:4');
    await machine.run('update-grub');
    await machine.boot();
    expect(machine.read('/sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages')).toBe('12\n');
    expect(machine.read('/sys/devices/system/node/node1/hugepages/hugepages-1048576kB/nr_hugepages')).toBe('4\n');
    expect(machine.read('/proc/meminfo')).toMatch(/HugePages_Total: +12\n/);
  });
});
