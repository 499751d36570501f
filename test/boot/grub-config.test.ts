import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type GrubFiles, parseGrubConfig } from '../../src/boot/grub-config.ts';
import { parseLoaderEntry } from '../../src/boot/loader-entry.ts';

const plain = read('debian-12-plain');
const saved = read('debian-12-saved');
const newest = '6.1.0-44-amd64';
const older = '6.1.0-40-amd64';
const submenu = 'Advanced options for Debian GNU/Linux';

function read(name: string): string {
  return readFileSync(new URL(`grub-config/${name}.cfg`, import.meta.url), 'utf8');
}

/** Title of the entry that boots. */
function chosen(files: GrubFiles): string | null {
  return parseGrubConfig(files).find((entry) => entry.default)?.title ?? null;
}

describe('entries', () => {
  test('of a menu that grub-mkconfig wrote, with their path, kernel and arguments', () => {
    expect(parseGrubConfig({ config: plain, environment: '' })).toEqual([
      entry('Debian GNU/Linux', newest, 'root=/dev/vda ro  quiet', true),
      entry(`${submenu}>Debian GNU/Linux, with Linux ${newest}`, newest, 'root=/dev/vda ro  quiet'),
      entry(`${submenu}>Debian GNU/Linux, with Linux ${newest} (recovery mode)`, newest, 'root=/dev/vda ro single'),
      entry(`${submenu}>Debian GNU/Linux, with Linux ${older}`, older, 'root=/dev/vda ro  quiet'),
      entry(`${submenu}>Debian GNU/Linux, with Linux ${older} (recovery mode)`, older, 'root=/dev/vda ro single'),
    ]);
  });

  test.each([
    ['linux16 /vmlinuz-3.10.0-1160.el7.x86_64 ro quiet', '3.10.0-1160.el7.x86_64', 'ro quiet'],
    ['linuxefi /vmlinuz-4.18.0-553.el8.x86_64 ro', '4.18.0-553.el8.x86_64', 'ro'],
    ['linux ($root)/boot/vmlinuz-6.1.0 a="b c" dyndbg=\\"x\\"', '6.1.0', 'a="b c" dyndbg=\\"x\\"'],
    ['linux /0123456789abcdef/6.5.6-300.fc39/linux ro', '6.5.6-300.fc39', 'ro'],
    ['if [ a = a ]; then linux /vmlinuz-5.4.0-1-generic.efi.signed ro; fi', '5.4.0-1-generic', 'ro'],
    [
      'multiboot2 /xen-4.17.gz placeholder\nmodule2 /vmlinuz-6.1.0-9-amd64 placeholder root=/dev/sda ro',
      '6.1.0-9-amd64',
      'root=/dev/sda ro',
    ],
    ['linux16 /boot/memtest86+.bin console=ttyS0', null, 'console=ttyS0'],
    ['chainloader /EFI/Microsoft/Boot/bootmgfw.efi', null, ''],
    ['fwsetup', null, ''],
    ['linux /vmlinuz-6.1.0 a \\\n  b # not c', '6.1.0', 'a \\\n  b'],
  ])('body %j boots %j with %j', (body, kernel, line) => {
    const config = `menuentry 'x' {\n${body}\n}\n`;
    expect(parseGrubConfig({ config, environment: '' })).toEqual([entry('x', kernel, line, true)]);
  });

  test('titles are read as GRUB reads quotes', () => {
    const config = `menuentry 'It'\\''s "it"' --class a --users "" { }\nmenuentry "two \\"words\\"" --id=b --unrestricted { }`;
    expect(parseGrubConfig({ config, environment: '' }).map((e) => e.title)).toEqual([`It's "it"`, 'two "words"']);
  });

  test('arguments that tuned adds by a variable are resolved; what firmware decides is not', () => {
    const config = `set tuned_params="skew_tick=1"
if [ \${grub_platform} = efi ]; then set vt_handoff=vt.handoff=7; fi
menuentry x { linux /vmlinuz-3.10.0 ro $tuned_params \${vt_handoff} $other }`;
    expect(parseGrubConfig({ config, environment: '' })[0]?.arguments).toBe('ro skew_tick=1 ${vt_handoff} $other');
  });

  test('of loader/entries stand where blscfg lists them, newest first, with kernelopts of grubenv', () => {
    const bls = (id: string, release: string) =>
      parseLoaderEntry(
        id,
        `title T ${release}\nversion ${release}\nlinux /vmlinuz-${release}\noptions $kernelopts x\n`,
      );
    const entries = [bls('m-4.18.0-80.el8', '4.18.0-80.el8'), bls('m-4.18.0-553.el8', '4.18.0-553.el8')];
    const config = `if [ -s $prefix/grubenv ]; then load_env; fi
set default="\${saved_entry}"
if [ -z "\${kernelopts}" ]; then set kernelopts="from config"; fi
insmod blscfg
blscfg
menuentry 'last' { }`;
    const environment = 'saved_entry=m-4.18.0-80.el8\nkernelopts=root=/dev/sda2 ro\n';
    expect(parseGrubConfig({ config, environment, entries })).toEqual([
      entry('T 4.18.0-553.el8', '4.18.0-553.el8', 'root=/dev/sda2 ro x'),
      entry('T 4.18.0-80.el8', '4.18.0-80.el8', 'root=/dev/sda2 ro x', true),
      entry('last', null, ''),
    ]);
    expect(parseGrubConfig({ config, environment: '', entries })[0]).toEqual(
      entry('T 4.18.0-553.el8', '4.18.0-553.el8', 'from config x', true),
    );
  });
});

describe('the default entry', () => {
  const inSubmenu = `${submenu}>Debian GNU/Linux, with Linux ${older}`;
  const id = `gnulinux-advanced-ROOT>gnulinux-${older}-advanced-ROOT`;

  test.each([
    ['nothing saved', '', 'Debian GNU/Linux'],
    ['a number', 'saved_entry=0', 'Debian GNU/Linux'],
    ['numbers of a submenu', 'saved_entry=1>2', inSubmenu],
    ['a submenu alone: its first', 'saved_entry=1', `${submenu}>Debian GNU/Linux, with Linux ${newest}`],
    ['titles', `saved_entry=${inSubmenu}`, inSubmenu],
    ['ids', `saved_entry=${id}`, inSubmenu],
    [
      'a title that is in a submenu only: GRUB does not find it',
      `saved_entry=Debian GNU/Linux, with Linux ${older}`,
      'Debian GNU/Linux',
    ],
    ['an entry that is gone', 'saved_entry=gnulinux-5.10.0', 'Debian GNU/Linux'],
    ['a number too high', 'saved_entry=9', 'Debian GNU/Linux'],
    ['the entry for the next boot only', `saved_entry=0\nnext_entry=${id}`, inSubmenu],
    ['the block as it lies on disk', `# GRUB Environment Block\nsaved_entry=1>2\n${'#'.repeat(900)}`, inSubmenu],
  ])('%s', (_name, environment, title) => {
    expect(chosen({ config: saved, environment })).toBe(title);
  });

  test('is not known when grubenv cannot be read and the configuration asks it', () => {
    expect(chosen({ config: saved, environment: null })).toBeNull();
  });

  test('with a fixed default still hangs on next_entry', () => {
    expect(chosen({ config: plain, environment: '' })).toBe('Debian GNU/Linux');
    expect(chosen({ config: plain, environment: 'next_entry=1>2' })).toBe(inSubmenu);
    expect(chosen({ config: plain, environment: null })).toBeNull();
  });

  test('may stand in custom.cfg: a trial boot', () => {
    const custom = `menuentry 'trial' --id TRIAL {\n  linux /boot/vmlinuz-${newest} ro panic=10\n}\nsource $prefix/custom.cfg\n`;
    const entries = parseGrubConfig({ config: plain, environment: 'next_entry=TRIAL', custom });
    expect(entries.find((e) => e.default)).toEqual(entry('trial', newest, 'ro panic=10', true));
    expect(chosen({ config: plain, environment: 'next_entry=TRIAL' })).toBe('Debian GNU/Linux');
  });

  test('is not known where a condition only firmware can judge sets it', () => {
    const menu = "\nmenuentry 'a' { }\nmenuentry 'b' { }";
    const config = (condition: string) => `set default=0\nif ${condition}; then\n  set default=1\nfi${menu}`;
    expect(chosen({ config: config('[ "$grub_platform" = efi ]'), environment: '' })).toBeNull();
    expect(chosen({ config: config('hwmatch x'), environment: '' })).toBeNull();
    expect(chosen({ config: config('[ -f /flag ]'), environment: '' })).toBeNull();
    expect(chosen({ config: config('[ "$unset" ]'), environment: '' })).toBe('a');
    expect(chosen({ config: config('true'), environment: '' })).toBe('b');
  });

  test.each([
    ['', 'a'],
    ['boot_counter=2\nboot_success=0', 'a'],
    ['boot_counter=0\nboot_success=0', 'b'],
    ['boot_counter=-1\nboot_success=0', 'b'],
    ['boot_counter=0\nboot_success=1', 'a'],
  ])('after failed boots, as 08_fallback_counting of Fedora does: %j', (environment, title) => {
    const config = `if [ -s $prefix/grubenv ]; then load_env; fi
set default=0
if [ -n "\${boot_counter}" -a "\${boot_success}" = "0" ]; then
  if  [ "\${boot_counter}" = "0" -o "\${boot_counter}" = "-1" ]; then
    set default=1
    set boot_counter=-1
  else
    decrement boot_counter
  fi
  save_env boot_counter
fi
menuentry 'a' { }
menuentry 'b' { }`;
    expect(chosen({ config, environment })).toBe(title);
  });

  test('`>>` in a name is a plain `>`', () => {
    const config = "set default='a>>b'\nmenuentry 'x' { }\nmenuentry 'a>b' { }";
    expect(chosen({ config, environment: '' })).toBe('a>b');
  });

  test('of an empty menu is none', () => {
    expect(parseGrubConfig({ config: '', environment: '' })).toEqual([]);
    expect(parseGrubConfig({ config: "submenu 'empty' { }", environment: '' })).toEqual([]);
  });
});

describe('whatever stands in the file', () => {
  const words = fc.constantFrom(
    ...[
      'menuentry',
      'submenu',
      'if',
      'then',
      'else',
      'elif',
      'fi',
      'for',
      'do',
      'done',
      'function',
      'set default=1',
      '{',
      '}',
    ],
    ...[
      '[',
      ']',
      '"',
      "'",
      '\\',
      '$',
      '${',
      '${x}',
      '#',
      ';',
      '\n',
      ' ',
      'linux /vmlinuz-6.1.0 ro',
      'blscfg',
      'load_env',
      '\u0000',
    ],
  );

  test('it is read without an error', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(words, fc.string()), { maxLength: 60 }), fc.string(), (pieces, environment) => {
        const entries = parseGrubConfig({ config: pieces.join(' '), environment, custom: pieces.join('') });
        expect(entries.filter((e) => e.default).length).toBeLessThanOrEqual(1);
      }),
      { numRuns: 500 },
    );
  });

  test('blocks without end and without number do no harm', () => {
    const deep = 'submenu x { '.repeat(20_000);
    expect(parseGrubConfig({ config: deep, environment: '' })).toEqual([]);
    expect(parseGrubConfig({ config: 'if true; then '.repeat(20_000), environment: '' })).toEqual([]);
  });

  test('every entry of a cut file has a title of the whole file', () => {
    const whole = new Set(parseGrubConfig({ config: plain, environment: '' }).map((e) => e.title));
    fc.assert(
      fc.property(fc.nat({ max: plain.length }), (length) => {
        const cut = plain.slice(0, plain.lastIndexOf('\n', length));
        for (const e of parseGrubConfig({ config: cut, environment: '' })) expect(whole).toContain(e.title);
      }),
      { numRuns: 200 },
    );
  });
});

function entry(title: string, kernel: string | null, line: string, isDefault = false) {
  return { title, kernel, arguments: line, default: isDefault };
}
