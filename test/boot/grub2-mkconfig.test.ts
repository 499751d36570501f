import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { missingArguments } from '../../src/boot/arguments.ts';
import type { BootPlan } from '../../src/boot/driver.ts';
import { grub2Mkconfig } from '../../src/boot/grub2-mkconfig.ts';
import type { OwnedArguments } from '../../src/boot/owned.ts';
import type { ArgumentWish } from '../../src/boot/wish.ts';
import { openingAtEnd } from '../../src/boot/word-rules.ts';
import { VfleetError } from '../../src/errors.ts';
import { factsOf } from './facts.ts';
import { stateOf } from './files.ts';

const path = '/etc/default/grub';
const facts = factsOf({ boot: { loader: 'grub2-mkconfig', configPath: '/boot/grub2/grub.cfg' } });
const passthrough: ArgumentWish = { present: ['intel_iommu=on', 'iommu=pt'], absent: [] };

function plan(text: string, wish: ArgumentWish = passthrough, owned: OwnedArguments = {}): BootPlan {
  return grub2Mkconfig.plan(wish, { host: 'node01', facts, owned, state: stateOf({ [path]: text }) });
}

/** The text after one run. */
function edit(text: string, wish: ArgumentWish = passthrough, owned: OwnedArguments = {}): string {
  return plan(text, wish, owned).files[0]?.after ?? text;
}

/** What the shell makes of a variable. */
function sourced(text: string, variable = 'GRUB_CMDLINE_LINUX'): string {
  const { stdout, status, stderr } = spawnSync('/bin/sh', ['-ec', `${text}\nprintf %s "$${variable}"`], {
    encoding: 'utf8',
  });
  expect([status, stderr]).toEqual([0, '']);
  return stdout;
}

describe('what a well-known installer gets wrong', () => {
  it('1: values with an equals sign in them stay as they are', () => {
    const text = 'GRUB_CMDLINE_LINUX="crashkernel=auto resume=UUID=c38017eb rd.luks.name=ab=cd quiet"\n';
    expect(edit(text)).toBe(text.replace('quiet', 'quiet intel_iommu=on iommu=pt'));
  });

  it('2: default arguments and commented lines are not touched, and not copied', () => {
    const text =
      '#GRUB_CMDLINE_LINUX="debug"\n # GRUB_CMDLINE_LINUX="x"\nGRUB_CMDLINE_LINUX_DEFAULT="quiet splash"\nGRUB_CMDLINE_LINUX=""\n';
    expect(edit(text)).toBe(text.replace('LINUX=""', 'LINUX="intel_iommu=on iommu=pt"'));
  });

  it('3: a second run changes nothing', () => {
    const text = 'GRUB_CMDLINE_LINUX_DEFAULT="quiet splash"\nGRUB_CMDLINE_LINUX="a"\n';
    expect(plan(edit(text)).files).toEqual([]);
  });

  it('4: a single-quoted value stays a single-quoted value', () => {
    const text = "GRUB_CMDLINE_LINUX_DEFAULT='quiet'\nGRUB_CMDLINE_LINUX='a b=\"c d\"'\n";
    const after = edit(text);
    expect(after).toBe(text.replace('c d"\'', 'c d" intel_iommu=on iommu=pt\''));
    expect(sourced(after)).toBe('a b="c d" intel_iommu=on iommu=pt');
  });

  it('5: crashkernel= is not replaced', () => {
    expect(edit('GRUB_CMDLINE_LINUX="crashkernel=1G-4G:192M,4G-64G:256M"\n')).toContain(
      'crashkernel=1G-4G:192M,4G-64G:256M ',
    );
  });

  it('10: rd.lvm.lv= arguments stay, each of them', () => {
    expect(edit('GRUB_CMDLINE_LINUX="rd.lvm.lv=a/root rd.lvm.lv=a/swap"\n')).toContain(
      '"rd.lvm.lv=a/root rd.lvm.lv=a/swap intel',
    );
  });
});

describe('the shapes that the line has', () => {
  it.each([
    ['no line', 'A=1\n', 'A=1\nGRUB_CMDLINE_LINUX="intel_iommu=on iommu=pt"\n'],
    ['no line and no final newline', 'A=1', 'A=1\nGRUB_CMDLINE_LINUX="intel_iommu=on iommu=pt"\n'],
    ['an empty file', '', 'GRUB_CMDLINE_LINUX="intel_iommu=on iommu=pt"\n'],
    ['no final newline', 'GRUB_CMDLINE_LINUX="a"', 'GRUB_CMDLINE_LINUX="a intel_iommu=on iommu=pt"'],
    ['no value', 'GRUB_CMDLINE_LINUX=\nA=1\n', 'GRUB_CMDLINE_LINUX="intel_iommu=on iommu=pt"\nA=1\n'],
    ['no quotes', 'GRUB_CMDLINE_LINUX=quiet\n', 'GRUB_CMDLINE_LINUX="quiet intel_iommu=on iommu=pt"\n'],
    [
      'export and a comment',
      'export GRUB_CMDLINE_LINUX="a" # why\n',
      'export GRUB_CMDLINE_LINUX="a intel_iommu=on iommu=pt" # why\n',
    ],
    [
      'a continued line',
      'GRUB_CMDLINE_LINUX="a \\\n  b"\n',
      'GRUB_CMDLINE_LINUX="a \\\n  b intel_iommu=on iommu=pt"\n',
    ],
    ['odd blanks', 'GRUB_CMDLINE_LINUX=" a\t b  "\n', 'GRUB_CMDLINE_LINUX=" a\t b   intel_iommu=on iommu=pt"\n'],
    [
      'two lines: the last counts',
      'GRUB_CMDLINE_LINUX="a"\nGRUB_CMDLINE_LINUX="b"\n',
      'GRUB_CMDLINE_LINUX="a"\nGRUB_CMDLINE_LINUX="b intel_iommu=on iommu=pt"\n',
    ],
    [
      '+=',
      'GRUB_CMDLINE_LINUX="a"\nGRUB_CMDLINE_LINUX+=" b"\n',
      'GRUB_CMDLINE_LINUX="a"\nGRUB_CMDLINE_LINUX+=" b intel_iommu=on iommu=pt"\n',
    ],
    ['a variable', 'GRUB_CMDLINE_LINUX="${SITE} a"\n', 'GRUB_CMDLINE_LINUX="${SITE} a intel_iommu=on iommu=pt"\n'],
    [
      'present already',
      'GRUB_CMDLINE_LINUX="iommu=pt a intel_iommu=on,sm_on"\n',
      'GRUB_CMDLINE_LINUX="iommu=pt a intel_iommu=on,sm_on"\n',
    ],
    ['half present', 'GRUB_CMDLINE_LINUX="iommu=pt a"\n', 'GRUB_CMDLINE_LINUX="iommu=pt a intel_iommu=on"\n'],
    [
      'present in the other quotes',
      'GRUB_CMDLINE_LINUX="a" \nGRUB_CMDLINE_LINUX_DEFAULT=\'iommu=pt intel_iommu=on\'\n',
      'GRUB_CMDLINE_LINUX="a" \nGRUB_CMDLINE_LINUX_DEFAULT=\'iommu=pt intel_iommu=on\'\n',
    ],
  ])('%s', (_why, before, after) => {
    expect(edit(before)).toBe(after);
    expect(plan(after).files).toEqual([]);
  });

  it.each([
    ['a substitution', 'A=1\nGRUB_CMDLINE_LINUX="a $(cat /x)"\n', /grub:2 GRUB_CMDLINE_LINUX: .*found \$\(cat \/x\)/],
    ['backquotes', 'GRUB_CMDLINE_LINUX="`cat /x`"\n', /found `cat \/x`, which only a shell evaluates/],
    ['a default', 'GRUB_CMDLINE_LINUX="${SITE:-a}"\n', /found \$\{SITE:-a\}/],
    ['a quote that is left for GRUB', 'GRUB_CMDLINE_LINUX="it\'s"\n', /a single quote that is never closed/],
    ['an open quote of the kernel', "GRUB_CMDLINE_LINUX='a=\"b c'\n", /a double quote that is never closed/],
    ['an escaped one', "GRUB_CMDLINE_LINUX='a=\\\"b c'\n", /a double quote that is never closed/],
    ['a backslash at the end', "GRUB_CMDLINE_LINUX='a\\'\n", /a backslash with nothing after it/],
  ])('%s is not edited, and not refused where nothing is to be done', (_why, text, said) => {
    expect(() => edit(text)).toThrow(said);
    expect(plan(text, { present: [], absent: ['quiet'] }).files).toEqual([]);
  });

  it('says which line is in vain', () => {
    expect(plan('GRUB_CMDLINE_LINUX="a"\nGRUB_CMDLINE_LINUX="b"\n').notes).toEqual([
      '/etc/default/grub:1 sets GRUB_CMDLINE_LINUX in vain: line 2 sets it anew',
    ]);
  });
});

describe('what is owned', () => {
  it('is replaced where it stands', () => {
    const wish = { present: ['iommu=pt'], absent: [] };
    expect(edit('GRUB_CMDLINE_LINUX="a iommu=nopt b"\n', wish, { [path]: ['iommu=nopt'] })).toBe(
      'GRUB_CMDLINE_LINUX="a iommu=pt b"\n',
    );
  });

  it('is removed when the wish drops it, and nothing else is', () => {
    const wish = { present: ['iommu=pt'], absent: [] };
    const text = 'GRUB_CMDLINE_LINUX="x=1 a  iommu=pt x=1"\n';
    expect(edit(text, wish, { [path]: ['iommu=pt', 'x=1'] })).toBe('GRUB_CMDLINE_LINUX="x=1 a  iommu=pt"\n');
  });

  it('is only what the runner added', () => {
    expect(plan('GRUB_CMDLINE_LINUX="iommu=pt"\n').ownedTokens).toEqual({ [path]: ['intel_iommu=on'] });
    expect(
      plan('GRUB_CMDLINE_LINUX="iommu=pt intel_iommu=on"\n', passthrough, { [path]: ['iommu=pt'] }).ownedTokens[path],
    ).toEqual(['iommu=pt']);
  });

  it('comes and goes without a trace', () => {
    const value = fc.array(fc.constantFrom('a', 'resume=UUID=x', ' ', '  ', '\\"b c\\"', '\\$x', "'d e'", '\\\n'), {
      maxLength: 8,
    });
    fc.assert(
      fc.property(value, fc.constantFrom('\n', '', '\nA=1 # x\n'), (parts, end) => {
        const text = `B=2\nGRUB_CMDLINE_LINUX="${parts.join('')}"${end}`;
        const added = plan(text);
        const back = edit(added.files[0]?.after ?? text, { present: [], absent: [] }, added.ownedTokens);
        expect(back).toBe(text);
      }),
    );
  });
});

describe('absent', () => {
  it('removes an argument, whoever wrote it, wherever it stands', () => {
    const wish = { present: [], absent: ['quiet'] };
    expect(edit('GRUB_CMDLINE_LINUX="quiet a quiet=1  quiet"\n', wish)).toBe('GRUB_CMDLINE_LINUX="a "\n');
  });

  it('is refused where it would have to edit the default arguments', () => {
    const wish = { present: [], absent: ['quiet'] };
    expect(() => plan('GRUB_CMDLINE_LINUX_DEFAULT="a quiet"\n', wish)).toThrow(
      /grub:1 quiet: expected no argument quiet/,
    );
  });
});

describe('repeated arguments', () => {
  const wish = { present: ['console=tty0', 'console=ttyS0,115200'], absent: [] };
  it.each([
    ['none there', 'a', 'a console=tty0 console=ttyS0,115200'],
    ['in order', 'console=tty0 a console=ttyS0,115200', 'console=tty0 a console=ttyS0,115200'],
    [
      'the other way round',
      'console=ttyS0,115200 console=tty0',
      'console=ttyS0,115200 console=tty0 console=ttyS0,115200',
    ],
    ['only the last', 'console=ttyS0,115200', 'console=ttyS0,115200 console=tty0 console=ttyS0,115200'],
  ])('%s', (_why, before, after) => {
    expect(edit(`GRUB_CMDLINE_LINUX="${before}"\n`, wish)).toBe(`GRUB_CMDLINE_LINUX="${after}"\n`);
    expect(plan(`GRUB_CMDLINE_LINUX="${after}"\n`, wish).files).toEqual([]);
  });
});

it('quotes for the shell and for GRUB what either would read otherwise', () => {
  const wish = { present: ['memmap=4G$16G', 'dyndbg="file x.c +p"', 'a=b;c'], absent: [] };
  const after = edit('GRUB_CMDLINE_LINUX="q"\n', wish);
  expect(sourced(after)).toBe('q memmap=4G\\$16G dyndbg="file x.c +p" a=b\\;c');
  expect(plan(after, wish).files).toEqual([]);
});

it('leaves a file that the shell reads, with foreign arguments and blanks as they were', () => {
  const part = fc.constantFrom(
    'a=b',
    ' ',
    '  ',
    '\t',
    'x=y=z',
    '\\"q r\\"',
    '\\\\',
    '\\$v',
    'iommu=soft',
    'iommu=pt',
    '\\\n',
    "it's",
  );
  const text = fc
    .tuple(fc.array(part, { maxLength: 12 }), fc.constantFrom('"', ''), fc.boolean())
    .map(([parts, quote, plain]) =>
      plain
        ? `GRUB_CMDLINE_LINUX='${parts.join('').replaceAll("'", '')}'\n`
        : quote === ''
          ? 'GRUB_CMDLINE_LINUX=a\n'
          : `GRUB_CMDLINE_LINUX="${parts.join('')}"\n`,
    );
  fc.assert(
    fc.property(text, (before) => {
      const was = sourced(before);
      fc.pre(openingAtEnd(was, 'grub') === null && openingAtEnd(was, 'kernel') === null);
      const after = edit(before);
      const is = sourced(after);
      expect(is.startsWith(was)).toBe(true);
      if (!was.includes('\\')) expect(missingArguments(passthrough.present, is)).toEqual([]);
      expect(plan(after).files).toEqual([]);
    }),
    { numRuns: 150 },
  );
});

it('refuses what the shell of the host cannot parse, and a stub', () => {
  const state = (probes: Record<string, { code: number; stdout: string }>) => stateOf({ [path]: 'A=1\n' }, probes);
  const stdout = '/etc/default/grub: sh: 3: Syntax error: "fi" unexpected\n';
  const act = (probes: Record<string, { code: number; stdout: string }>) => () =>
    grub2Mkconfig.plan(passthrough, { host: 'h', facts, owned: {}, state: state(probes) });
  expect(act({ syntax: { code: 0, stdout } })).toThrow('Syntax error: "fi" unexpected');
  expect(act({ stub: { code: 0, stdout: 'stub\n' } })).toThrow(VfleetError);
  expect(act({ stub: { code: 0, stdout: 'stub\n' } })).toThrow(/\/boot\/grub2\/grub\.cfg.*must not be overwritten/);
});

it('refuses any rubbish by an explained error, or edits it so that a second run finds nothing to do', () => {
  const piece = fc.constantFrom(
    ...[
      'GRUB_CMDLINE_LINUX',
      '_DEFAULT',
      '=',
      '+=',
      '"',
      "'",
      '\\',
      '\n',
      '\r',
      ' ',
      '#',
      '$',
      '`',
      '$(',
      '${',
      '}',
      ')',
      ';',
      '~',
    ],
    ...[
      'iommu=pt',
      'iommu=off',
      'iommu=',
      'quiet',
      'export ',
      'if ',
      'fi',
      '$GRUB_CMDLINE_LINUX',
      '\\\n',
      'é',
      'GRUB_CMDLINE_LINUX="a"\n',
    ],
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 25 }), (parts) => {
      const text = parts.join('');
      try {
        const first = plan(text);
        const after = first.files[0]?.after ?? text;
        expect(plan(after, passthrough, first.ownedTokens).files).toEqual([]);
        expect(edit(after, { present: [], absent: [] }, first.ownedTokens).length).toBeLessThanOrEqual(after.length);
      } catch (error) {
        expect(error).toBeInstanceOf(VfleetError);
      }
    }),
    { numRuns: 5000 },
  );
});
