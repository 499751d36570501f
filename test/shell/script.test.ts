import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Insertion, joinScripts, masked, raw, sh } from '../../src/shell/script.ts';
import { secret } from '../../src/shell/secret.ts';
import { runSh } from './run-sh.ts';

const printable = fc
  .string({ unit: fc.constantFrom(...'ab\'"`$\\!#;|<>(){} \n'), maxLength: 20 })
  .filter((candidate) => !candidate.includes('\0'));

describe('sh', () => {
  it('quotes strings and numbers, spreads arrays, splices scripts', () => {
    const inner = sh`echo ${'a b'}`;
    expect(sh`${inner} | head -n ${3} ${['x', 'y z']}`.text).toBe("echo 'a b' | head -n '3' 'x' 'y z'");
  });

  it('makes no word of an empty array', () => {
    expect(sh`set -- ${[]}; echo $#`.text).toBe('set -- ; echo $#');
  });

  it('gives every value to the real shell as one argument', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(printable, { maxLength: 20 }), printable, async (words, one) => {
        const script = sh`printf '%s\\0' ${words} --name=${one} ${secret(one)}`;
        const { stdout } = await runSh(script.text);
        expect(stdout.toString().split('\0').slice(0, -1)).toEqual([...words, `--name=${one}`, one]);
      }),
      { numRuns: 50 },
    );
  });

  it.each<[string, unknown]>([
    ['undefined', undefined],
    ['null', null],
    ['a boolean', true],
    ['NaN', Number.NaN],
    ['a look-alike of a script', { text: 'rm -rf /', secrets: [] }],
    ['a look-alike of a secret', { kind: 'secret' }],
    ['an array in an array', [['a']]],
  ])('refuses %s', (_name, value) => {
    expect(() => sh`echo ${value as Insertion}`).toThrow(/a value in a sh template/);
  });

  it.each([
    ['double quotes', () => sh`echo "${'x'}"`],
    ['single quotes', () => sh`echo '${'x'}'`],
    ['a comment', () => sh`true # about ${'x'}`],
    ['a here-document', () => sh`cat <<EOF\n${'x'}\nEOF`],
    ['backquotes', () => sh`echo \`id ${'x'}\``],
    ['arithmetic', () => sh`echo $((1 + ${2}))`],
    ['a parameter expansion in double quotes', () => sh`echo "\${x:-${'x'}}"`],
    ['after a dollar sign', () => sh`echo $${'x'}`],
    ['after a backslash', () => sh`echo \\${'x'}`],
  ])('refuses a value in %s, where it could run', (_place, make) => {
    expect(make).toThrow(/outside quotes/);
  });

  it.each([
    ['after closed quotes', () => sh`echo "a'b"${'x'}'c"d'${'y'}`, `echo "a'b"'x''c"d''y'`],
    ['in a command substitution in double quotes', () => sh`echo "$(cat ${'x'})"`, `echo "$(cat 'x')"`],
    ['after a comment with an apostrophe', () => sh`# don't\necho ${'x'}`, `# don't\necho 'x'`],
    ['after a hash within a word', () => sh`echo a#'b' \${#x} $# ${'x'}`, `echo a#'b' \${#x} $# 'x'`],
    ['after a here-document', () => sh`cat <<'E'\nit's\nE\necho ${'x'}`, `cat <<'E'\nit's\nE\necho 'x'`],
    ['after a shift', () => sh`echo $((1 << 2)) ${'x'}`, `echo $((1 << 2)) 'x'`],
    ['after an escaped quote', () => sh`echo "\\"" \\' ${'x'}`, `echo "\\"" \\' 'x'`],
    ['in a parameter expansion', () => sh`echo \${x:-${'x'}}`, `echo \${x:-'x'}`],
  ])('takes a value %s', (_place, make, text) => {
    expect(make().text).toBe(text);
  });

  it('refuses a backslash that the template string would drop', () => {
    expect(() => sh`sed 's/\(a\)/b/'`).toThrow(/two backslashes/);
    expect(() => sh`sed 's/a\.b/\1/'`).toThrow(/two backslashes/);
    expect(sh`sed 's/\\(a\\)/\\1/'`.text).toBe("sed 's/\\(a\\)/\\1/'");
  });
});

describe('secrets', () => {
  it('are used in full and masked wherever the script is shown', async () => {
    const script = sh`printf %s ${secret("it's")}; ${sh`echo ${secret('inner-one')}`}`;
    expect((await runSh(script.text)).stdout.toString()).toBe("it'sinner-one\n");
    expect(masked(script)).toBe("printf %s '***'; echo '***'");
    expect(joinScripts([script, sh`echo ${secret('last')}`]).secrets).toEqual(["it's", 'inner-one', 'last']);
  });

  it('are shown by nothing', () => {
    const value = secret('hunter2-hunter2');
    expect(`${String(value)} ${JSON.stringify({ value })} ${Object.values(value).join()}`).not.toContain('hunter2');
  });

  it('are never left in a masked text, whatever they are', () => {
    fc.assert(
      fc.property(fc.array(printable.filter((text) => text.trim().length > 3)), (values) => {
        const shown = masked(sh`echo ${values.map(secret)}`);
        for (const value of values) expect(shown).not.toContain(value);
      }),
    );
  });
});

describe('raw', () => {
  it('is spliced as it is', () => {
    expect(sh`${raw('echo "$HOME"')} | cat`.text).toBe('echo "$HOME" | cat');
    expect(() => raw('a\0b')).toThrow(/NUL/);
  });
});
