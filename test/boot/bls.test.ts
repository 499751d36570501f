import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bls } from '../../src/boot/bls.ts';
import type { BootPlan } from '../../src/boot/driver.ts';
import type { OwnedArguments } from '../../src/boot/owned.ts';
import type { ArgumentWish } from '../../src/boot/wish.ts';
import { VfleetError } from '../../src/errors.ts';
import type { FileState } from '../../src/resources/resource.ts';
import { factsOf } from './facts.ts';
import { stateOf } from './files.ts';

type Files = Readonly<Record<string, string | FileState>>;

const passthrough: ArgumentWish = { present: ['intel_iommu=on', 'iommu=pt'], absent: [] };
const nothing: ArgumentWish = { present: [], absent: [] };
const [grub, cmdline] = ['/etc/default/grub', '/etc/kernel/cmdline'];
const [config, grubenv] = ['/boot/grub2/grub.cfg', '/boot/grub2/grubenv'];
const stub = 'search --no-floppy --fs-uuid --set=dev 1\nset prefix=($dev)/grub2\nconfigfile $prefix/grub.cfg\n';

function entryPath(version: string): string {
  return `/boot/loader/entries/0123-${version}.conf`;
}

function entry(version: string, options: string | null): string {
  const line = options === null ? '' : `options ${options}\n`;
  return `title Linux (${version})\nversion ${version}\nlinux /vmlinuz-${version}\n${line}grub_class kernel\n`;
}

function block(...lines: readonly string[]): string {
  return `# GRUB Environment Block\n${lines.map((line) => `${line}\n`).join('')}`.padEnd(1024, '#');
}

/** As `grub2-mkconfig` writes it, in short; the default entry is the saved one. */
function grubConfig(...sets: readonly string[]): string {
  return `load_env\nset default="\${saved_entry}"\n${sets.map((set) => `set ${set}\n`).join('')}insmod blscfg\nblscfg\n`;
}

/** A host with an old kernel and a newer one, which boots. */
function host(options: string, more: Files = {}): Files {
  return {
    [grub]: 'GRUB_CMDLINE_LINUX="quiet"\n',
    [config]: grubConfig(),
    [grubenv]: block('saved_entry=0123-5.14.0-2'),
    [entryPath('5.14.0-1')]: entry('5.14.0-1', options),
    [entryPath('5.14.0-2')]: entry('5.14.0-2', options),
    ...more,
  };
}

const facts = factsOf({ boot: { loader: 'bls', configPath: config, running: 'root=/dev/sda1 ro quiet' } });

function plan(
  files: Files,
  wish: ArgumentWish = passthrough,
  owned: OwnedArguments = {},
  configPath: string = config,
): BootPlan {
  const boot = { ...facts.boot, configPath };
  return bls.plan(wish, { host: 'node01', facts: { ...facts, boot }, owned, state: stateOf(files) });
}

function written(files: Files, { files: changed }: BootPlan): Files {
  return { ...files, ...Object.fromEntries(changed.map(({ path, after }) => [path, after ?? ''])) };
}

/** The files after one run. */
function run(files: Files, wish: ArgumentWish = passthrough, owned: OwnedArguments = {}): Files {
  return written(files, plan(files, wish, owned));
}

describe('what other tools get wrong', () => {
  it('a grub.cfg is neither written nor generated, so that the stub on an ESP stays one', () => {
    const files = host('root=/dev/sda1 ro', { '/boot/efi/EFI/rocky/grub.cfg': stub });
    expect(plan(files).files.filter(({ path }) => path.endsWith('grub.cfg'))).toEqual([]);
    const effect = { kind: 'boot-configuration', reason: '', ...passthrough } as const;
    expect(bls.regenerate(facts, effect).text).not.toContain('mkconfig');
  });

  it('/etc/default/grub looks right, and the entries say otherwise: they are edited themselves', () => {
    const files = host('root=/dev/sda1 ro quiet', { [grub]: 'GRUB_CMDLINE_LINUX="quiet intel_iommu=on iommu=pt"\n' });
    expect(plan(files).files.map(({ path }) => path)).toEqual([entryPath('5.14.0-1'), entryPath('5.14.0-2')]);
  });

  it('/etc/default/grub is shell text: single quotes, escapes and slashes survive', () => {
    const text = 'GRUB_CMDLINE_LINUX=\'rd.lvm.lv=a/b dyndbg="file x/y.c +p" memmap=4G\\$16G\'\n';
    expect(run(host('ro', { [grub]: text }))[grub]).toBe(text.replace("16G'", "16G intel_iommu=on iommu=pt'"));
  });

  it('$tuned_params stays where tuned put it, and its values do not get into entries', () => {
    const tuned = { [config]: grubConfig('tuned_params="isolcpus=1-3 iommu=pt"') };
    const after = run(host('root=/dev/sda1 ro $tuned_params', tuned));
    expect(after[entryPath('5.14.0-2')]).toBe(
      entry('5.14.0-2', 'root=/dev/sda1 ro $tuned_params intel_iommu=on iommu=pt'),
    );
  });

  it('several console= are kept, and quoted values are one', () => {
    const options = 'root=/dev/sda1 console=tty0 dyndbg="file x +p" console=ttyS0,115200';
    expect(run(host(options))[entryPath('5.14.0-1')]).toBe(entry('5.14.0-1', `${options} intel_iommu=on iommu=pt`));
  });

  it('net.ifnames=0, which only the entries have, stays', () => {
    const files = host('root=/dev/sda1 net.ifnames=0', { [grub]: 'GRUB_CMDLINE_LINUX=""\n' });
    const after = run(files);
    expect(after[entryPath('5.14.0-2')]).toContain('options root=/dev/sda1 net.ifnames=0 intel_iommu=on iommu=pt\n');
    expect(after[grub]).toBe('GRUB_CMDLINE_LINUX="intel_iommu=on iommu=pt"\n');
  });

  it('a kernel that is installed later takes the arguments too', () => {
    const after = run(host('root=/dev/sda1', { [cmdline]: 'root=/dev/sda1 ro\n' }));
    expect(after[cmdline]).toBe('root=/dev/sda1 ro intel_iommu=on iommu=pt\n');
  });
});

describe('which place holds the arguments', () => {
  it('kernelopts of grubenv, where entries name it; nothing else in the block changes', () => {
    const before = block('saved_entry=0123-5.14.0-2', 'kernelopts=root=/dev/sda1 ro ', 'boot_success=1');
    const found = plan(host('$kernelopts $tuned_params', { [grubenv]: before }));
    expect(found.files.map(({ path }) => path)).toEqual([grub, grubenv]);
    expect(found.files[1]?.after).toBe(
      block('saved_entry=0123-5.14.0-2', 'kernelopts=root=/dev/sda1 ro  intel_iommu=on iommu=pt', 'boot_success=1'),
    );
  });

  it('both, where entries differ', () => {
    const files = host('$kernelopts', {
      [grubenv]: block('kernelopts=root=/dev/sda1'),
      [entryPath('5.14.0-1')]: entry('5.14.0-1', 'root=/dev/sda1 quiet'),
    });
    const found = plan(files);
    expect(found.files.map(({ path }) => path)).toEqual([grub, entryPath('5.14.0-1'), grubenv]);
    expect(found.ownedTokens).toEqual({
      [grub]: passthrough.present,
      [entryPath('5.14.0-1')]: passthrough.present,
      [grubenv]: passthrough.present,
      [entryPath('5.14.0-2')]: [],
    });
  });

  it('the entry itself, where grubenv has no kernelopts and grub.cfg sets it', () => {
    const after = run(host('$kernelopts', { [config]: grubConfig('kernelopts="root=/dev/sda1 ro"') }));
    expect(after[entryPath('5.14.0-2')]).toBe(entry('5.14.0-2', '$kernelopts intel_iommu=on iommu=pt'));
    expect(after[grubenv]).toBe(block('saved_entry=0123-5.14.0-2'));
  });

  it('the block on the ESP, where grubenv is a link to it; the link stays', () => {
    const esp = '/boot/efi/EFI/Red Hat/grubenv';
    const link = { kind: 'other', type: 'a symbolic link to ../efi/EFI/Red Hat/grubenv' } as const;
    const files = host('$kernelopts', { [grubenv]: link, [esp]: block('kernelopts=root=/dev/sda1') });
    expect(plan(files).files.map(({ path }) => path)).toEqual([grub, esp]);
    const elsewhere = { ...link, type: 'a symbolic link to /mnt/grubenv' };
    expect(() => plan(host('$kernelopts', { [grubenv]: elsewhere }))).toThrow(/found a link to \/mnt\/grubenv/);
  });

  it('the block beside the grub.cfg that counts', () => {
    const [onEsp, beside] = ['/boot/efi/EFI/redhat/grub.cfg', '/boot/efi/EFI/redhat/grubenv'];
    const files = host('$kernelopts', { [onEsp]: grubConfig(), [beside]: block('kernelopts=root=/dev/sda1') });
    expect(plan(files, passthrough, {}, onEsp).files.map(({ path }) => path)).toEqual([grub, beside]);
  });

  it('entries that boot no Linux kernel are left alone', () => {
    const memtest = 'title Memtest86+\nlinux /memtest86+x64.bin\noptions console=ttyS0\n';
    const other = 'title other\nefi /EFI/other.efi\n';
    const files = host('ro', { '/boot/loader/entries/m.conf': memtest, '/boot/loader/entries/o.conf': other });
    const after = run(files);
    expect([after['/boot/loader/entries/m.conf'], after['/boot/loader/entries/o.conf']]).toEqual([memtest, other]);
  });

  it('an entry without options: default_kernelopts, which a line of options would put out of force', () => {
    const files = (value: string) =>
      host('ro', { [entryPath('5.14.0-1')]: entry('5.14.0-1', null), [config]: grubConfig(value) });
    expect(() => plan(files('default_kernelopts="root=/dev/sda1"'))).toThrow(
      /5\.14\.0-1\.conf: expected a line of options/,
    );
    const safe = files('default_kernelopts="root=/dev/sda1 iommu=pt intel_iommu=on"');
    expect(run(safe)[entryPath('5.14.0-1')]).toBe(safe[entryPath('5.14.0-1')]);
  });
});

describe('what is refused', () => {
  it.each([
    [
      'no entries',
      { [entryPath('5.14.0-1')]: 'title x\n', [entryPath('5.14.0-2')]: 'title y\n' },
      /with a Linux kernel/,
    ],
    [
      'an entry that is a link',
      { [entryPath('5.14.0-1')]: { kind: 'other', type: 'a symbolic link to ../x' } as const },
      /5\.14\.0-1\.conf: expected a regular file, found a symbolic link to \.\.\/x/,
    ],
    ['a grubenv that is broken', { [grubenv]: 'saved_entry=x\n' }, /expected an environment block of 1024 bytes/],
    [
      'a later argument of tuned that wins',
      {
        [config]: grubConfig('tuned_params="iommu=nopt"'),
        [grubenv]: block('kernelopts=ro'),
        [entryPath('5.14.0-2')]: entry('5.14.0-2', '$kernelopts $tuned_params'),
      },
      /grub\.cfg:3 iommu=nopt: expected iommu=pt to have the last word/,
    ],
    [
      'iommu=off, which nothing takes back',
      { [entryPath('5.14.0-1')]: entry('5.14.0-1', 'ro iommu=off') },
      /5\.14\.0-1\.conf:4 iommu=off/,
    ],
    [
      'a comment in /etc/kernel/cmdline',
      { [cmdline]: '# mine\nroot=/dev/sda1\n' },
      /cmdline:1 # mine: expected arguments alone/,
    ],
    ['code in /etc/default/grub', { [grub]: 'GRUB_CMDLINE_LINUX="$(cat /x)"\n' }, /only a shell evaluates/],
  ] as const)('%s', (_why, more, said) => {
    expect(() => plan(host('root=/dev/sda1 ro', more))).toThrow(said);
    expect(() => plan(host('root=/dev/sda1 ro', more))).toThrow(VfleetError);
  });

  it('an argument with a $, for which GRUB would put a variable', () => {
    expect(() => plan(host('ro'), { present: ['memmap=4G$16G'], absent: [] })).toThrow(
      /memmap=4G\$16G: expected .* GRUB/,
    );
  });

  it('kernelopts that would not fit into the block', () => {
    const full = block(`kernelopts=${'x=1 '.repeat(246)}`);
    expect(() => plan(host('$kernelopts', { [grubenv]: full }))).toThrow(/at most 1024 bytes/);
  });

  it('an argument that is not wished, in what tuned sets', () => {
    const files = host('ro $tuned_params', { [config]: grubConfig('tuned_params="nosmt"') });
    expect(() => plan(files, { present: [], absent: ['nosmt'] })).toThrow(/nosmt: expected no argument nosmt/);
  });
});

describe('in which order files are written', () => {
  it('/etc first, with the command line newer than the settings; the entry that boots by default last', () => {
    const files = host('root=/dev/sda1', {
      [cmdline]: 'root=/dev/sda1\n',
      [entryPath('5.14.0-3')]: entry('5.14.0-3', 'root=/dev/sda1'),
    });
    expect(plan(files).files.map(({ path }) => path)).toEqual([
      ...[grub, cmdline],
      ...['5.14.0-1', '5.14.0-3', '5.14.0-2'].map(entryPath),
    ]);
  });
});

describe('notes', () => {
  it('say what a kernel gets that is installed before the reboot, until the arguments run', () => {
    const note = /^there is no \/etc\/kernel\/cmdline: a kernel that is installed before the reboot/;
    expect(plan(host('ro')).notes).toEqual([expect.stringMatching(note)]);
    expect(plan(host('ro', { [cmdline]: 'ro\n' })).notes).toEqual([]);
    // New kernels take kernelopts then.
    expect(plan(host('$kernelopts', { [grubenv]: block('kernelopts=ro') })).notes).toEqual([]);
    expect(plan(host('ro', { '/usr/lib/kernel/cmdline': 'ro\n' })).notes).toEqual([
      expect.stringMatching(/^a kernel that is installed later takes the arguments of \/usr\/lib\/kernel\/cmdline/),
    ]);
  });

  it('name what stays and loses, once', () => {
    const files = host('$kernelopts', { [grubenv]: block('kernelopts=ro intel_iommu=off') });
    expect(plan(files).notes).toEqual([`${grubenv}:2 intel_iommu=off stays, but what is added after it wins`]);
  });
});

describe('what is owned', () => {
  it('is replaced by what is wished now, in every place', () => {
    const files = host('root=/dev/sda1', { [cmdline]: 'root=/dev/sda1\n' });
    const first = plan(files, { present: ['iommu=nopt'], absent: [] });
    const after = run(written(files, first), { present: ['iommu=pt'], absent: [] }, first.ownedTokens);
    expect(after).toEqual(run(files, { present: ['iommu=pt'], absent: [] }));
  });

  it('is removed from the entry of a kernel that was installed since', () => {
    const files = host('root=/dev/sda1 ro', { [cmdline]: 'root=/dev/sda1 ro\n' });
    const first = plan(files);
    const path = entryPath('5.14.0-9');
    const later = { ...written(files, first), [path]: entry('5.14.0-9', 'root=/dev/sda1 ro intel_iommu=on iommu=pt') };
    expect(plan(later, passthrough, first.ownedTokens).files).toEqual([]);
    expect(run(later, nothing, first.ownedTokens)).toEqual({
      ...files,
      [path]: entry('5.14.0-9', 'root=/dev/sda1 ro'),
    });
  });

  it('is not what stood in an entry before us', () => {
    const files = host('root=/dev/sda1', { [entryPath('5.14.0-1')]: entry('5.14.0-1', 'iommu=pt root=/dev/sda1') });
    const first = plan(files);
    expect(first.ownedTokens[entryPath('5.14.0-1')]).toEqual(['intel_iommu=on']);
    expect(run(written(files, first), nothing, first.ownedTokens)).toEqual(files);
  });

  it('comes and goes without a trace, and a second run finds nothing to do', () => {
    const words = fc
      .array(
        fc.constantFrom(
          'ro',
          ' ',
          'x=1',
          'rd.lvm.lv=a/b',
          'iommu=pt',
          'a=b\\;c',
          'dyndbg="file x +p"',
          '$tuned_params',
          'console=tty0',
        ),
        {
          maxLength: 6,
        },
      )
      .map((parts) => `root=/dev/sda1 ${parts.join(' ')}`);
    const options = fc.oneof(
      words,
      fc.constantFrom('$kernelopts', '$kernelopts $tuned_params', '$kernelopts  noapic '),
    );
    const given = fc.record({
      options: fc.array(options, { minLength: 1, maxLength: 4 }),
      kernelopts: fc.option(words),
      cmdline: fc.option(words),
      line: words,
      chosen: fc.nat(4),
    });
    fc.assert(
      fc.property(given, ({ options: all, kernelopts, cmdline: text, line, chosen }) => {
        const variable = kernelopts === null ? [] : [`kernelopts=${kernelopts.replaceAll('\\', '\\\\')}`];
        const files: Files = {
          [grub]: `GRUB_CMDLINE_LINUX='${line}'\n`,
          [config]: grubConfig(...(kernelopts === null ? ['kernelopts="ro"'] : [])),
          [grubenv]: block(`saved_entry=0123-${chosen}`, ...variable, 'boot_success=1'),
          ...(text !== null && { [cmdline]: `${text}\n` }),
          ...Object.fromEntries(all.map((each, index) => [entryPath(`${index}`), entry(`${index}`, each)])),
        };
        const first = plan(files);
        const after = written(files, first);
        expect(plan(after, passthrough, first.ownedTokens).files).toEqual([]);
        expect(written(after, plan(after, nothing, first.ownedTokens))).toEqual(files);
      }),
      { numRuns: 150 },
    );
  });
});

it('refuses an entry of which GRUB does not see the arguments, by the line that hides them', () => {
  const path = entryPath('5.14.0-1');
  const files = (text: string): Files => host('root=/dev/sda1 ro', { [path]: text });
  const text = entry('5.14.0-1', 'root=/dev/sda1 ro');
  expect(() => plan(files(text.replace('options ', 'options\t')))).toThrow(
    /0123-5\.14\.0-1\.conf:4: expected lines that GRUB reads, found a tab after options, which hides it from GRUB;/,
  );
  expect(() => plan(files(text.replace('linux', '\nlinux')))).toThrow(
    /conf:3: .*found an empty line, where GRUB stops/,
  );
});
