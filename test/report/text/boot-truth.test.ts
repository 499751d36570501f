import { expect, it } from 'vitest';
import type { BootEntry, ConfiguredPlace } from '../../../src/facts/facts.ts';
import { type ExplainedHost, renderBootTruth } from '../../../src/report/text/boot-truth.ts';
import { factsOf } from '../../boot/facts.ts';

it('says which entries take no part, which files nobody reads, and where entries of several partitions are', () => {
  const entry = (title: string): BootEntry => ({ title, kernel: '6.8', arguments: 'root=x', default: title === 'one' });
  const [one, rescue] = [entry('one'), entry('rescue')];
  const place: ConfiguredPlace = { path: '/etc/default/grub', variable: 'GRUB_CMDLINE_LINUX', value: '""' };
  const boot = { loader: 'proxmox-boot-tool', configPath: null, entries: [one, rescue], configured: [place] } as const;
  const host: ExplainedHost = {
    name: 'pve1',
    state: 'ok',
    failure: null,
    gates: [],
    checks: [],
    explanation: {
      facts: factsOf({ boot }),
      entriesFrom: 'the partitions listed in LIST',
      unread: [place],
      leftOut: [rescue],
      wantedBy: 'nobody',
      truths: [],
      notes: [],
    },
  };
  const text = renderBootTruth([host], { colour: false });
  expect(text).toMatch(/entries from +the partitions listed in LIST$/m);
  expect(text).toMatch(/GRUB_CMDLINE_LINUX="" \(not read by this boot loader\)$/m);
  expect(text).toMatch(/\* "one": root=x$/m);
  expect(text).toMatch(/"rescue" \(not counted: rescue, recovery, or of another system\): root=x$/m);
});
