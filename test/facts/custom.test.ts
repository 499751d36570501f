import { readdirSync, rmSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { fact } from '../../src/facts/custom-fact.ts';
import { parseCustomFacts, parseFacts, probe } from '../../src/facts/probe.ts';
import { joinScripts, masked, raw, sh } from '../../src/shell/script.ts';
import { secret } from '../../src/shell/secret.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { runHere } from './run-probe.ts';

const text = (output: string) => output.trim();

describe("a playbook's own facts", () => {
  test('are read in the same exec, each in a shell of its own', async () => {
    const customs = {
      'a name, with signs': fact(sh`printf '%s\\n' ${"it's"} two`, (output) => output.trim().split('\n')),
      leaves: fact(sh`echo before; exit 3; echo after`, text),
      broken: fact(raw('if then fi ((('), text),
      changes: fact(sh`cd /; PATH=/nowhere; section() { echo stolen; }; set -- x; echo changed`, text),
      silent: fact(sh`:`, text),
      reads: fact(sh`cat`, text),
      last: fact(sh`ls / >/dev/null && echo still here`, text),
    };
    const { code, sections } = await runHere(probe(customs));
    expect(code).toBe(0);
    expect(parseFacts(sections).kernel.running).toMatch(/^\d/);
    expect(parseCustomFacts(customs, sections)).toEqual({
      'a name, with signs': ["it's", 'two'],
      leaves: 'before',
      broken: '',
      changes: 'changed',
      silent: '',
      reads: '',
      last: 'still here',
    });
  });

  test('may hold secrets, which are masked', async () => {
    const customs = { token: fact(sh`printf %s ${secret("s3cr3t'value")}`, text) };
    const script = probe(customs);
    expect(masked(script)).not.toContain('s3cr3t');
    expect(script.secrets).toContain("s3cr3t'value");
    const { sections } = await runHere(script);
    expect(parseCustomFacts(customs, sections)).toEqual({ token: "s3cr3t'value" });
  });

  test('whose parse throws are named', async () => {
    const customs = { nics: fact(sh`echo not json`, (output) => JSON.parse(output) as unknown) };
    const { sections } = await runHere(probe(customs));
    expect(() => parseCustomFacts(customs, sections)).toThrow(/fact "nics" of the playbook.*not json/);
  });
});

test('the probe makes no file, and says nothing on standard error', async () => {
  const folder = temporaryFolder('probe');
  try {
    const { stderr, bytes } = await runHere(joinScripts([sh`TMPDIR=${folder}; export TMPDIR`, probe()]));
    expect(stderr).toBe('');
    expect(bytes).toBeLessThan(200_000);
    expect(readdirSync(folder)).toEqual([]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
