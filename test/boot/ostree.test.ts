import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { missingArguments, parseArguments } from '../../src/boot/arguments.ts';
import type { BootEffect, BootPlan } from '../../src/boot/driver.ts';
import { ostree } from '../../src/boot/ostree.ts';
import type { OwnedArguments } from '../../src/boot/owned.ts';
import type { ArgumentWish } from '../../src/boot/wish.ts';
import { VfleetError } from '../../src/errors.ts';
import { emptyRecord, type HostRecord } from '../../src/host/record.ts';
import { planUndo } from '../../src/host/undo-plan.ts';
import { toolEffect } from '../../src/resources/kernel-arguments.ts';
import { raw } from '../../src/shell/script.ts';
import { run, shells } from '../resources/shells.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { factsOf } from './facts.ts';
import { stateOf } from './files.ts';

const facts = factsOf({ boot: { loader: 'ostree', configPath: '/boot/loader/entries' } });
const wish: ArgumentWish = { present: ['intel_iommu=on', 'iommu=pt'], absent: [] };
const nothing: ArgumentWish = { present: [], absent: [] };
const deployment = 'ostree=/ostree/boot.1/default/05fc0dfb/0';

function plan(line: string, given: ArgumentWish, owned: OwnedArguments = {}): BootPlan {
  const state = stateOf({}, { kargs: { code: 0, stdout: `${line}\n` } });
  return ostree.plan(given, { host: 'node01', facts, owned, state });
}

function effectOf({ byTool }: BootPlan, given: ArgumentWish): BootEffect {
  return { kind: 'boot-configuration', reason: 'x', ...given, add: byTool?.add ?? [], remove: byTool?.remove ?? [] };
}

/** What rpm-ostree makes of the flags of a script: takes out each once, the first, and adds what is not there at the end. */
function kept(line: string, effect: BootEffect): string {
  const words = [...ostree.regenerate(facts, effect).text.matchAll(/'([^']*)'|(\S+)/g)].map(
    ([, one, two]) => one ?? two,
  );
  const tokens = parseArguments(line).map((argument) => argument.token);
  for (const word of words) {
    const [, verb, token = ''] = /^--(append|delete)-if-\w+=(.*)$/.exec(word ?? '') ?? [];
    if (verb === 'delete' && tokens.includes(token)) tokens.splice(tokens.indexOf(token), 1);
    if (verb === 'append' && !tokens.includes(token)) tokens.push(token);
  }
  return tokens.join(' ');
}

it('undoes to the arguments before, foreign ones and duplicates in their order, and repeats nothing', () => {
  const token = fc.constantFrom(
    'root=UUID=1',
    'rw',
    'iommu=pt',
    'iommu=nopt',
    'intel_iommu=on',
    'console=tty0',
    deployment,
  );
  let changes = 0;
  fc.assert(
    fc.property(fc.array(token, { maxLength: 7 }), (tokens) => {
      const before = tokens.join(' ');
      let first: BootPlan;
      try {
        first = plan(before, wish);
      } catch (error) {
        // What stands there already, and is outvoted later, the tool cannot put at the end.
        expect(error).toBeInstanceOf(VfleetError);
        expect(missingArguments(wish.present, before).some((missing) => before.split(' ').includes(missing))).toBe(
          true,
        );
        return;
      }
      const after = kept(before, effectOf(first, wish));
      expect(missingArguments(wish.present, after)).toEqual([]);
      expect(plan(after, wish, first.ownedTokens)).toMatchObject({ added: [], removed: [] });
      expect(plan(after, wish, first.ownedTokens).byTool).toBeUndefined();
      if (first.byTool !== undefined) changes += 1;
      const undone = plan(after, nothing, first.ownedTokens);
      expect(kept(after, effectOf(undone, nothing))).toBe(before);
    }),
    { numRuns: 300 },
  );
  expect(changes).toBeGreaterThan(50);
});

it('does not show the argument that names the deployment, and reads below an old heading', () => {
  expect(plan(`The kernel arguments are:\n${deployment} rw`, wish).byTool).toMatchObject({
    before: ['rw'],
    after: ['rw', 'intel_iommu=on', 'iommu=pt'],
  });
});

it('replaces what is its own, and only that', () => {
  const first = plan('rw iommu=nopt', wish, { 'rpm-ostree': ['iommu=nopt'] });
  expect(first).toMatchObject({ removed: ['iommu=nopt'], ownedTokens: { 'rpm-ostree': wish.present } });
  expect(plan('rw iommu=nopt', wish).removed).toEqual([]);
});

it('shows that of equal arguments the first goes, as the tool has it', () => {
  const owned = { 'rpm-ostree': ['iommu=pt'] };
  expect(plan('iommu=pt rw iommu=pt', nothing, owned).byTool).toMatchObject({
    remove: ['iommu=pt'],
    after: ['rw', 'iommu=pt'],
  });
});

it('refuses what GRUB would put a variable into', () => {
  expect(() => plan('rw', { present: ['memmap=4G$16G'], absent: [] })).toThrow(/memmap=4G\$16G: expected an argument/);
});

describe('judging', () => {
  const judge = (text: string) => ostree.judgeReadBack(text, { kind: 'boot-configuration', reason: 'x', ...wish });
  const entry = (n: number, options: string) =>
    `\n### entry /boot/loader/entries/ostree-${n}.conf ###\ntitle t (ostree:${n})\nversion ${n}\noptions ${options}\nlinux /ostree/x/vmlinuz-6.1.0-1\n`;
  const good = `${deployment} rw intel_iommu=on iommu=pt`;

  it('wants the arguments in the deployment that boots next, and in its entry', () => {
    expect(judge(`${good}\n\n### state ###\n${entry(1, 'rw')}${entry(2, good)}`)).toEqual([]);
    expect(judge(`rw iommu=pt\n\n### state ###\n${entry(2, good)}`)).toEqual([
      'the deployment that boots next lacks intel_iommu=on',
    ]);
    expect(judge(`${good}\n\n### state ###\n${entry(2, 'rw')}${entry(1, good)}`)[0]).toContain('ostree-2.conf lacks');
    expect(judge(`${good}\n\n### state ###\n`)).toEqual(['there is no boot entry /boot/loader/entries/ostree-*.conf']);
  });

  it('asks for no entry of a staged deployment, which has none yet', () => {
    expect(judge(`${good}\n\n### state ###\nstaged\n${entry(1, 'rw')}`)).toEqual([]);
  });

  it('is not content with a tool that says nothing', () => {
    expect(judge('')).toEqual(['rpm-ostree kargs names no arguments']);
  });
});

describe.each(shells.map((shell) => ({ shell, name: shell.join(' ') })))('under $name', ({ shell }) => {
  const root = temporaryFolder('ostree');
  const tool = (name: string, text: string): void =>
    writeFileSync(join(root, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  const env = { PATH: `${root}:/usr/bin:/bin` };
  const probe = ostree.read(facts).probes?.['kargs'] ?? raw('');

  it('tells the tool what to add and what to take out, and passes on what it says', async () => {
    tool(
      'rpm-ostree',
      `for word in "$@"; do echo "$word"; done >${root}/log; echo "error: Transaction in progress: upgrade" >&2; exit 1`,
    );
    const effect: BootEffect = {
      kind: 'boot-configuration',
      reason: 'x',
      present: ['iommu=pt', 'dyndbg="file x +p"'],
      absent: [],
      // The last one was left due by an earlier run, and is no longer wished for.
      add: ['iommu=pt', 'dyndbg="file x +p"', 'iommu=soft'],
      remove: ['iommu=nopt'],
    };
    const { code, stderr } = await run(ostree.regenerate(facts, effect), shell, { env });
    expect([code, stderr.trim()]).toEqual([1, 'error: Transaction in progress: upgrade']);
    expect(readFileSync(join(root, 'log'), 'utf8')).toBe(
      'kargs\n--delete-if-present=iommu=nopt\n--append-if-missing=iommu=pt\n--append-if-missing=dyndbg="file x +p"\n',
    );
    writeFileSync(join(root, 'log'), '');
    await run(ostree.regenerate(facts, { ...effect, add: [], remove: [] }), shell, { env });
    expect(readFileSync(join(root, 'log'), 'utf8')).toBe('');
  });

  it('takes out what is ours once, however often it is run, where others have the same', async () => {
    const store = join(root, 'kargs');
    tool(
      'rpm-ostree',
      `shift; [ $# -gt 0 ] || exec cat ${store}
for flag in "$@"; do case $flag in
  --delete-if-present=*) one=\${flag#*=} awk '{ for (i = 1; i <= NF; i++) if ($i == ENVIRON["one"] && !done) done = 1; else printf "%s%s", n++ ? " " : "", $i; print "" }' ${store} >${store}.new ;;
  --append-if-missing=*) { tr -d '\\n' <${store}; echo " \${flag#*=}"; } >${store}.new ;;
esac; mv ${store}.new ${store}; done`,
    );
    writeFileSync(store, 'rw iommu=pt quiet iommu=pt\n');
    const given = plan('rw iommu=pt quiet iommu=pt', nothing, { 'rpm-ostree': ['iommu=pt'] });
    expect(given.byTool?.after).toEqual(['rw', 'quiet', 'iommu=pt']);
    const effect: BootEffect = {
      kind: 'boot-configuration',
      reason: 'x',
      present: ['a=b'],
      absent: [],
      ...toolEffect(given, given.removed, facts),
      add: ['a=b'],
    };
    for (let times = 0; times < 3; times += 1) {
      expect((await run(ostree.regenerate(facts, effect), shell, { env })).stderr).toBe('');
      if (times === 0) expect(readFileSync(store, 'utf8')).toBe('rw quiet iommu=pt a=b\n');
      expect(readFileSync(store, 'utf8')).toContain('rw quiet iommu=pt a=b');
    }
  });

  it('reads the arguments, without warnings among them', async () => {
    tool('rpm-ostree', 'echo "note: deprecated" >&2; echo "rw quiet"');
    expect((await run(probe, shell, { env })).stdout.toString()).toBe('rw quiet\n');
    tool('rpm-ostree', 'echo "error: no" >&2; exit 4');
    const failed = await run(raw(`(${probe.text}\n)`), shell, { env });
    expect([failed.code, failed.stdout.toString()]).toEqual([4, 'error: no\n']);
  });

  it('says what there is in the place of rpm-ostree', async () => {
    const other = temporaryFolder('bootc');
    writeFileSync(join(other, 'bootc'), '#!/bin/sh\n', { mode: 0o755 });
    const { code, stdout } = await run(raw(`(${probe.text}\n)`), shell, { env: { PATH: `${other}:/usr/bin:/bin` } });
    expect([code, stdout.toString()]).toEqual([127, 'bootc\n']);
  });
});

it('an undo that was cut off after the tool had run leaves the argument that others have', () => {
  const record = (pending: HostRecord['pending']): HostRecord => ({
    ...emptyRecord,
    ownedArguments: { PCI: { 'rpm-ostree': ['iommu=pt'] } },
    pending,
  });
  const undone = (line: string, pending: HostRecord['pending'] = []) =>
    planUndo({
      ...{ host: 'node01', facts, record: record(pending), playbook: 'PCI', files: stateOf({}), force: false },
      boot: stateOf({}, { kargs: { code: 0, stdout: `${line}\n` } }),
      seen: { files: new Map(), globs: new Map() },
    }).changes.flatMap((change) => change.effects);
  const first = undone('rw iommu=pt quiet iommu=pt');
  expect(first).toMatchObject([{ remove: ['iommu=pt'], keep: ['iommu=pt'] }]);
  expect(undone('rw iommu=pt quiet iommu=pt', first)).toEqual(first);
  expect(undone('rw quiet iommu=pt', first)).toEqual([]);
});
