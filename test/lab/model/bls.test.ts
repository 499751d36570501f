import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { builtinMachineKinds } from '../../../src/lab/machine-kind.ts';
import { comparePackages } from '../../../src/lab/model/package-version.ts';
import { type Bench, bench } from './bench.ts';

const kinds = (await builtinMachineKinds()).filter(({ settings }) => settings.boot.loader === 'bls');
const names = kinds.map(({ name }) => name);

const folder = '/boot/loader/entries';
const entryNamed = (machine: Bench, part: string) =>
  `${folder}/${machine.list(folder).find((name) => name.includes(part)) ?? ''}`;

/** Edits a file of the machine; fails where the edit changes nothing. */
function edit(machine: Bench, path: string, what: string | RegExp, by: string): void {
  const before = machine.read(path) ?? '';
  const after = before.replace(what, by);
  expect(after).not.toBe(before);
  machine.write(path, after);
}

/** What a boot comes to: the command line, or why there is none. */
async function booted(machine: Bench): Promise<string> {
  const came = await machine.boot();
  return came.kind === 'dead' ? `dead: ${came.reason}` : (machine.read('/proc/cmdline')?.trim() ?? '');
}

describe.each(names)('%s', (name) => {
  test('boots the entry that grubenv names, root given as a device of GRUB', async () => {
    const machine = await bench(name);
    const { kernels, rootNeeds } = machine.kind.settings;
    const line = await booted(machine);
    expect(line).toMatch(/^BOOT_IMAGE=\(hd0,(?:gpt2|msdos1)\)\/vmlinuz-\S+ root=\/dev\/mapper\/rl-root ro /);
    expect(line).toContain(`/vmlinuz-${kernels[0]?.release} `);
    expect(line.split(' ')).toEqual(expect.arrayContaining([...rootNeeds]));
    expect(line).not.toContain('$');
  });

  test('its grub.cfg is what its own tool makes', async () => {
    const machine = await bench(name);
    const { config } = machine.kind.settings.boot;
    const before = machine.read(config);
    expect(await machine.run(`grub2-mkconfig -o ${config}`)).toMatchObject({ code: 0 });
    expect(machine.read(config)).toBe(before);
  });

  test('an entry that was edited by hand counts from the next boot on', async () => {
    const machine = await bench(name);
    const release = machine.kind.settings.kernels[0]?.release ?? '';
    edit(machine, entryNamed(machine, release), /^(options .*)$/m, '$1 nosmt "a b=c d"');
    expect(machine.read('/proc/cmdline')).not.toContain('nosmt');
    expect(await booted(machine)).toMatch(/ nosmt "a b=c d"$/);
  });

  test('the rescue entry is last, and boots when it is named', async () => {
    const machine = await bench(name);
    const index = machine.list(folder).length - 1;
    await machine.run(`grub2-set-default ${index}; grub2-editenv - unset next_entry`);
    expect(await booted(machine)).toContain('/vmlinuz-0-rescue-');
  });
});

describe('the default entry', () => {
  test('a kernel installed later boots once the older one is no longer asked for', async () => {
    const machine = await bench('rocky-9.4-intel');
    const [older, newer] = machine.kind.settings.kernels.map(({ release }) => release);
    expect([await booted(machine), await booted(machine)]).toEqual([
      expect.stringContaining(`/vmlinuz-${older} `),
      expect.stringContaining(`/vmlinuz-${newer} `),
    ]);
    expect((await machine.run('uname -r')).stdout.trim()).toBe(newer);
  });

  test.each([
    ['what names nothing: the newest', 'saved_entry=gone', '427'],
    ['nothing at all: the newest', 'x=1', '427'],
    ['an index', 'saved_entry=1', '284'],
    ['a number that is followed by something: the newest', 'saved_entry=1st', '427'],
  ])('%s', async (_, saved, kernel) => {
    const machine = await bench('rocky-9.4-intel');
    await machine.run(`grub2-editenv - create; grub2-editenv - set ${saved}`);
    expect(await booted(machine)).toContain(`/vmlinuz-5.14.0-${kernel}`);
  });

  test('an id that begins with a digit is no number', async () => {
    const machine = await bench('rocky-9.4-intel');
    const [older = ''] = machine.kind.settings.kernels.map(({ release }) => release);
    const text = machine.read(entryNamed(machine, older)) ?? '';
    machine.write(`${folder}/0123-${older}.conf`, text.replace(/^options.*$/m, '$& mine'));
    await machine.run(`grub2-editenv - create; grub2-editenv - set saved_entry=0123-${older}`);
    expect(await booted(machine)).toMatch(/ mine$/);
  });
});

describe('versions', () => {
  test.each([
    ['a-5.14.0-427.13.1.el9_4', 'a-5.14.0-70.el9'],
    ['a-5.14.0-284.11.1.el9_2', 'a-5.14.0-284.el9_2'],
    ['a-5.14.0-1.el9', 'a-0-rescue'],
    ['a-5.10-1', 'a-5.9-2'],
    ['a-5.10-1', 'a-5.10~rc1-1'],
    ['a-5.10+1-1', 'a-5.10-1'],
    ['b-1-1', 'a-9-9'],
    ['a-1.1-1', 'a-1.a-1'],
  ])('%s is newer than %s', (newer, older) => {
    expect([comparePackages(newer, older), comparePackages(older, newer)].map(Math.sign)).toEqual([1, -1]);
  });

  test('the order is one', () => {
    const id = fc.stringMatching(/^[ab~+.0-2-]{0,8}$/);
    fc.assert(
      fc.property(id, id, (a, b) => {
        expect(Math.sign(comparePackages(a, b)) + Math.sign(comparePackages(b, a))).toBe(0);
      }),
    );
  });
});

describe('does not boot, or boots otherwise,', () => {
  const release = '5.14.0-427.13.1.el9_4.x86_64';
  const entry = (machine: Bench) => entryNamed(machine, release);
  const cases: [string, (machine: Bench) => unknown, RegExp][] = [
    [
      'when the root in an entry is another',
      (m) => edit(m, entry(m), 'rl-root', 'rl-other'),
      /^dead: .*root=.*rl-other/,
    ],
    ['when an argument of LVM is gone', (m) => edit(m, entry(m), ' rd.lvm.lv=rl/root', ''), /^dead: .*rd\.lvm\.lv/],
    [
      'when an entry is cut in its options',
      (m) => edit(m, entry(m), /(options root=\/dev\/map).*/s, '$1'),
      /^dead: .*root=/,
    ],
    ['when an entry is empty: the next one', (m) => m.write(entry(m), ''), /\/vmlinuz-0-rescue-/],
    ['when an entry has no kernel: the next one', (m) => edit(m, entry(m), /^linux.*\n/m, ''), /\/vmlinuz-0-rescue-/],
    ['when the kernel is gone', (m) => m.remove(`/boot/vmlinuz-${release}`), /^dead: .*not found/],
    ['when an empty line hides the options', (m) => edit(m, entry(m), 'options', '\noptions'), /^dead: .*root=/],
    ['when a quote in the options is open', (m) => edit(m, entry(m), 'quiet', '"quiet'), /^dead: .*loads no kernel/],
    ['when a tab stands in place of the space', (m) => edit(m, entry(m), 'options ', 'options\t'), /^dead: .*root=/],
    [
      'of two options lines: the first',
      (m) => edit(m, entry(m), /$/, 'options root=/dev/sdz\n'),
      /root=\/dev\/mapper\/rl-root/,
    ],
    ['when the entries are gone', (m) => m.remove(folder), /^dead: the entry opens the firmware setup/],
    [
      'when grubenv is no environment block: the newest',
      (m) => m.write('/boot/grub2/grubenv', 'x'),
      /rhgb quiet skew_tick=1/,
    ],
    ['when the stub is empty', (m) => m.write('/boot/efi/EFI/rocky/grub.cfg', ''), /^dead: GRUB has no menu entry/],
  ];
  test.each(cases)('%s', async (_, break_, expected) => {
    const machine = await bench('rocky-9.4-amd');
    break_(machine);
    expect(await booted(machine)).toMatch(expected);
  });

  const variables: [string, (machine: Bench) => unknown, RegExp][] = [
    [
      'without kernelopts in grubenv: those of grub.cfg',
      (m) =>
        m.run(
          'sed -i "s/\\(kernelopts=\\"root=.*\\) \\"/\\1 fallback\\"/" $LAB_ROOT/boot/grub2/grub.cfg; grub2-editenv - unset kernelopts',
        ),
      / quiet fallback$/,
    ],
    [
      'with a damaged grubenv: those of grub.cfg',
      (m) => edit(m, '/boot/grub2/grubenv', '# GRUB', '# Grub'),
      /rd\.lvm\.lv=rl\/swap rhgb quiet$/,
    ],
    [
      'with a cut grubenv: the half that is left',
      (m) => edit(m, '/boot/grub2/grubenv', /(kernelopts=\S+rl-ro).*/s, '$1'),
      /^dead: .*root=\/dev\/mapper\/rl-ro is/,
    ],
    [
      'where grub.cfg has default_kernelopts: those, without kernelopts',
      async (m) => {
        edit(
          m,
          '/boot/grub2/grub.cfg',
          /if \[ -z "\$\{kernelopts\}" \]; then\n {2}set kernelopts=(.*)\nfi/,
          'set default_kernelopts=$1',
        );
        await m.run('grub2-editenv - unset kernelopts');
      },
      / rhgb quiet$/,
    ],
    [
      'but not where $tuned_params follows',
      async (m) => {
        edit(
          m,
          '/boot/grub2/grub.cfg',
          /if \[ -z "\$\{kernelopts\}" \]; then\n {2}set kernelopts=(.*)\nfi/,
          'set default_kernelopts=$1',
        );
        edit(m, entryNamed(m, '4.18.0'), '$kernelopts', '$kernelopts $tuned_params');
        await m.run('grub2-editenv - unset kernelopts');
      },
      /^dead: .*root= is not there/,
    ],
  ];
  test.each(variables)('on EL8 %s', async (_, change, expected) => {
    const machine = await bench('rocky-8-intel');
    await change(machine);
    expect(await booted(machine)).toMatch(expected);
  });

  test('tuned’s variable is empty: none of its arguments, and one that is set is there once', async () => {
    const machine = await bench('rocky-9.4-amd');
    expect(await booted(machine)).toMatch(/ quiet skew_tick=1 tsc=reliable rcupdate\.rcu_normal_after_boot=1$/);
    edit(machine, '/boot/grub2/grub.cfg', /^set tuned_params=.*$/m, 'set tuned_params=""');
    expect(await booted(machine)).toMatch(/ rhgb quiet$/);
  });
});
