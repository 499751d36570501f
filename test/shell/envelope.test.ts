import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nonceOf, parseOutput, wrap } from '../../src/shell/envelope.ts';
import { raw, sh } from '../../src/shell/script.ts';
import { runSh, shells } from './run-sh.ts';

const nonce = '00112233445566778899aabbccddeeff';
let folder = '';

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'vfleet-envelope-'));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Every kind of grammar that a cut can fall into. */
function writer(path: string): string {
  const script = sh`
# It's a comment
: >${path}
if [ -e ${path} ]; then printf 'one\\n' >>${path}; fi
cat >>${path} <<'END'
two
END
for word in three four; do echo "$word" >>${path}; done
case $word in four) echo five >>${path} ;; esac
(cd ${folder} && : >>${path}) && section done
rm -f ${join(folder, 'nothing')} &
wait`;
  return wrap(script, nonce);
}

/** Runs every beginning of a script; prints the cuts that had an effect, or printed anything, and their number. */
async function cutEverywhere(script: string, shell: readonly string[]): Promise<string> {
  const driver = sh`
head -c 0 /dev/null || exit
printf %s ${script} >${join(folder, 'script')}
n=0
while [ "$n" -lt ${Buffer.byteLength(script)} ]; do
  printed=$(head -c "$n" ${join(folder, 'script')} | ${shell} -s 2>/dev/null)
  [ -z "$printed" ] && [ ! -e ${join(folder, 'written')} ] || { echo "effect of a cut at $n: $printed"; exit; }
  n=$((n + 1))
done
rm ${join(folder, 'script')}
echo "cuts: $n"`;
  const { stdout, stderr } = await runSh(driver.text);
  return stdout.toString() + stderr;
}

describe('wrap', () => {
  for (const shell of shells) {
    it(`has no effect under ${shell.join(' ')} when it is cut at any byte`, async () => {
      const path = join(folder, 'written');
      const whole = writer(path);
      expect((await cutEverywhere(whole, shell)).trim().split('\n').at(-1)).toBe(`cuts: ${Buffer.byteLength(whole)}`);
      const { code, stdout } = await runSh(whole, shell);
      expect(code).toBe(0);
      expect([...parseOutput(stdout, nonce).sections.keys()]).toEqual(['done']);
      expect(readFileSync(path, 'utf8')).toBe('one\ntwo\nthree\nfour\nfive\n');
      rmSync(path);
    });

    it(`gives the exit code and keeps what follows from children under ${shell.join(' ')}`, async () => {
      const script = sh`cat; read -r line; echo "read:$line"; umask; pwd; echo "$LC_ALL:$PATH"; (exit 7)`;
      const { code, stdout } = await runSh(`${wrap(script, nonce)}\necho never`, shell, { PATH: '/usr/bin:/bin' });
      expect(code).toBe(7);
      expect(stdout.toString()).toBe('read:\n0022\n/\nC:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin\n');
    });
  }

  it('takes a script that is empty, ends in a comment or lacks a last newline', async () => {
    for (const text of ['', '\n', '# only a comment', 'true # end', 'true']) {
      expect(await runSh(wrap(raw(text), nonce))).toMatchObject({ code: 0, stderr: '' });
    }
  });

  it('runs nothing of a script that is not sh', async () => {
    const path = join(folder, 'half');
    const { code } = await runSh(wrap(sh`: >${path}\nif true; then`, nonce));
    expect(code).not.toBe(0);
    expect(existsSync(path)).toBe(false);
  });

  it('names the nonce in its first line', () => {
    expect(nonceOf(wrap(sh`true`, nonce))).toBe(nonce);
    expect(nonceOf('echo hello')).toBeNull();
  });
});

describe('parseOutput', () => {
  const bytes = fc.uint8Array({ maxLength: 60 }).map((array) => Buffer.from(array));
  const key = fc.string({ minLength: 1, maxLength: 12 }).filter((text) => !/\p{Cc}/u.test(text));

  it('gives back what was printed, byte for byte', () => {
    fc.assert(
      fc.property(bytes, fc.uniqueArray(fc.tuple(key, bytes), { selector: ([name]) => name }), (head, parts) => {
        const output = [
          head,
          ...parts.map(([name, body]) => Buffer.concat([Buffer.from(`\n${nonce}:${name}\n`), body])),
        ];
        const printed = parseOutput(Buffer.concat(output), nonce);
        expect(printed.stdout).toEqual(head);
        expect([...printed.sections]).toEqual(parts);
      }),
    );
  });

  it('agrees with what the shell prints', async () => {
    const script = sh`printf 'a\\000b'; section one; printf x; section ${'b c/ü'}; section two; echo y; section one; echo z`;
    const { stdout } = await runSh(wrap(script, nonce));
    const printed = parseOutput(stdout, nonce);
    expect(printed.stdout).toEqual(Buffer.from('a\0b'));
    expect([...printed.sections].map(([name, body]) => [name, body.toString()])).toEqual([
      ['one', 'xz\n'],
      ['b c/ü', ''],
      ['two', 'y\n'],
    ]);
  });

  it('leaves out a boundary that is cut off', () => {
    const printed = parseOutput(Buffer.from(`x\n${nonce}:a\nbody\n${nonce}:b`), nonce);
    expect([...printed.sections]).toEqual([['a', Buffer.from('body')]]);
  });

  it('refuses a key that is no text', () => {
    expect(() => parseOutput(Buffer.from(`\n${nonce}:\n`), nonce)).toThrow(/a key of printable characters/);
    expect(() => parseOutput(Buffer.from(`\n${nonce}:a\tb\n`), nonce)).toThrow(/a key of printable characters/);
  });
});
