import { describe, expect, it } from 'vitest';
import type { Command, Stamped } from '../../../src/events/event.ts';
import { fold } from '../../../src/report/fold.ts';
import type { Summary } from '../../../src/report/summary.ts';
import { renderSummary } from '../../../src/report/text/summary.ts';
import { at, change, failure, hostEnded, plan, runEnded, runStarted, verdict } from '../sample.ts';

const plain = { colour: false, given: 'passthrough.ts -i racks.yaml' };

function run(
  command: Command,
  events: readonly Stamped[],
  names = ['n1', 'n2', 'n3', 'n4'],
  interrupted = false,
): Summary {
  return fold([runStarted(names, command), ...events, runEnded(interrupted)]);
}

const ok = (name: string, writes = 0, reboots = 0): Stamped => ({
  at: at(60),
  type: 'host-ended',
  host: name,
  state: 'ok',
  writes,
  reboots,
});

describe('renderSummary', () => {
  it('of a rollout that halted says why, who is where, and the command that goes on', () => {
    const skipped = (name: string): Stamped => ({
      ...{ at: at(61), type: 'host-ended', host: name, state: 'skipped', writes: 0, reboots: 0 },
      failure: failure(name, { code: 'rollout.halted', thing: 'not started: the rollout has halted' }),
    });
    const halted: Stamped = { at: at(60), type: 'halted', why: 'n1 did not end well; allowed: 0' };
    const text = renderSummary(
      run('apply', [hostEnded('n1', 'failed'), halted, ok('n2', 1), skipped('n3'), skipped('n4')]),
      plain,
    );
    expect(text).toMatch(/^halted: n1 did not end well; allowed: 0\n/m);
    expect(text).toMatch(
      /^apply of PCI passthrough: 4 hosts, .*, halted\n {2}ok +1 +n2\n {2}skipped +2 +n\[3-4\]\n {2}failed +1 +n1\n/m,
    );
    expect(text).toMatch(
      /\nnext: vfleet resume run-1 --retry-failed {3}# runs those again and goes on, when the cause is gone\n$/,
    );
  });

  it('of a run whose controller died names the command that goes on with it, not one that begins anew', () => {
    const text = (command: Command): string =>
      renderSummary(fold([runStarted(['n1', 'n2'], command), ok('n1', 1)]), plain);
    expect(text('apply')).toMatch(/\nnext: vfleet resume run-1 {3}# goes on where it stopped\n$/);
    expect(text('verify')).not.toContain('resume');
  });

  it('of a rollout that halted though nobody ended badly names the command that goes on', () => {
    const halted: Stamped = { at: at(60), type: 'halted', why: 'no maintenance window ever opens' };
    const text = renderSummary(run('apply', [halted, hostEnded('n1', 'skipped')], ['n1']), plain);
    expect(text).toMatch(/\nnext: vfleet resume run-1 {3}# goes on, when the cause is gone\n$/);
  });

  it('tells who ended how, what was written, how long it took, and what to run next', () => {
    const text = renderSummary(
      run(
        'apply',
        ['n1', 'n2', 'n3', 'n4'].map((name) => ok(name, 1, 1)),
      ),
      plain,
    );
    expect(text).toBe(
      'apply of PCI passthrough: 4 hosts, 4 writes, 4 reboots in 1 min 30 s\n' +
        '  ok  4  n[1-4]\n\n' +
        'next: vfleet verify passthrough.ts -i racks.yaml   # proves it again, and writes nothing\n',
    );
  });

  it('names hosts that are still out of service, and those whose power was cycled', () => {
    const drained: Stamped = { ...hostEnded('n2', 'failed'), drained: true } as Stamped;
    const cycled: Stamped = { ...(ok('n3', 1, 1) as Extract<Stamped, { type: 'host-ended' }>), powerCycled: true };
    const text = renderSummary(run('apply', [ok('n1'), drained, cycled, ok('n4')]), plain);
    expect(text).toMatch(/^n2: still drained: out of service, and holds its place; an `apply` that ends well there/m);
    expect(text).toMatch(/^n3: power cycled: no return from the reboot without it$/m);
    expect(renderSummary(run('apply', [ok('n1')]), plain)).not.toMatch(/drained|cycled/);
  });

  it('explains each host that failed, equal failures once', () => {
    const lost: Stamped = {
      at: at(60),
      type: 'host-ended',
      host: 'n4',
      state: 'lost',
      failure: failure('n4', {
        thing: 'reboot',
        expected: 'back within 15 min',
        found: 'no log-in',
        next: 'look at its console',
      }),
      writes: 1,
      reboots: 0,
    };
    const text = renderSummary(
      run('apply', [ok('n1'), hostEnded('n2', 'unreachable'), hostEnded('n3', 'unreachable'), lost]),
      plain,
    );
    expect(text).toMatch(/^2 hosts: unreachable \(n\[2-3\]\)\n {2}log-in\n/m);
    expect(text).toMatch(
      /^n4: lost\n {2}reboot\n {4}expected: back within 15 min\n {4}found: {4}no log-in\n {4}next: {5}look at its console\n/m,
    );
    expect(text).toMatch(/^ {2}ok +1 {2}n1\n {2}unreachable +2 {2}n\[2-3\]\n {2}lost +1 {2}n4\n/m);
    expect(text).toContain(
      'next: vfleet apply passthrough.ts -i racks.yaml -l n2:n3:n4   # again, when the cause is gone\n',
    );
  });

  it('shows the remedy of a gate that refused', () => {
    const gate = verdict('fail', { remedy: 'set VT-d in the BIOS' });
    const events: Stamped[] = [
      { at: at(1), type: 'verdict', host: 'n1', phase: 'gate', verdict: gate },
      hostEnded('n1', 'refused'),
      ...['n2', 'n3', 'n4'].map((name) => ok(name)),
    ];
    const text = renderSummary(run('apply', events), plain);
    expect(text).toContain('remedy: set VT-d in the BIOS\n');
    expect(text).toContain('-l n1   # again, when the remedy is done\n');
  });

  it('shows the checks that failed after an apply, and leaves those of verify to their table', () => {
    const bad = verdict('fail', { evidence: ['dmar0'], remedy: 'look at dmesg' });
    const end: Stamped = {
      ...{ at: at(60), type: 'host-ended', host: 'n1', state: 'failed', writes: 0, reboots: 0 },
      failure: failure('n1', { code: 'verify.failed', thing: 'one check' }),
    };
    const events: Stamped[] = [
      { at: at(1), type: 'verdict', host: 'n1', phase: 'verify', verdict: bad },
      ...[end, hostEnded('n2', 'unreachable'), ok('n3'), ok('n4')],
    ];
    const applied = renderSummary(run('apply', events), plain);
    expect(applied).toMatch(
      /^n1: failed\n {2}fail +Is the IOMMU active\?\n(.*\n)*? +\| dmar0\n +remedy: look at dmesg$/m,
    );
    const verified = renderSummary(run('verify', events), plain);
    expect(verified).not.toContain('dmar0');
    expect(verified).toMatch(/^n2: unreachable\n {2}log-in$/m);
    expect(verified).toMatch(/^ {2}failed +1 {2}n1$/m);
  });

  it('names hosts that have not ended', () => {
    const text = renderSummary(run('apply', [ok('n1'), ok('n2'), ok('n3')]), plain);
    expect(text).toMatch(/^n4: not ended$/m);
    expect(text).toMatch(/^ {2}not ended +1 {2}n4$/m);
  });

  it('says that it was interrupted, and how to go on', () => {
    const stopped = (name: string): Stamped => ({
      ...{ at: at(60), type: 'host-ended', host: name, state: 'skipped', writes: 0, reboots: 0 },
      failure: failure(name, { code: 'interrupted', thing: 'not started' }),
    });
    const events = [ok('n1', 1), ...['n2', 'n3', 'n4'].map(stopped)];
    const text = renderSummary(run('apply', events, undefined, true), plain);
    expect(text).toContain('in 1 min 30 s, interrupted\n');
    expect(text).toContain('next: vfleet resume run-1   # goes on where it stopped\n');
  });

  it('never names a resume that would be refused: of what only reads, and where every host has ended', () => {
    const next = (command: Command, events: readonly Stamped[], names: readonly string[]): string | undefined =>
      /next: (.*)\n$/.exec(renderSummary(run(command, events, [...names], true), plain))?.[1];
    const anew = 'passthrough.ts -i racks.yaml   # begins anew';
    expect(next('verify', [ok('n1')], ['n1', 'n2'])).toBe(`vfleet verify ${anew}`);
    expect(next('plan', [ok('n1')], ['n1', 'n2'])).toBe(`vfleet plan ${anew}`);
    expect(next('undo', [ok('n1')], ['n1', 'n2'])).toBe('vfleet resume run-1   # goes on where it stopped');
    expect(next('apply', [ok('n1')], ['n1'])).toBeUndefined();
    expect(next('apply', [ok('n1'), hostEnded('n2', 'failed')], ['n1', 'n2'])).toBe(
      'vfleet apply passthrough.ts -i racks.yaml -l n2   # again, when the cause is gone',
    );
  });

  it('leaves to the plan what the plan shows, and offers to make the changes', () => {
    const changes: Stamped = { at: at(1), type: 'planned', host: 'n1', plan: plan('n1', { changes: [change()] }) };
    const text = renderSummary(run('plan', [changes, ...['n1', 'n2', 'n3', 'n4'].map((name) => ok(name))]), plain);
    expect(text).toBe(
      'plan of PCI passthrough: 4 hosts in 1 min 30 s\n\nnext: vfleet apply passthrough.ts -i racks.yaml   # makes these changes\n',
    );
  });

  it('hints at nothing where nothing is to be done', () => {
    const events = ['n1', 'n2', 'n3', 'n4'].map((name) => ok(name));
    expect(renderSummary(run('verify', events), plain)).not.toContain('next:');
    expect(renderSummary(run('plan', events), plain)).not.toContain('next:');
  });

  it('sends a host with an unproven check back to the plan', () => {
    const unknown: Stamped = { at: at(1), type: 'verdict', host: 'n2', phase: 'verify', verdict: verdict('unknown') };
    const text = renderSummary(run('verify', [unknown, ...['n1', 'n2', 'n3', 'n4'].map((name) => ok(name))]), plain);
    expect(text).toContain('next: vfleet plan passthrough.ts -i racks.yaml -l n2   # shows what is missing\n');
  });

  it('puts no name into a command that a shell or a pattern would read otherwise', () => {
    const text = renderSummary(run('apply', [hostEnded('$(reboot)', 'failed'), ok('n1')], ['$(reboot)', 'n1']), plain);
    expect(text).toMatch(/next: vfleet apply passthrough\.ts -i racks\.yaml {3}#/);
  });

  it('cuts the list of those who are well only', () => {
    const names = [...'abcdefghijkl'].map((letter) => `${letter}-node`);
    const text = renderSummary(
      run(
        'apply',
        names.map((name) => ok(name)),
        names,
      ),
      plain,
    );
    expect(text).toContain('a-node, b-node, c-node, d-node, e-node, f-node, g-node, h-node, …\n');
    const failed = renderSummary(
      run(
        'apply',
        names.map((name) => hostEnded(name, 'failed')),
        names,
      ),
      plain,
    );
    expect(failed.split('\n').find((line) => line.startsWith('  failed'))).toContain('l-node');
  });

  it('shows warnings with their hosts', () => {
    const events: Stamped[] = [
      { at: at(1), type: 'warning', host: null, text: 'clock is off' },
      ...['n1', 'n2'].map((name): Stamped => ({ at: at(1), type: 'warning', host: name, text: 'low on disk\x1b[2J' })),
      ...['n1', 'n2', 'n3', 'n4'].map((name) => ok(name)),
    ];
    const text = renderSummary(run('apply', events), plain);
    expect(text).toContain('warning: clock is off\nwarning: 2 hosts: low on disk\\x1b[2J (n[1-2])\n');
  });
});
