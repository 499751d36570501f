import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { applyPatch } from 'diff';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { bootDriver } from '../../src/boot/choose-driver.ts';
import { VfleetError } from '../../src/errors.ts';
import { absent, exactly } from '../../src/resources/argument-value.ts';
import { kernelArguments } from '../../src/resources/kernel-arguments.ts';
import type { Change, ChangeContext } from '../../src/resources/resource.ts';
import { factsOf } from '../boot/facts.ts';
import { stateOf } from '../boot/files.ts';

const fixtures = new URL('./fixtures/kernel-arguments/', import.meta.url).pathname;

const caseSchema = z.strictObject({
  source: z.enum(['vm', 'public', 'constructed']),
  address: z.string().optional(),
  after: z.string().optional(),
  loader: z.enum(['update-grub', 'grub2-mkconfig', 'bls', 'proxmox-boot-tool', 'systemd-boot', 'ostree']),
  firmware: z.enum(['bios', 'uefi']).default('bios'),
  configPath: z.string().nullable(),
  running: z.string(),
  /** Arguments of the default boot entry, where the generated configuration was read. */
  entries: z.string().optional(),
  wish: z.record(
    z.string(),
    z.union([z.string(), z.literal(true), z.array(z.string()), z.strictObject({ absent: z.literal(true) })]),
  ),
  /** What the probes of the driver printed. */
  probes: z.record(z.string(), z.strictObject({ code: z.number().default(0), stdout: z.string() })).default({}),
  /** By place. */
  owned: z.record(z.string(), z.array(z.string())),
  /** Paths of files that are to be removed. */
  removes: z.array(z.string()).default([]),
  /** `null`: nothing to do. */
  expect: z
    .strictObject({
      summary: z.string(),
      effects: z.array(z.string()),
      owned: z.record(z.string(), z.array(z.string())),
      notes: z.array(z.string()),
      /** Lines of the diff of a tool that keeps arguments itself, without those that stay. */
      tool: z.array(z.string()).optional(),
    })
    .nullable()
    .optional(),
  error: z.strictObject({ code: z.string(), words: z.array(z.string()) }).optional(),
});
type Case = z.infer<typeof caseSchema>;

function filesBelow(folder: string): Record<string, string> {
  if (!existsSync(folder)) return {};
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Object.fromEntries(
    entries.map((entry) => {
      const path = join(entry.parentPath, entry.name);
      return [path.slice(folder.length), readFileSync(path, 'utf8')];
    }),
  );
}

function contextOf({ loader, configPath, firmware, running, entries, owned }: Case): ChangeContext {
  const entry = { title: 'Linux', kernel: '6.1.0', arguments: entries ?? '', default: true };
  const boot = { loader, configPath, running, entries: entries === undefined ? null : [entry] };
  const facts = factsOf({ boot });
  return {
    host: 'node01',
    facts: { ...facts, firmware: { ...facts.firmware, kind: firmware } },
    ownedArguments: owned,
  };
}

function resourceOf({ wish }: Case): ReturnType<typeof kernelArguments> {
  return kernelArguments(
    Object.fromEntries(
      Object.entries(wish).map(([name, value]) => [
        name,
        typeof value === 'object' && 'absent' in value ? absent() : value,
      ]),
    ),
  );
}

function filesAfter(before: Record<string, string>, change: Change | null): Record<string, string> {
  const files = { ...before };
  for (const action of change?.actions ?? []) {
    if (action.kind === 'write') files[action.path] = action.text;
    else if (action.kind === 'remove') delete files[action.path];
  }
  return files;
}

/** What a tool adds and takes out, of the diff that no action stands for. */
function toolLines(change: Change): readonly string[] {
  const diff = change.diffs[change.actions.length] ?? '';
  return diff.split('\n').filter((line) => /^[+-][^+-]/.test(line));
}

/** What runs on the host after the files are written: the regeneration, and what reads back what it made. */
function scriptsOf(given: Case, change: Change | null): Record<string, string> {
  const { facts } = contextOf(given);
  const effect = change?.effects.find((one) => one.kind === 'boot-configuration');
  if (effect === undefined) throw new Error('nothing is regenerated');
  const driver = bootDriver(facts);
  const texts = { 'regenerate.sh': driver.regenerate(facts, effect).text, 'read-back.sh': driver.readBack(facts).text };
  return Object.fromEntries(Object.entries(texts).map(([file, text]) => [file, `${text.trimStart()}\n`]));
}

it('every driver has a fixture with what it runs on a host', () => {
  const withScripts = readdirSync(fixtures).filter((name) => existsSync(join(fixtures, name, 'regenerate.sh')));
  const loaders = withScripts.map((name) => {
    const { loader } = JSON.parse(readFileSync(join(fixtures, name, 'case.json'), 'utf8')) as Case;
    return loader;
  });
  expect([...new Set(loaders)].sort()).toEqual([...caseSchema.shape.loader.options].sort());
});

describe.each(readdirSync(fixtures))('%s', (name) => {
  const given = caseSchema.parse(JSON.parse(readFileSync(join(fixtures, name, 'case.json'), 'utf8')));
  const before = filesBelow(join(fixtures, name, 'before'));
  const run = (files: Record<string, string>): Change | null =>
    resourceOf(given).change(stateOf(files, given.probes), contextOf(given));

  if (given.error !== undefined) {
    const { code, words } = given.error;
    it('is refused, and the place is named', () => {
      let thrown: unknown;
      try {
        run(before);
      } catch (error) {
        thrown = error;
      }
      expect(thrown).toBeInstanceOf(VfleetError);
      expect(thrown).toMatchObject({ code });
      for (const word of words) expect(thrown).toHaveProperty('message', expect.stringContaining(word));
    });
    return;
  }

  it('plans what is expected', () => {
    const change = run(before);
    const wanted = given.expect ?? null;
    expect(
      change && {
        summary: change.summary,
        effects: change.effects.map((effect) => effect.kind),
        owned: change.ownedArguments,
        notes: change.notes,
        ...(given.expect?.tool && { tool: toolLines(change) }),
      },
    ).toEqual(wanted);
  });

  it('leaves the files that are expected, and every other as it is', () => {
    const change = run(before);
    const wanted = { ...before, ...filesBelow(join(fixtures, name, 'after')) };
    for (const path of given.removes) delete wanted[path];
    expect(filesAfter(before, change)).toEqual(wanted);
  });

  it.runIf(existsSync(join(fixtures, name, 'regenerate.sh')))(
    'runs on the host what is expected, byte for byte',
    () => {
      for (const [file, text] of Object.entries(scriptsOf(given, run(before)))) {
        expect(text, file).toBe(readFileSync(join(fixtures, name, file), 'utf8'));
      }
    },
  );

  it('shows a diff that is the change', () => {
    const change = run(before);
    for (const [index, action] of (change?.actions ?? []).entries()) {
      if (action.kind !== 'write') continue;
      const diff = change?.diffs[index] ?? '';
      if (action.path.endsWith('/grubenv')) {
        // Nobody reads a line of a thousand characters.
        expect(diff).toMatch(/^\+ {2}\S+$/m);
        expect(diff).not.toMatch(/^.{200}|^[ +-]?#{2}/m);
        continue;
      }
      expect(applyPatch(before[action.path] ?? '', diff.slice(diff.indexOf('---')))).toBe(action.text);
    }
  });

  it('writes no file in a second run', () => {
    const change = run(before);
    const context = { ...contextOf(given), ownedArguments: change?.ownedArguments ?? given.owned };
    const again = resourceOf(given).change(stateOf(filesAfter(before, change), given.probes), context);
    expect(again?.actions ?? []).toEqual([]);
  });
});

describe('a wish that cannot be meant', () => {
  it.each([
    ['amd_iommu=on', { amd_iommu: 'on' }, 'on by default'],
    ['a blank in a name', { 'a b': 'x' }, 'letters, digits'],
    ['a value in a name', { 'iommu=pt': true }, 'write the value beside the name'],
    ['a quote in a name', { 'a"': 'x' }, 'letters, digits'],
    ['an empty name', { '': 'x' }, 'letters, digits'],
    ['a line end in a value', { a: 'x\ny' }, 'printable ASCII'],
    ['a control character in a value', { a: '\x07' }, 'printable ASCII'],
    ['a quote in a value', { a: 'x"y' }, 'character "'],
    ['a backslash in a value', { a: 'x\\y' }, 'character \\'],
    ['an empty list', { a: [] }, 'an empty list'],
    ['one name in two spellings', { 'vfio-pci.ids': '1', 'vfio_pci.ids': '2' }, 'vfio-pci.ids too'],
  ] as const)('%s', (_why, values, reason) => {
    expect(() => kernelArguments(values)).toThrow(reason);
    expect(() => kernelArguments(values)).toThrow(VfleetError);
  });

  it('a number, from a playbook that is not type-checked', () => {
    const values: Record<string, string> = JSON.parse('{"hugepages": 4}');
    expect(() => kernelArguments(values)).toThrow('write numbers as texts');
  });
});

it('does not manage what is false, null or undefined', () => {
  const { wants } = kernelArguments({ a: false, b: undefined, c: null, d: 'x', e: true, f: ['1', '2'], g: absent() });
  expect(wants?.(factsOf({}))).toEqual({ kernelArguments: { present: ['d=x', 'e', 'f=1', 'f=2'], absent: ['g'] } });
});

it('refuses a boot loader that cannot be configured, and says what was seen', () => {
  const facts = factsOf({ boot: { loader: 'unknown', loaderEvidence: '/boot/extlinux', configPath: null } });
  const resource = kernelArguments({ iommu: 'pt' });
  for (const act of [
    () => resource.read(facts),
    () => resource.change(stateOf({}), { host: 'h', facts, ownedArguments: {} }),
  ]) {
    expect(act).toThrow(/unknown \(seen: \/boot\/extlinux\)/);
    expect(act).toThrow(expect.objectContaining({ code: 'boot.unsupported' }));
  }
});

it('keeps a file that is no UTF-8 byte for byte', () => {
  const bytes = Buffer.concat([
    Buffer.from([0x23, 0xd6, 0xd0, 0xce, 0xc4, 0x0a]),
    Buffer.from('GRUB_CMDLINE_LINUX="quiet"\n'),
  ]);
  const facts = factsOf({ boot: { loader: 'grub2-mkconfig' } });
  const change = kernelArguments({ iommu: 'pt' }).change(stateOf({ '/etc/default/grub': bytes }), {
    host: 'h',
    facts,
    ownedArguments: {},
  });
  const [action] = change?.actions ?? [];
  expect(action?.kind === 'write' && Buffer.from(action.text, action.encoding ?? 'utf8')).toEqual(
    Buffer.concat([bytes.subarray(0, 6), Buffer.from('GRUB_CMDLINE_LINUX="quiet iommu=pt"\n')]),
  );
});

it('keeps mode and owner of the file that it edits', () => {
  const before = {
    kind: 'file',
    bytes: Buffer.from('GRUB_CMDLINE_LINUX=\n'),
    mode: '0600',
    owner: 'root:wheel',
  } as const;
  const facts = factsOf({ boot: { loader: 'grub2-mkconfig' } });
  const change = kernelArguments({ iommu: 'pt' }).change(stateOf({ '/etc/default/grub': before }), {
    host: 'h',
    facts,
    ownedArguments: {},
  });
  expect(change?.actions).toMatchObject([{ kind: 'write', mode: '0600', owner: 'root:wheel' }]);
});

it('refuses to lose arguments that the generated entries alone have', () => {
  const text = 'GRUB_CMDLINE_LINUX="crashkernel=auto"\nGRUB_CMDLINE_LINUX_DEFAULT="quiet"\n';
  const line = 'root=/dev/sda1 ro crashkernel=512M quiet LANG=en_US.UTF-8 $tuned_params net.ifnames=0 rd.x=1';
  const entries = [{ title: 't', kernel: '3.10.0', arguments: line, default: true }];
  const facts = factsOf({ boot: { loader: 'grub2-mkconfig', entries } });
  const state = stateOf({ '/etc/default/grub': text });
  const resource = kernelArguments({ iommu: 'pt' });
  const context = { host: 'h', facts, ownedArguments: {} };
  expect(() => resource.change(state, context)).toThrow(/found net\.ifnames=0 rd\.x=1, which no file configures/);
  // Unless an earlier run has just taken them out of the file, and not yet generated the entries.
  expect(resource.change(state, { ...context, regenerationDue: true })?.summary).toBe('add iommu=pt');
});

describe('exactly', () => {
  const facts = factsOf({ boot: { loader: 'grub2-mkconfig', running: 'ro intel_iommu=on,sm_on' } });
  const state = stateOf({ '/etc/default/grub': 'GRUB_CMDLINE_LINUX="intel_iommu=on,sm_on"\n' });
  const context = { host: 'h', facts, ownedArguments: {} };

  it('demands the argument word for word, where a longer list of words would do', () => {
    expect(kernelArguments({ intel_iommu: 'on' }).change(state, context)).toBeNull();
    const change = kernelArguments({ intel_iommu: exactly('on') }).change(state, context);
    expect(filesAfter({}, change)['/etc/default/grub']).toBe(
      'GRUB_CMDLINE_LINUX="intel_iommu=on,sm_on intel_iommu=on"\n',
    );
    // What is read back, and what runs after the reboot, is judged by them.
    expect(change?.effects.map(({ reason: _, ...effect }) => effect)).toEqual([
      { kind: 'boot-configuration', present: ['intel_iommu=on'], absent: [], exact: ['intel_iommu=on'] },
      { kind: 'reboot', present: ['intel_iommu=on'], absent: [], exact: ['intel_iommu=on'] },
    ]);
  });

  it('is told to checks, for those arguments alone', () => {
    const { wants } = kernelArguments({ intel_iommu: exactly('on'), iommu: 'pt' });
    expect(wants?.(facts)).toEqual({
      kernelArguments: { present: ['intel_iommu=on', 'iommu=pt'], absent: [], exact: ['intel_iommu=on'] },
    });
  });

  it('takes no value that cannot be meant', () => {
    expect(() => kernelArguments({ amd_iommu: exactly('on') })).toThrow('on by default');
    expect(() => kernelArguments({ iommu: exactly('a"b') })).toThrow('character "');
  });
});
