import { describe, expect, test } from 'vitest';
import { type Bench, bench } from './bench.ts';

const folder = '/boot/loader/entries';
const entries = (machine: Bench) => machine.list(folder).map((name) => machine.read(`${folder}/${name}`) ?? '');
const options = (machine: Bench) => entries(machine).map((text) => /^options (.*)$/m.exec(text)?.[1] ?? '');
const has = (machine: Bench, word: string) => options(machine).map((line) => line.split(' ').includes(word));
const stub = '/boot/efi/EFI/rocky/grub.cfg';

/** Adds an argument to GRUB_CMDLINE_LINUX as an operator would. */
function configure(machine: Bench, argument: string): void {
  const text = machine.read('/etc/default/grub') ?? '';
  machine.write('/etc/default/grub', text.replace(/^(GRUB_CMDLINE_LINUX=".*)"$/m, `$1 ${argument}"`));
}

async function bootedLine(machine: Bench): Promise<string> {
  const came = await machine.boot();
  return came.kind === 'dead' ? `dead: ${came.reason}` : (machine.read('/proc/cmdline')?.trim() ?? '');
}

describe('grub2-mkconfig', () => {
  test('of EL8 puts kernelopts into grubenv, and leaves entries alone', async () => {
    const machine = await bench('rocky-8-amd');
    const before = entries(machine);
    configure(machine, 'nosmt');
    await machine.run('grub2-mkconfig --no-grubenv-update -o /boot/efi/EFI/rocky/grub.cfg');
    expect(machine.read('/boot/efi/EFI/rocky/grubenv')).not.toContain('nosmt');
    await machine.run('grub2-mkconfig -o /boot/efi/EFI/rocky/grub.cfg');
    expect(machine.lines('/boot/efi/EFI/rocky/grubenv')).toContainEqual(
      expect.stringMatching(/^kernelopts=.* nosmt $/),
    );
    expect(entries(machine)).toEqual(before);
    expect(await bootedLine(machine)).toMatch(/ nosmt$/);
  });

  test('of EL 9.2 writes the settings over every entry, also when its output goes elsewhere', async () => {
    const machine = await bench('rocky-9.2-amd');
    await machine.run('sed -i "s/^options.*/& $tuned_params by_hand/" $LAB_ROOT/boot/loader/entries/*.conf');
    configure(machine, 'nosmt');
    await machine.run('grub2-mkconfig --no-grubenv-update >/dev/null');
    expect(has(machine, 'nosmt')).toEqual([false, false]);
    await machine.run('grub2-mkconfig >/dev/null');
    expect([has(machine, 'nosmt'), has(machine, 'by_hand')]).toEqual([
      [true, true],
      [false, false],
    ]);
    expect(await machine.run('grub2-mkconfig --update-bls-cmdline')).toMatchObject({
      code: 1,
      stderr: "Unrecognized option `--update-bls-cmdline'\n",
    });
  });

  test('since EL 9.3 does so only when it is asked, and loses tuned’s variable then', async () => {
    const machine = await bench('rocky-9.4-amd');
    const before = entries(machine);
    expect((await machine.run('grub2-mkconfig --help')).stdout).toContain('--update-bls-cmdline');
    configure(machine, 'nosmt');
    await machine.run('grub2-mkconfig -o /boot/grub2/grub.cfg');
    expect(entries(machine)).toEqual(before);
    expect(await bootedLine(machine)).not.toContain('nosmt');
    await machine.run('grub2-mkconfig --update-bls-cmdline -o /boot/grub2/grub.cfg');
    expect([has(machine, 'nosmt'), has(machine, '$tuned_params')]).toEqual([
      [true, true],
      [false, false],
    ]);
    expect(await bootedLine(machine)).toMatch(/ rhgb quiet nosmt$/);
  });

  test('older builds overwrite the stub on the ESP, and what is set in /boot counts no more', async () => {
    const machine = await bench('rocky-9.2-amd');
    expect(await machine.run(`grub2-mkconfig -o ${stub}`)).toMatchObject({ code: 0 });
    expect(machine.read(stub)).toContain('blscfg');
    await machine.run('grub2-set-default 1');
    expect(await bootedLine(machine)).toContain('/vmlinuz-5.14.0-284');
    await machine.run('grub2-editenv - unset saved_entry; echo garbage >$LAB_ROOT/boot/grub2/grub.cfg');
    expect(await bootedLine(machine)).toContain('/vmlinuz-5.14.0-284');
  });

  test('newer builds refuse to, and change nothing', async () => {
    const machine = await bench('rocky-9.4-amd');
    const before = machine.read(stub);
    const ran = await machine.run(`grub2-mkconfig -o ${stub}`);
    expect(ran.code).toBe(1);
    expect(ran.stderr).toMatch(/will overwrite the GRUB wrapper\.\n.*\nGRUB configuration file was not updated\.\n$/);
    expect([machine.read(stub), machine.list('/boot/efi/EFI/rocky')]).toEqual([before, ['grub.cfg']]);
  });

  test('with GRUB_ENABLE_BLSCFG=false makes menu entries, and reads no others; a newer build refuses the real file too', async () => {
    const machine = await bench('rhel-9.4-maas');
    machine.write(`${folder}/mine-9.9-1.conf`, 'title mine\nlinux /vmlinuz-9.9\noptions x\n');
    configure(machine, 'nosmt');
    const real = '/boot/efi/EFI/redhat/grub.cfg';
    expect(await machine.run(`grub2-mkconfig -o ${real}`)).toMatchObject({ code: 1 });
    expect(machine.read(real)).not.toContain('nosmt');
    await machine.run(`grub2-mkconfig -o ${real}.mine && mv $LAB_ROOT${real}.mine $LAB_ROOT${real}`);
    expect(machine.read(real)).not.toContain('blscfg');
    expect(await bootedLine(machine)).toMatch(/^BOOT_IMAGE=\/vmlinuz-5\.14\.0-427.* nosmt$/);
  });
});

describe('grubby', () => {
  const named = '--update-kernel=ALL --args="console=ttyS1 iommu=pt"';

  test('tells the default entry, and all of them with what kernelopts stands for', async () => {
    const machine = await bench('rocky-8-intel');
    const release = '4.18.0-477.10.1.el8_8.x86_64';
    expect((await machine.run('grubby --default-kernel; grubby --default-index')).stdout).toBe(
      `/boot/vmlinuz-${release}\n0\n`,
    );
    const info = (await machine.run('grubby --info=ALL')).stdout.split('\n');
    expect(info).toContain('root="/dev/mapper/rl-root"');
    expect(info).toContain(
      'args="ro crashkernel=auto resume=/dev/mapper/rl-swap rd.lvm.lv=rl/root rd.lvm.lv=rl/swap rhgb quiet"',
    );
    expect(info.filter((line) => line.startsWith('index='))).toEqual(['index=0', 'index=1']);
  });

  test('changes every entry, the settings and what later kernels get; takes out all arguments of the name', async () => {
    const machine = await bench('rocky-9.4-intel');
    await machine.run('sed -i "s/^options.*/& console=tty0 console=ttyS0/" $LAB_ROOT/boot/loader/entries/*.conf');
    expect(await machine.run(`grubby ${named}`)).toMatchObject({ code: 0, stderr: '' });
    expect(options(machine).every((line) => line.endsWith(' rhgb quiet console=ttyS1 iommu=pt'))).toBe(true);
    expect(machine.read('/etc/kernel/cmdline')).toMatch(/ console=ttyS1 iommu=pt\n$/);
    expect(machine.read('/etc/default/grub')).toMatch(/^GRUB_CMDLINE_LINUX=".* console=ttyS1 iommu=pt"$/m);
    await machine.run('grubby --update-kernel=ALL --remove-args="console iommu=off iommu=pt"');
    expect([has(machine, 'iommu=pt'), has(machine, 'console=ttyS1')]).toEqual([
      [false, false, false],
      [false, false, false],
    ]);
  });

  test('on EL8 changes kernelopts, and an entry alone loses the variable', async () => {
    const machine = await bench('rocky-8-intel');
    await machine.run(`grubby ${named}`);
    expect(options(machine)).toEqual(['$kernelopts', '$kernelopts']);
    expect(machine.lines('/boot/grub2/grubenv')).toContainEqual(expect.stringMatching(/^kernelopts=.*iommu=pt$/));
    expect(machine.read('/etc/kernel/cmdline')).toMatch(/^root=.* iommu=pt\n$/);
    await machine.run('grubby --update-kernel=DEFAULT --args=nosmt');
    expect(options(machine)).toEqual(['$kernelopts', expect.stringMatching(/^root=.* iommu=pt nosmt$/)]);
    expect(await bootedLine(machine)).toMatch(/ iommu=pt nosmt$/);
  });

  test('splits what stands in quotes, and writes over GRUB_CMDLINE_LINUX_DEFAULT', async () => {
    const machine = await bench('rocky-9.2-amd');
    machine.write('/etc/default/grub', `${machine.read('/etc/default/grub')}GRUB_CMDLINE_LINUX_DEFAULT="splash"\n`);
    await machine.run(`grubby --update-kernel=ALL --args='dyndbg="file x +p"'`);
    await machine.run(`grubby --update-kernel=ALL --remove-args='x'`);
    expect(options(machine).every((line) => line.endsWith(' dyndbg="file +p"'))).toBe(true);
    expect(machine.read('/etc/default/grub')).not.toContain('GRUB_CMDLINE_LINUX_DEFAULT');
  });

  test('chooses the default entry by its kernel, and refuses what is not there', async () => {
    const machine = await bench('rocky-9.4-intel');
    const [older = ''] = machine.kind.settings.kernels.map(({ release }) => release);
    await machine.run(`grub2-editenv - unset next_entry; grubby --set-default=/boot/vmlinuz-${older}`);
    await machine.boot();
    expect(await bootedLine(machine)).toContain(`/vmlinuz-${older} `);
    expect(await machine.run('grubby --update-kernel=/boot/vmlinuz-9 --args=a')).toMatchObject({
      code: 1,
      stderr: 'The param /boot/vmlinuz-9 is incorrect\n',
    });
    await machine.run('sed -i "s/^options.*/options $kernelopts/" $LAB_ROOT/boot/loader/entries/*.conf', {
      kernelopts: '$kernelopts',
    });
    expect((await machine.run('grubby --info=0')).stdout).toContain('args="$kernelopts"');
    expect(await machine.run('grubby --args=a')).toMatchObject({ code: 1, stderr: 'no action specified\n' });
  });
});

describe('SUSE', () => {
  test('the stub on the ESP sources grub.cfg; entries have no `ro`; the initrd is named and built its own way', async () => {
    const machine = await bench('sles-15-intel');
    configure(machine, 'nosmt');
    await machine.run('grub2-mkconfig -o /boot/grub2/grub.cfg');
    expect(await bootedLine(machine)).toMatch(
      /^BOOT_IMAGE=\/boot\/vmlinuz-5\.14\.21-150500\.53-default root=UUID=\S+ nosmt splash=silent /,
    );
    machine.remove('/boot/initrd-5.14.21-150500.53-default');
    expect(await bootedLine(machine)).toMatch(/^dead: Kernel panic/);
    expect(await machine.run('dracut -f --kver 5.14.21-150500.53-default')).toMatchObject({ code: 0 });
    expect(await bootedLine(machine)).toContain(' nosmt ');
  });
});
