import { execFileSync, spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseGrubDefault, printGrubDefault } from '../../src/boot/grub-default.ts';
import { problemOf } from '../../src/boot/grub-problem.ts';
import { effectiveAssignments, evaluate } from '../../src/boot/grub-sources.ts';
import { appendText, removeToken, replaceToken, tokensOf } from '../../src/boot/shell-value.ts';
import { readWord, type Unit } from '../../src/boot/shell-word.ts';

const pieces = fc.constantFrom(
  ...[
    'GRUB_CMDLINE_LINUX',
    '_DEFAULT',
    '=',
    '+=',
    '"',
    "'",
    '\\',
    '\n',
    '\r\n',
    ' ',
    '\t',
    '#',
    '$',
    '`',
    '$(',
    '${',
    '}',
    ')',
  ],
  ...[
    '(',
    ';',
    '&&',
    '|',
    'iommu=pt',
    'quiet',
    'export ',
    'if',
    'fi',
    'case',
    'esac',
    'do',
    'done',
    '$X',
    '${X}',
    '\\\n',
    'é',
    '\0',
  ],
);
const anyText = fc.oneof(
  fc.array(pieces, { maxLength: 40 }).map((parts) => parts.join('')),
  fc.string({ unit: 'binary' }),
);

function problem(text: string): ReturnType<typeof problemOf> {
  return problemOf(text, parseGrubDefault(text));
}

/** What the shell itself makes of a value. */
function byShell(text: string, name: string): string {
  return execFileSync('/bin/sh', ['-c', `${text}\nprintf '%s.' "$${name}"`], { encoding: 'utf8' }).slice(0, -1);
}

function cooked(units: readonly Unit[]): string {
  return units.map((unit) => (unit.kind === 'text' ? unit.text : '')).join('');
}

it('prints any text as it was', () => {
  fc.assert(
    fc.property(anyText, (text) => {
      expect(printGrubDefault(parseGrubDefault(text))).toBe(text);
    }),
    { numRuns: 5000 },
  );
});

it('never throws for any text', () => {
  fc.assert(
    fc.property(anyText, (text) => {
      const statements = parseGrubDefault(text);
      problemOf(text, statements);
      evaluate([{ path: '/etc/default/grub', statements }], 'GRUB_CMDLINE_LINUX');
    }),
    { numRuns: 2000 },
  );
});

it('reads values as the shell does', () => {
  const part = fc.constantFrom(
    'a',
    'b=c',
    ' ',
    '$',
    '\\',
    '\\"',
    "\\'",
    '\\$',
    '\\\n',
    '\\n',
    "'",
    '"',
    '*',
    '#',
    '  x',
    '=',
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 12 }), fc.constantFrom('"', "'", ''), (parts, quote) => {
      const text = `A=${quote}${parts.join('')}${quote}\n`;
      const statements = parseGrubDefault(text);
      const only = statements[0];
      const plain =
        only?.kind === 'assignments' && statements.length === 1 ? only.pieces.filter((p) => typeof p !== 'string') : [];
      const [assignment] = plain;
      fc.pre(
        plain.length === 1 &&
          assignment?.name === 'A' &&
          assignment.value.every((u) => u.kind === 'text' || u.kind === 'mark'),
      );
      expect(cooked(assignment.value)).toBe(byShell(text, 'A'));
    }),
    { numRuns: 300 },
  );
});

describe('what makes grub-mkconfig fail is named', () => {
  it.each([
    ['an open double quote', 'A=1\nGRUB_CMDLINE_LINUX="quiet\nB=2\n', 2, 'a double quote that is never closed'],
    ['an open single quote', "GRUB_CMDLINE_LINUX='quiet\n", 1, 'a single quote that is never closed'],
    ['an open backquote', 'A=1\n\nB=`lsb_release\n', 3, 'a backquote that is never closed'],
    ['an open substitution', 'B="$(sed \'s,x,,\'"\n', 1, '$( that is never closed'],
    ['blanks around the equals sign', 'GRUB_TIMEOUT = 5\n', 1, '"GRUB_TIMEOUT", which is no assignment'],
    [
      'an unquoted value with blanks',
      'GRUB_CMDLINE_LINUX=iommu=pt vfio_iommu_type1.allow=1\n',
      1,
      '"vfio_iommu_type1.allow=1", which is no assignment',
    ],
    ['a line of rubbish', 'A=1\n%%% not shell at all\n', 2, '"%%%", which is no assignment'],
    ['a byte order mark', '\uFEFFA=1\n', 1, '"\uFEFFA=1", which is no assignment'],
    ['CR LF line ends', 'A=1\nB=2\r\n', 2, 'a line that ends in CR LF'],
    ['a CR at the end', 'A=1\nB=2\r', 2, 'a line that ends in CR LF'],
    ['a backslash at the end', 'A=1\nB=2\\', 2, 'a backslash with nothing after it'],
    ['an operator at the end', 'A=1\n[ -f /x ] && # why\n\n', 2, 'an operator with nothing after it'],
    ['a NUL byte', 'A=1\nB=\0\n', 2, 'a NUL byte'],
  ])('%s', (_why, text, line, what) => {
    expect(problem(text)).toMatchObject({ line, problem: what });
  });
});

describe('what real files have is no problem', () => {
  it.each([
    ['backquotes', 'GRUB_DISTRIBUTOR=`lsb_release -i -s 2> /dev/null || echo Debian`\n'],
    [
      'a subshell in backquotes',
      'GRUB_DISTRIBUTOR=`( . /etc/os-release; echo ${NAME:-Ubuntu} ) 2>/dev/null || echo Ubuntu`\n',
    ],
    ['a substitution in quotes', 'GRUB_DISTRIBUTOR="$(sed \'s, release .*$,,g\' /etc/system-release)"\n'],
    ['code of a drop-in', 'echo "Including overrides"\nif [ "$X" = "" ]; then\n\techo "WARNING"\n\tX=1\nfi\nB=2\n'],
    ['a case', 'case "$(uname -m)" in\n  x86_64) GRUB_X=1 ;;\n  *) true ;;\nesac\nB=2\n'],
    ['export and several on a line', 'export A=1 B="2 3"; C=4 # why\n'],
    ['no final newline', 'A=1\nB="x"'],
    ['an empty file', ''],
    ['a condition', '[ -f /x ] && A=1\n'],
    ['a condition on two lines', '[ -f /x ] && # why\n\n  A=1\nB=2\n'],
    ['a comment that ends in a backslash', 'A=1\n# x\\'],
  ])('%s', (_why, text) => {
    expect(problem(text)).toBeNull();
    expect(spawnSync('/bin/sh', ['-n'], { input: text }).status).toBe(0);
  });
});

describe('evaluate', () => {
  const value = (text: string, name = 'GRUB_CMDLINE_LINUX'): readonly string[] =>
    evaluate([{ path: 'f', statements: parseGrubDefault(text) }], name).tokens.map(
      (token) => `${token.line} ${token.text}`,
    );

  it('lets the last assignment win, and follows += and references', () => {
    expect(value('GRUB_CMDLINE_LINUX="a"\nGRUB_CMDLINE_LINUX="b c"\n')).toEqual(['2 b', '2 c']);
    expect(value('GRUB_CMDLINE_LINUX=a\nGRUB_CMDLINE_LINUX+=" b"\n')).toEqual(['1 a', '2 b']);
    expect(value('GRUB_CMDLINE_LINUX=a\nGRUB_CMDLINE_LINUX="${GRUB_CMDLINE_LINUX} b"\n')).toEqual(['1 a', '2 b']);
  });

  it('reads neither comments nor the default arguments for the others', () => {
    expect(value('#GRUB_CMDLINE_LINUX="a"\nGRUB_CMDLINE_LINUX_DEFAULT="quiet"\n')).toEqual([]);
  });

  it('gives lines inside continued values', () => {
    expect(value('A=1\nGRUB_CMDLINE_LINUX="a \\\n  b\n c"\n')).toEqual(['2 a', '3 b', '4 c']);
  });

  it('says where code sets a variable', () => {
    const text = 'GRUB_CMDLINE_LINUX=a\nif [ -f /x ]; then\n  GRUB_CMDLINE_LINUX="b"\nfi\n';
    const found = evaluate([{ path: 'f', statements: parseGrubDefault(text) }], 'GRUB_CMDLINE_LINUX');
    expect(found.uncertain).toEqual(['f:3']);
  });

  it('takes an assignment behind an operator on the line before for code', () => {
    const statements = parseGrubDefault('GRUB_CMDLINE_LINUX=a\n[ -f /x ] ||\n  GRUB_CMDLINE_LINUX=b\nB=1\n');
    const found = evaluate([{ path: 'f', statements }], 'GRUB_CMDLINE_LINUX');
    expect([found.tokens.map((token) => token.text), found.uncertain]).toEqual([['a'], ['f:2']]);
    expect(statements.at(-1)).toMatchObject({ kind: 'assignments', line: 4 });
  });

  it('marks what it does not know', () => {
    const found = evaluate(
      [{ path: 'f', statements: parseGrubDefault('GRUB_CMDLINE_LINUX="a $(cat /x) b$HOME c"') }],
      'GRUB_CMDLINE_LINUX',
    );
    expect(found.tokens.map((token) => token.opaque)).toEqual([false, true, true, false]);
  });
});

describe('tokens of a value', () => {
  const value = fc
    .array(
      fc.constantFrom(
        'a',
        'resume=UUID=x',
        ' ',
        '  ',
        '\t',
        '"',
        "'q r'",
        '"d e"',
        '\\ ',
        '$X',
        '`c`',
        '\\\n',
        '=',
        '\\"',
      ),
      { maxLength: 10 },
    )
    .map((parts) => readWord(`"${parts.join('').replaceAll('"', '')}"`, 0))
    .filter((word) => !('problem' in word))
    .map((word) => ('units' in word ? word.units : []));
  const raw = (units: readonly Unit[]): string => units.map((unit) => unit.raw).join('');
  const token = fc.constantFrom('iommu=pt', 'a=b=c', 'dyndbg="file x +p"', 'memmap=4G\\$1G');

  it('come and go without a trace', () => {
    fc.assert(
      fc.property(value, token, (units, text) => {
        const longer = appendText(units, text);
        const added = tokensOf(longer).at(-1);
        fc.pre(added?.text === text);
        expect(raw(removeToken(longer, added))).toBe(raw(units));
      }),
      { numRuns: 2000 },
    );
  });

  it('are removed and replaced alone: every other one stays as it is, byte for byte', () => {
    fc.assert(
      fc.property(value, fc.nat(10), token, (units, pick, text) => {
        const tokens = tokensOf(units);
        const target = tokens[pick % Math.max(1, tokens.length)];
        fc.pre(target !== undefined && !target.opaque && !/["']/.test(target.text));
        const others = tokens.filter((other) => other !== target).map((other) => other.text);
        expect(tokensOf(removeToken(units, target)).map((other) => other.text)).toEqual(others);
        const replaced = tokensOf(replaceToken(units, target, text)).map((other) => other.text);
        expect(replaced).toEqual(tokens.map((other) => (other === target ? text : other.text)));
      }),
      { numRuns: 2000 },
    );
  });

  it.each([
    ['double quotes', '"quiet"', '"quiet iommu=pt"'],
    ['single quotes', "'quiet'", "'quiet iommu=pt'"],
    ['no quotes', 'quiet', '"quiet iommu=pt"'],
    ['nothing', '', '"iommu=pt"'],
    ['empty quotes', '""', '"iommu=pt"'],
    ['empty single quotes', "''", "'iommu=pt'"],
    ['quotes in parts', 'a" b"c', 'a" b"c" iommu=pt"'],
    ['a blank at the end', '"quiet "', '"quiet  iommu=pt"'],
    ['an escape', 'a\\ b', 'a\\ b" iommu=pt"'],
    ['a substitution', '"$(cat /x)"', '"$(cat /x) iommu=pt"'],
    ['a bare substitution', '$(cat /x)', '$(cat /x)" iommu=pt"'],
  ])('are added to %s', (_why, before, after) => {
    const word = readWord(before, 0);
    expect('units' in word ? raw(appendText(word.units, 'iommu=pt')) : null).toBe(after);
  });
});

it('knows which assignments count', () => {
  const statements = parseGrubDefault('GRUB_X=a\nGRUB_X=b\nGRUB_X+=c\nGRUB_X="$GRUB_X d"\n');
  expect(effectiveAssignments(statements, 'GRUB_X').map((assignment) => assignment.line)).toEqual([2, 3, 4]);
});
