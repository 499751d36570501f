import { stripVTControlCharacters } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Around } from '../../../src/events/event.ts';
import type { HostSummary } from '../../../src/report/summary.ts';
import { renderPlans } from '../../../src/report/text/plans.ts';
import { bootConfiguration, change, diff, failure, host, plan, reboot, verdict } from '../sample.ts';

const plain = { colour: false };

function changing(name: string, parts: Parameters<typeof plan>[1] = {}): HostSummary {
  const effects = [bootConfiguration, reboot];
  return host(name, { plan: plan(name, { changes: [change({ effects })], effects, ...parts }) });
}

const names = (count: number): readonly string[] =>
  Array.from({ length: count }, (_, index) => `node${String(index + 1).padStart(2, '0')}`);

describe('renderPlans', () => {
  it('shows equal plans once, with all their hosts', () => {
    const text = renderPlans(
      names(22).map((name) => changing(name)),
      plain,
    );
    expect(text).toContain('22 hosts: same 1 change (node[01-22])\n');
    expect(text.match(/^ *\+GRUB_CMDLINE_LINUX=/gm)).toHaveLength(1);
    expect(text).toMatch(/22 hosts to change \(22 with a reboot\), 0 with nothing to do\n$/);
  });

  it('parts hosts whose diffs differ in one character', () => {
    const other = change({ diffs: [diff.replace('iommu=pt', 'iommu=pT')] });
    const text = renderPlans(
      [changing('a1'), changing('a2'), host('a3', { plan: plan('a3', { changes: [other] }) })],
      plain,
    );
    expect(text).toMatch(/^2 hosts: same 1 change \(a\[1-2\]\)$/m);
    expect(text).toMatch(/^a3: 1 change$/m);
  });

  it('groups by what is shown, not by what only programs compare', () => {
    const one = changing('a1', { machineId: '1', factsRead: { architecture: 'x86_64' } });
    const two = host('a2', { plan: { ...(one.plan ?? plan('a2')), host: 'a2', rack: 'r9', machineId: '2' } });
    expect(renderPlans([one, two], plain)).toContain('2 hosts: same 1 change');
  });

  it('shows what is due in its order, each with its reason', () => {
    const text = renderPlans(
      [changing('a', { effects: [{ kind: 'initramfs', reason: 'vfio.conf' }, bootConfiguration, reboot] })],
      plain,
    );
    expect(text).toContain(
      'then: regenerate the initramfs (vfio.conf), update the boot entries and read them back (/etc/default/grub.d/vfleet.cfg changes), ' +
        'reboot (the running kernel lacks iommu=pt)\n',
    );
  });

  it('tells units that are restarted from those that go', () => {
    const restarted = { kind: 'service', reason: 'r', unit: 'a.service' } as const;
    const stopped = { ...restarted, unit: 'b.service', gone: true } as const;
    const text = renderPlans([changing('a', { effects: [restarted, stopped] })], plain);
    expect(text).toContain('then: restart a.service (r), stop b.service (r)\n');
  });

  it('shows what runs around a reboot: where, for how long, and what turns the machine off and on', () => {
    const drain = { kind: 'command', where: 'controller', timeoutSeconds: 300, about: null } as const;
    const undrain = { kind: 'function', where: null, timeoutSeconds: 1800, about: 'libvirt: starts guests' } as const;
    const power = { program: 'ipmitool', timeoutSeconds: 60 };
    const of = (around: Around): string => renderPlans([changing('a', { around })], plain);
    expect(of({ drain, undrain, power })).toContain(
      'around the reboot: drain before it (a command on the controller; at most 5 min), ' +
        'undrain at the end (libvirt: starts guests; at most 30 min), ipmitool cycles the power where it does not come back\n',
    );
    expect(of({ drain, undrain: null, power: null })).toContain('at most 5 min), no undrain\n');
    expect(renderPlans([changing('a')], plain)).not.toContain('around');
    // Hosts with other hooks are no group.
    const [one, other] = [
      { drain, undrain, power: null },
      { drain: null, undrain, power },
    ];
    const both = [changing('a', { around: one }), changing('b', { around: other })];
    expect(renderPlans(both, plain)).toMatch(/^a: 1 change$[^]*^b: 1 change$/m);
  });

  it('shows the diff with its context, removed lines that look like headers among it', () => {
    const text = renderPlans([changing('a')], { colour: true });
    const removed = text.split('\n').find((line) => line.includes('an old line'));
    expect(removed).toContain('\x1b[31m--- an old line that looks like a header\x1b[39m');
    const plainLines = renderPlans([changing('a')], plain)
      .split('\n')
      .map((line) => line.trim());
    for (const line of diff.trim().split('\n')) expect(plainLines).toContain(line.trim());
  });

  it('says that an earlier run is to be finished, where nothing else is to change', () => {
    const text = renderPlans([host('a', { plan: plan('a', { pending: [reboot], effects: [reboot] }) })], plain);
    expect(text).toContain('a: no change, but an earlier run is to be finished\n');
    expect(text).toContain('left from an earlier run: reboot (the running kernel lacks iommu=pt)\n');
    expect(text).toContain('then: reboot (the running kernel lacks iommu=pt)\n');
    expect(text).toContain('1 host to change (1 with a reboot)');
  });

  it('marks what is tentative, and shows notes', () => {
    const changes = [change(), change({ resource: 'file /etc/a', tentative: true, notes: ['backed up'] })];
    const text = renderPlans([host('a', { plan: plan('a', { changes }) })], plain);
    expect(text).toContain('file /etc/a: add iommu=pt (tentative: planned again after the reboot)\n');
    expect(text.match(/tentative/g)).toHaveLength(1);
    expect(text).toContain('note: backed up\n');
  });

  it('gives hosts with nothing to do one line', () => {
    const gates = [verdict('pass')];
    const text = renderPlans(
      names(3).map((name) => host(name, { plan: plan(name), gates })),
      plain,
    );
    expect(text).toBe('3 hosts: nothing to do (node[01-03])\n\n0 hosts to change, 3 with nothing to do\n');
  });

  it('shows why a host is refused: verdict, evidence, remedy', () => {
    const gate = verdict('fail', {
      title: 'Is the IOMMU on?',
      found: 'no DMAR',
      evidence: ['tables: none'],
      remedy: 'set VT-d',
    });
    const gates = [verdict('pass', { check: 'guests', title: 'Are there no guests?' }), gate];
    const refused = host('node24', { state: 'refused', plan: plan('node24'), gates, failure: failure('node24') });
    const text = renderPlans([refused, changing('node01')], plain);
    const block = text.slice(text.indexOf('node24'));
    expect(
      block
        .split('\n')
        .slice(0, 5)
        .map((line) => line.trim()),
    ).toEqual(['node24: refused', 'fail     Is the IOMMU on?', 'no DMAR', '| tables: none', 'remedy: set VT-d']);
    expect(text.indexOf('node01')).toBeLessThan(text.indexOf('node24'));
    expect(text).toMatch(/1 host to change.*, 0 with nothing to do, 1 refused\n$/);
  });

  it('shows the failure of a host with no plan: expected, found, next, in that order', () => {
    const parts = { thing: 'boot loader', expected: 'one that is known', found: 'lilo', next: 'set it by hand' };
    const hosts = ['a1', 'a2'].map((name) => host(name, { state: 'refused', failure: failure(name, parts) }));
    const text = renderPlans(hosts, plain);
    expect(text).toMatch(
      /2 hosts: refused \(a\[1-2\]\)\n +boot loader\n +expected: one that is known\n +found: +lilo\n +next: +set it by hand\n/,
    );
  });

  it('shows what was planned until a host failed, and that it failed', () => {
    const failed = host('a', { state: 'failed', failure: failure('a'), plan: plan('a', { changes: [change()] }) });
    const text = renderPlans([failed], plain);
    expect(text).toMatch(/^a: failed$/m);
    expect(text).toContain('planned until then:');
    expect(text).toContain('0 hosts to change, 0 with nothing to do, 1 failed');
  });

  it('shows gates as numbers, and with their evidence when asked', () => {
    const gates = [verdict('pass', { evidence: ['dmar0 dmar1'] }), verdict('not-applicable', { check: 'x' })];
    const one = [{ ...changing('a'), gates }];
    expect(renderPlans(one, plain)).toContain('gates: 1 pass, 1 not applicable\n');
    expect(renderPlans(one, plain)).not.toContain('dmar0');
    expect(renderPlans(one, { colour: false, verbose: true })).toContain('| dmar0 dmar1\n');
  });

  it('means the same without colours', () => {
    const hosts = [changing('a'), host('b', { plan: plan('b') }), host('c', { state: 'lost', failure: failure('c') })];
    const coloured = renderPlans(hosts, { colour: true });
    expect(coloured).not.toBe(stripVTControlCharacters(coloured));
    expect(stripVTControlCharacters(coloured)).toBe(renderPlans(hosts, plain));
  });

  it('leaves no host out, and lets no text of a host act on the terminal', () => {
    const evil = fc.constantFrom('\x1b[2J', '\x9b31m', 'a\rb', '\u202e', '\x07', 'x\ny');
    const anyHost = fc
      .tuple(
        fc.constantFrom('ok', 'failed', 'refused', 'skipped', 'lost', null),
        fc.boolean(),
        fc.nat({ max: 2 }),
        evil,
      )
      .map(([state, hasPlan, changes, text]) => ({ state, hasPlan, changes, text }));
    fc.assert(
      fc.property(fc.array(anyHost, { minLength: 1, maxLength: 8 }), (kinds) => {
        const hosts = kinds.map(({ state, hasPlan, changes, text }, index) => {
          const name = `${'abcdefgh'[index]}-host`;
          const nasty = change({ resource: text, summary: text, notes: [text], diffs: [`--- ${text}\n`] });
          const due = [{ kind: 'service' as const, reason: text, unit: text }];
          const planned = plan(name, { changes: Array(changes).fill(nasty), pending: due, effects: due });
          const gate = verdict('fail', { title: text, found: text, evidence: [text], remedy: text });
          const why = failure(name, { thing: text, expected: text, found: text, next: text });
          return host(name, {
            state,
            failure: state === 'ok' ? null : why,
            plan: hasPlan ? planned : null,
            gates: [gate],
            warnings: [text],
          });
        });
        const text = renderPlans(hosts, plain);
        for (const { name } of hosts) expect(text).toContain(name);
        expect(text).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/);
      }),
    );
  });

  it('is quick for a large fleet', () => {
    const hosts = Array.from({ length: 2000 }, (_, index) =>
      changing(`r${(index % 40) + 1}-n${Math.floor(index / 40) + 1}`),
    );
    expect(renderPlans(hosts, plain)).toContain('2000 hosts: same 1 change (r[1-40]-n[1-50])');
  });
});
