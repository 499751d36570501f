import { describe, expect, it } from 'vitest';
import { distinctEntries } from '../../src/boot/own-entries.ts';
import { explainBoot } from '../../src/boot/truth.ts';
import type { ArgumentTruth, GapCause, TruthContext } from '../../src/boot/truth-stage.ts';
import type { BootEntry, BootFacts, ConfiguredPlace, Facts } from '../../src/facts/facts.ts';
import { factsOf } from './facts.ts';

const release = '6.1.0-18-amd64';
const root = 'root=UUID=1 ro';

function entry(args: string, parts: Partial<BootEntry> = {}): BootEntry {
  return { title: 'Debian GNU/Linux', kernel: release, arguments: `${root} ${args}`.trim(), default: false, ...parts };
}

const grub = (value: string, variable = 'GRUB_CMDLINE_LINUX', path = '/etc/default/grub'): ConfiguredPlace => ({
  path,
  variable,
  value: `"${value}"`,
});

interface Given extends Omit<Partial<BootFacts>, 'running'> {
  readonly running?: string;
  readonly kernel?: Partial<Facts['kernel']>;
  readonly present?: readonly string[];
  readonly absent?: readonly string[];
  readonly context?: TruthContext;
}

/** The truth of a host whose command line, entries and files hold what is given beside `root=`. */
function explain({
  running = '',
  kernel,
  present = [],
  absent = [],
  context,
  ...boot
}: Given): readonly ArgumentTruth[] {
  const line = `BOOT_IMAGE=/boot/vmlinuz-${release} ${root} ${running}`.trim();
  const facts = factsOf({ boot: { configured: [], ...boot, running: line }, ...(kernel && { kernel }) });
  return explainBoot(facts, { present, absent }, context);
}

function only(given: Given): ArgumentTruth {
  const [truth, ...others] = explain(given);
  if (truth === undefined || others.length > 0) throw new Error('one argument was expected');
  return truth;
}

const causes = (given: Given): readonly GapCause[] => only(given).gaps.map(({ cause }) => cause);
const one = (args: string): readonly BootEntry[] => [entry(args, { default: true })];
const pt = { present: ['iommu=pt'] };

describe('the three-way truth', () => {
  it('has no gap where all three agree, and leaves out what boot loaders add by themselves', () => {
    const truth = only({ ...pt, configured: [grub('iommu=pt')], entries: one('iommu=pt'), running: 'iommu=pt' });
    expect(truth).toMatchObject({ name: 'iommu', wanted: ['iommu=pt'], running: ['iommu=pt'], runs: true, gaps: [] });
    expect(truth.configured).toEqual([{ token: 'iommu=pt', place: '/etc/default/grub: GRUB_CMDLINE_LINUX' }]);
    expect(truth.entries).toMatchObject([{ title: 'Debian GNU/Linux', default: true, has: true }]);
  });

  it('lists what is wanted first, then what else is there, each name once', () => {
    const truths = explain({
      present: ['vfio-pci.ids=1', 'console=tty0', 'console=ttyS0'],
      configured: [grub('quiet')],
      entries: one('quiet vfio_pci.ids=1'),
      running: 'quiet console=tty0 console=ttyS0',
    });
    expect(truths.map(({ name }) => name)).toEqual(['vfio-pci.ids', 'console', 'quiet']);
    expect(truths[1]?.running).toEqual(['console=tty0', 'console=ttyS0']);
  });

  it('says nothing where nothing can be read but what runs', () => {
    expect(causes({ configured: null, entries: null, running: 'quiet' })).toEqual([]);
    expect(causes({ ...pt, configured: null, entries: null, running: 'iommu=pt' })).toEqual(['unknown']);
  });
});

it('names an argument that an installer has damaged, though all three agree', () => {
  const damaged = 'resume=UUID=UUID=UUID=7';
  const truth = only({ configured: [grub(damaged)], entries: one(damaged), running: damaged });
  expect(truth.gaps).toMatchObject([
    {
      cause: 'damaged',
      found: `${damaged} is damaged: it was resume=UUID=7`,
      next: 'write resume=UUID=7 in its place',
    },
  ]);
});

it('tells entries of one title apart by their kernels', () => {
  const entries = [entry('a'), entry('b', { kernel: '6.1.0-17-amd64' }), entry('c', { title: 'Other' })];
  expect(distinctEntries(entries).map(({ title }) => title)).toEqual([
    `Debian GNU/Linux (${release})`,
    'Debian GNU/Linux (6.1.0-17-amd64)',
    'Other',
  ]);
});

describe('the cause of a gap', () => {
  const has = [grub('iommu=pt')];
  const cases: readonly (readonly [string, Given, readonly GapCause[], RegExp])[] = [
    ['nothing anywhere', { ...pt, entries: one('') }, ['not-configured'], /no file configures it/],
    [
      'another value',
      { ...pt, configured: [grub('iommu=nopt')], entries: one('iommu=nopt'), running: 'iommu=nopt' },
      ['not-configured'],
      /configured is iommu=nopt in \/etc\/default\/grub/,
    ],
    [
      'configured, not generated',
      { ...pt, configured: has, entries: one('') },
      ['not-generated'],
      /entries in \/boot\/grub\/grub\.cfg are otherwise: not generated since.*(update-grub)/s,
    ],
    [
      'generated into a stub',
      {
        ...pt,
        configured: has,
        entries: one(''),
        loader: 'grub2-mkconfig',
        loaderEvidence: '/boot/efi/EFI/x/grub.cfg is a stub',
      },
      ['not-generated'],
      /the stub on the ESP/,
    ],
    [
      'configured and running, not in the file',
      { ...pt, configured: has, entries: one(''), running: 'iommu=pt' },
      ['not-generated'],
      /another file is generated and booted/,
    ],
    [
      'in a folder that the tool does not read',
      {
        ...pt,
        loader: 'grub2-mkconfig',
        configured: [grub('iommu=pt', 'GRUB_CMDLINE_LINUX', '/etc/default/grub.d/x.cfg')],
        entries: one(''),
      },
      ['not-read'],
      /grub\.d\/x\.cfg: .* not made from that file/,
    ],
    ['a reboot is due', { ...pt, configured: has, entries: one('iommu=pt') }, ['reboot-due'], /booted before that/],
    [
      'a reboot was in vain',
      { ...pt, configured: has, entries: one('iommu=pt'), context: { rebooted: true } },
      ['other-loader'],
      /firmware started another loader/,
    ],
    [
      'another entry was booted',
      {
        ...pt,
        loader: 'bls',
        entries: [entry('iommu=pt', { default: true, title: 'new' }), entry('', { title: 'old' })],
      },
      ['some-entries', 'other-entry'],
      /"old" was booted, and not the default entry "new"/,
    ],
    [
      'typed at the menu',
      { entries: one(''), running: 'single' },
      ['running-only'],
      /typed at the menu, or taken out since by something else/,
    ],
    [
      'taken out by an undo',
      { entries: one(''), running: 'iommu=pt', context: { takenOut: ['iommu=pt'] } },
      ['taken-out'],
      /configured when the host booted, and vfleet has taken it out since/,
    ],
    [
      'taken out by a restore, and wanted',
      { ...pt, entries: one(''), running: 'iommu=pt', context: { takenOut: ['iommu=pt'] } },
      ['taken-out'],
      /configured when the host booted, and vfleet has taken it out since/,
    ],
    [
      'typed at the menu in another way than vfleet had it',
      { entries: one(''), running: 'iommu=off', context: { takenOut: ['iommu=pt'] } },
      ['running-only'],
      /typed at the menu/,
    ],
    [
      'typed at the menu, and wanted',
      { ...pt, loader: 'bls', entries: one(''), running: 'iommu=pt' },
      ['running-only'],
      /lost at the next boot/,
    ],
    [
      'set by grubby alone',
      { entries: one('iommu=pt'), running: 'iommu=pt' },
      ['entries-only'],
      /set by grubby or by hand, and lost when/,
    ],
    [
      'wanted, and set by grubby alone',
      { ...pt, entries: one('iommu=pt'), running: 'iommu=pt' },
      ['entries-only'],
      /no file configures it: the entries .* lose it/,
    ],
    [
      'grubby --update-kernel=DEFAULT',
      {
        ...pt,
        loader: 'bls',
        entries: [entry('iommu=pt', { default: true }), entry('', { title: 'old' })],
        running: 'iommu=pt',
      },
      ['some-entries'],
      /not so in "old", as `grubby --update-kernel=DEFAULT` leaves it/,
    ],
    [
      'a kernel installed later',
      {
        ...pt,
        loader: 'systemd-boot',
        configured: [{ path: '/etc/kernel/cmdline', variable: 'cmdline', value: root }],
        entries: one('iommu=pt'),
        running: 'iommu=pt',
      },
      ['later-kernels'],
      /installed later takes its arguments from \/etc\/kernel\/cmdline, which lacks it/,
    ],
    [
      'configured for later kernels alone, by nobody of ours',
      { loader: 'bls', configured: [grub('quiet')], entries: one('') },
      ['not-generated'],
      /entries of bls are not generated from it/,
    ],
    [
      'a kernel installed since',
      {
        ...pt,
        loader: 'bls',
        kernel: { installed: [] },
        entries: [entry('', { default: true, title: 'new', kernel: '6.12.1' }), entry('iommu=pt')],
        running: 'iommu=pt',
      },
      ['newer-kernel'],
      /only older kernels have it so: "new" was installed since/,
    ],
    [
      'overridden by a later file',
      {
        ...pt,
        configured: [...has, grub('iommu=nopt', 'GRUB_CMDLINE_LINUX_DEFAULT', '/etc/default/grub.d/z.cfg')],
        entries: one('iommu=pt iommu=nopt'),
        running: 'iommu=pt iommu=nopt',
      },
      ['overridden'],
      /iommu=nopt in \/etc\/default\/grub\.d\/z\.cfg: GRUB_CMDLINE_LINUX_DEFAULT comes after iommu=pt in \/etc\/default\/grub: GRUB_CMDLINE_LINUX,/,
    ],
    [
      'overridden in an entry',
      { ...pt, loader: 'bls', entries: one('iommu=pt iommu=nopt'), running: 'iommu=pt' },
      ['overridden'],
      /comes after iommu=pt in boot entry "Debian GNU\/Linux"/,
    ],
    [
      "tuned's variable",
      { entries: one('isolcpus=1 $tuned_params'), configured: [grub('$tuned_params')], running: 'isolcpus=1' },
      ['other-variable'],
      /\$tuned_params, which tuned sets/,
    ],
    [
      "tuned's variable, running alone",
      { loader: 'bls', entries: one('$tuned_params'), running: 'isolcpus=1' },
      ['other-variable'],
      /tuned/,
    ],
    [
      'a misspelling',
      { configured: [grub('biosdevnames=0')], entries: one('biosdevnames=0'), running: 'biosdevnames=0' },
      ['misspelt'],
      /no argument biosdevnames is known/,
    ],
    [
      'a value that the kernel does not know',
      { configured: [grub('amd_iommu=on')], entries: one('amd_iommu=on'), running: 'amd_iommu=on' },
      ['wrong-value'],
      /on by default/,
    ],
    [
      'unwanted and configured',
      { absent: ['quiet'], configured: [grub('quiet')], entries: one('quiet'), running: 'quiet' },
      ['still-configured'],
      /quiet in \/etc\/default\/grub/,
    ],
    [
      'unwanted and in the entries',
      { absent: ['quiet'], entries: one('quiet'), running: 'quiet' },
      ['not-generated'],
      /otherwise: not generated since/,
    ],
    [
      'unwanted and running',
      { absent: ['quiet'], entries: one(''), running: 'quiet' },
      ['reboot-due'],
      /every boot entry is right/,
    ],
    [
      'configured by somebody else, and not generated',
      { configured: [grub('quiet')], entries: one(''), running: '' },
      ['not-generated'],
      /configured so/,
    ],
  ];
  it.each(cases)('%s', (_, given, expected, said) => {
    const truth = only(given);
    expect(truth.gaps.map(({ cause }) => cause)).toEqual(expected);
    expect(truth.gaps.map(({ found, next }) => `${found}; ${next}`).join('\n')).toMatch(said);
    for (const { next } of truth.gaps) expect(next).not.toBe('');
  });

  it('is none where files for kernels that are installed later say the same twice', () => {
    const cmdline = { path: '/etc/kernel/cmdline', variable: 'cmdline', value: `${root} iommu=pt` };
    const given = { loader: 'bls', configured: [grub('iommu=pt'), cmdline], running: 'iommu=pt' } as const;
    expect(causes({ ...given, entries: one('iommu=pt') })).toEqual([]);
    expect(causes({ ...given, ...pt, entries: one('iommu=pt') })).toEqual([]);
  });

  it('on Proxmox is looked for in the one file that counts', () => {
    const places = [grub('iommu=pt'), { path: '/etc/kernel/cmdline', variable: 'cmdline', value: root }];
    const facts = factsOf({ boot: { loader: 'proxmox-boot-tool', configured: places, entries: null } });
    const cause = (running: string) =>
      explainBoot({ ...facts, boot: { ...facts.boot, running } }, { ...pt, absent: [] })[0]?.gaps[0]?.cause;
    expect(cause('BOOT_IMAGE=/boot/vmlinuz iommu=pt')).toBe('unknown');
    expect(cause('initrd=\\EFI\\x iommu=pt')).toBe('not-read');
  });

  it('is none for what a variable of ours extends, or `+=`', () => {
    const own = grub('$GRUB_CMDLINE_LINUX iommu=pt', 'GRUB_CMDLINE_LINUX', '/etc/default/grub.d/99-vfleet.cfg');
    const truths = explain({
      ...pt,
      configured: [grub('a'), own, { ...grub(' b'), append: true }],
      entries: one('a iommu=pt b'),
      running: 'a iommu=pt b',
    });
    expect(truths.map(({ name, gaps }) => [name, gaps])).toEqual([
      ['iommu', []],
      ['a', []],
      ['b', []],
    ]);
  });

  it('is none for a recovery entry, or for one of another system', () => {
    const others = [entry('single', { title: 'recovery' }), entry('', { title: 'Windows', kernel: null })];
    expect(causes({ ...pt, configured: has, entries: [...one('iommu=pt'), ...others], running: 'iommu=pt' })).toEqual(
      [],
    );
  });

  it('is looked for with the quoting of GRUB taken off', () => {
    const given = {
      present: ['dyndbg="file x +p"'],
      loader: 'bls',
      entries: one('"dyndbg=file x +p"'),
      running: 'dyndbg="file x +p"',
    } as const;
    expect(causes(given)).toEqual([]);
  });
});
