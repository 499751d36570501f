import { describe, expect, it } from 'vitest';
import { undamaged } from '../../src/boot/damaged.ts';
import type { BootFacts, Facts, PciDevice, SetupFile } from '../../src/facts/facts.ts';
import { findLeftovers } from '../../src/host/leftovers/find.ts';
import type { Finding } from '../../src/host/leftovers/finding.ts';
import { withFate } from '../../src/host/leftovers/tell.ts';
import { factsOf } from '../boot/facts.ts';

// Files and arguments are what ocboot at f70e31bb writes (roles utils/gpu-init and utils/kernel-check), read there: public.
// The facts around them are constructed.

type Configured = NonNullable<BootFacts['configured']>;

interface Given {
  readonly files?: Readonly<Record<string, string>>;
  readonly doubleEquals?: boolean;
  readonly boot?: Partial<BootFacts>;
  readonly modules?: Partial<Facts['modules']>;
  readonly pci?: Facts['pci'];
  readonly os?: Partial<Facts['os']>;
  readonly kernel?: Partial<Facts['kernel']>;
}

function facts({ files = {}, doubleEquals = true, ...rest }: Given): Facts {
  const found = Object.entries(files).map(
    ([path, text]): SetupFile => ({ path, lines: text.split('\n').slice(0, -1) }),
  );
  return factsOf({ ...rest, setup: { files: found, doubleEquals } });
}

function leftovers(given: Given, wished: readonly string[] = [], owned: readonly string[] = []): readonly Finding[] {
  return findLeftovers(facts(given), {
    wants: { kernelArguments: { present: wished, absent: [] } },
    owned: owned.length === 0 ? [] : [{ '/etc/default/grub': owned }],
  });
}

/** The one finding at a place. */
function only(given: Given, wished: readonly string[] = []): Finding {
  const found = leftovers(given, wished);
  expect(found.map(({ place }) => place)).toHaveLength(1);
  const [finding] = found;
  if (finding === undefined) throw new Error('nothing was found');
  return finding;
}

function grub(value: string, defaults?: string): Configured {
  const path = '/etc/default/grub';
  return [
    ...(defaults === undefined ? [] : [{ path, variable: 'GRUB_CMDLINE_LINUX_DEFAULT', value: `"${defaults}"` }]),
    { path, variable: 'GRUB_CMDLINE_LINUX', value: `"${value}"` },
  ];
}

function device(address: string, parts: Partial<PciDevice> = {}): PciDevice {
  return {
    ...{ address, class: '030000', vendor: '10de', device: '1b06', driver: null, driverOverride: null },
    ...{ iommuGroup: 1, numaNode: null, bootVga: false, ...parts },
  };
}

const hookLine = 'install vfio-pci /usr/bin/vfio-pci-override.sh\n';
const script = `#!/bin/sh
CODE_VGA=0x030000
CODE_3D=0x030200
    if [ $CLS_CODE == $CODE_VGA ] || [ $CLS_CODE == $CODE_3D ]; then
        echo "vfio-pci" > "$GPU/driver_override"
modprobe -i vfio-pci
`;

describe('the hook and the script of the installer', () => {
  const files = { '/etc/modprobe.d/vfio.conf': hookLine, '/usr/bin/vfio-pci-override.sh': script };
  const card = ['0', '1', '2', '3'].map((end) => device(`0000:06:00.${end}`, end === '0' ? {} : { class: '0c0330' }));

  it('are two findings, with the line of the hook', () => {
    const [hook, program] = leftovers({ files });
    expect(hook).toMatchObject({ place: '/etc/modprobe.d/vfio.conf:1', found: hookLine.trim(), adopts: 'file' });
    expect(hook?.today).toMatch(/in the place of loading vfio_pci/);
    expect(program).toMatchObject({ place: '/usr/bin/vfio-pci-override.sh', adopts: 'file' });
  });

  it('with a shell that knows no "==", the script does nothing', () => {
    const said = (doubleEquals: boolean) => leftovers({ files, doubleEquals })[1]?.today;
    expect(said(false)).toMatch(/^nothing: it is sh with "=="/);
    expect(said(true)).toMatch(/go to vfio-pci when it is loaded/);
  });

  it('the functions that it leaves behind are named', () => {
    expect(leftovers({ files, pci: card })[1]?.why).toMatch(/0000:06:00\.2, 0000:06:00\.3 stay with the drivers/);
    expect(leftovers({ files, pci: card.slice(0, 2) })[1]?.why).not.toMatch(/stay with/);
    const display = card.map((each) => ({ ...each, bootVga: each.address.endsWith('.0') }));
    expect(leftovers({ files, pci: display })[1]?.why).not.toMatch(/stay with/);
  });

  it('a hook whose script is gone keeps vfio-pci from being loaded; one for a built-in module never runs', () => {
    const gone = { '/etc/modprobe.d/vfio.conf': hookLine };
    expect(only({ files: gone }).today).toMatch(/cannot be loaded.*it is not there/);
    const vfio = [{ name: 'vfio_pci', running: 'builtin', next: 'builtin' } as const];
    expect(only({ files: gone, modules: { vfio } }).today).toMatch(/never runs: vfio_pci is built into the kernel/);
  });

  it('a script that nothing runs is called so', () => {
    expect(only({ files: { '/usr/bin/vfio-pci-override.sh': script } }).today).toMatch(/^nothing: no install line/);
  });

  it('files with anything of somebody else in them are not for --adopt', () => {
    expect(only({ files: { '/etc/modprobe.d/vfio.conf': `# mine\n${hookLine}` } })).toMatchObject({
      place: '/etc/modprobe.d/vfio.conf:2',
      adopts: 'nothing',
    });
    expect(only({ files: { '/etc/modprobe.d/gpu.conf': hookLine } }).adopts).toBe('nothing');
  });
});

describe('files of modprobe', () => {
  it('binding by ids names what it takes', () => {
    const files = { '/etc/modprobe.d/vfio.conf': 'options vfio-pci ids=10de:1B06,10de:10ef \\\n  disable_vga=1\n' };
    const pci = [device('0000:06:00.0'), device('0000:82:00.0'), device('0000:01:00.0', { device: '2204' })];
    expect(only({ files, pci }).today).toMatch(/here: 0000:06:00\.0, 0000:82:00\.0$/);
  });

  it('drivers of display devices on a list are one finding for a file; other drivers are none', () => {
    const text = 'blacklist nouveau\nblacklist nvidia\nblacklist nvidia_drm\n';
    expect(only({ files: { '/etc/modprobe.d/blacklist-gpu.conf': text } })).toMatchObject({
      found: 'blacklist nouveau, nvidia, nvidia_drm',
      adopts: 'file',
    });
    // The list that Ubuntu's package kmod brings has framebuffers and network drivers on it.
    const usual = 'blacklist radeonfb\nblacklist nvidiafb\n# blacklist nouveau\nblacklist evbug\n';
    expect(leftovers({ files: { '/etc/modprobe.d/blacklist.conf': usual } })).toEqual([]);
  });

  it('kvm ignore_msrs=1, but not other options of kvm', () => {
    const at = (text: string) => leftovers({ files: { '/etc/modprobe.d/kvm.conf': text } });
    expect(at('options kvm ignore_msrs=1\n')).toMatchObject([{ adopts: 'file' }]);
    expect(at('options kvm ignore_msrs=0\noptions kvm_intel nested=1\n')).toEqual([]);
  });
});

describe('lists of modules', () => {
  it('of other content are named with what else is in them; a module that the kernel lacks too', () => {
    const vfio = [{ name: 'vfio_virqfd', running: 'absent', next: 'absent' } as const];
    const files = { '/etc/modules-load.d/vfio.conf': '# by hand\nvfio\nvfio_virqfd\nbr_netfilter\n' };
    const finding = only({ files, modules: { vfio } });
    expect(finding.found).toBe('vfio vfio_virqfd and 1 of other modules');
    expect(finding.why).toMatch(/no module vfio_virqfd/);
    expect(leftovers({ files: { '/etc/modules-load.d/k8s.conf': 'br_netfilter\n' } })).toEqual([]);
  });

  it('of dracut: what it adds, and that the value runs together with the next', () => {
    const path = '/etc/dracut.conf.d/vfio.conf';
    const boot = { initramfs: 'dracut' } as const;
    const at = (text: string) => only({ files: { [path]: text }, boot });
    expect(at('add_drivers+=" vfio vfio_iommu_type1 vfio_pci"\n').why).toMatch(/runs together/);
    expect(at('force_drivers+=" vfio vfio_pci "\n')).toMatchObject({
      place: `${path}:1`,
      why: null,
      adopts: 'nothing',
    });
    expect(leftovers({ files: { [path]: 'add_drivers+=" nvme "\n' }, boot })).toEqual([]);
  });
});

it('overrides of driverctl are named, and devices that are not there', () => {
  const files = {
    '/etc/driverctl.d/pci-0000:06:00.0': 'vfio-pci\n',
    '/etc/driverctl.d/pci-0000:09:00.0': 'vfio-pci\n',
  };
  const finding = only({ files, pci: [device('0000:06:00.0')] });
  expect(finding.found).toBe('pci-0000:06:00.0 vfio-pci, pci-0000:09:00.0 vfio-pci');
  expect(finding.why).toMatch(/no such device: pci-0000:09:00\.0/);
});

describe('the unit for huge pages', () => {
  const text = `[Unit]
ConditionKernelCommandLine=hugepagesz=1G
[Service]
ExecStart=/usr/lib/systemd/oc-hugetlb-reserve-pages.sh
`;
  const unit = '/usr/lib/systemd/system/oc-hugetlb-gigantic-pages.service';
  const link = '/etc/systemd/system/sysinit.target.wants/oc-hugetlb-gigantic-pages.service';

  it.each([
    [{ [unit]: text }, 'hugepagesz=1G', /^nothing: it is not enabled/],
    [{ [unit]: text, [link]: text }, 'quiet', /^nothing: the kernel runs without/],
    [{ [unit]: text, [link]: text }, 'hugepagesz=1G', /takes all memory but a fifth/],
  ])('does what it does when it is enabled and asked for', (files, running, today) => {
    const found = leftovers({ files, boot: { running } });
    expect(found.find(({ place }) => place === unit)?.today).toMatch(today);
    expect(found.every(({ adopts }) => adopts === 'file')).toBe(true);
  });
});

describe('arguments that the merge of the installer damages (§2.2 of its defects, reproduced with its own text)', () => {
  it.each([
    ['resume=UUID=UUID=8f0c', 'resume=UUID=8f0c'],
    ['resume=UUID=UUID=UUID=UUID=8f0c', 'resume=UUID=8f0c'],
    ['resume=UUID=UUID=UUID=8f0c', 'resume=UUID=8f0c'],
    [`resume=${'UUID='.repeat(8)}8f0c`, 'resume=UUID=8f0c'],
    ['rd.luks.name=ab=ab=cd', 'rd.luks.name=ab=cd'],
    ['rd.luks.options=a=b=a=b=c', 'rd.luks.options=a=b=c'],
    ['resume=UUID=8f0c', null],
    ['rd.luks.name=ab=cd', null],
    ['crashkernel=1G-4G:192M,4G-:256M', null],
    ['quiet', null],
    ['a===b', null],
  ])('%s was %s', (token, right) => {
    expect(undamaged(token)).toBe(right);
  });

  it('are named with the right one and the command that makes it, and are for nobody to take', () => {
    const finding = only({ boot: { configured: grub('quiet resume=UUID=UUID=8f0c rd.lvm.lv=vg/root') } });
    expect(finding).toMatchObject({ place: '/etc/default/grub GRUB_CMDLINE_LINUX', found: 'resume=UUID=UUID=8f0c' });
    const { fate } = withFate(finding, { changed: new Set(['/etc/default/grub']), adopt: true, argumentsToo: true });
    expect(fate).toMatch(
      /byte for byte;.*vfleet boot edit --file \/etc\/default\/grub --unset resume \|.*--as grub-default --set resume=UUID=8f0c$/,
    );
  });

  it('keep all others of their name in the command', () => {
    const configured = grub('rd.luks.name=ab=ab=cd rd.luks.name=ef=gh');
    expect(leftovers({ boot: { configured } })[0]?.repair).toMatch(
      / --set rd\.luks\.name=ab=cd --set rd\.luks\.name=ef=gh$/,
    );
  });
});

describe('other arguments', () => {
  const found = (value: string, given: Given = {}, defaults?: string) =>
    leftovers({ ...given, boot: { ...given.boot, configured: grub(value, defaults) } }).map((each) => each.found);

  it('a copy of the default line is named; a line that only shares a word is not', () => {
    expect(found('quiet splash iommu=pt', {}, 'quiet splash')).toEqual(['quiet splash']);
    expect(found('quiet', {}, 'quiet splash')).toEqual([]);
    expect(found('', {}, 'quiet')).toEqual([]);
    expect(found('net.ifnames=0', {}, '')).toEqual([]);
  });

  it('what stands twice is named, but not two consoles', () => {
    expect(found('quiet quiet')).toEqual(['quiet']);
    expect(found('console=tty0 console=ttyS0')).toEqual([]);
    expect(found('rd.lvm.lv=a/b rd.lvm.lv=a/b')).toEqual([]);
  });

  it.each([
    ['rhel', '5.14.0-427.el9', ['crashkernel=auto']],
    ['rhel', '4.18.0-553.el8_10', []],
    ['centos', '3.10.0-1160.el7', []],
    ['debian', '6.1.0-18-amd64', ['crashkernel=auto']],
  ])('crashkernel=auto on %s with %s', (id, next, expected) => {
    expect(found('crashkernel=auto', { os: { id }, kernel: { next } })).toEqual(expected);
  });

  it('amd_iommu=on, ids, mode setting, huge pages and the old name are each named', () => {
    expect(
      found(
        'amd_iommu=on vfio-pci.ids=10de:1b06 nouveau.modeset=0 mgag200.modeset=0 hugepagesz=1G rdblacklist=nouveau',
      ),
    ).toEqual([
      'amd_iommu=on',
      'rdblacklist=nouveau',
      'vfio-pci.ids=10de:1b06',
      'nouveau.modeset=0 mgag200.modeset=0',
      'hugepagesz=1G',
    ]);
  });

  it('the old name is read by dracut alone', () => {
    const today = (initramfs: BootFacts['initramfs']) =>
      leftovers({ boot: { initramfs, configured: grub('rdblacklist=nouveau') } })[0]?.today;
    expect(today('dracut')).toMatch(/which dracut still reads/);
    expect(today('initramfs-tools')).toMatch(/^nothing: only dracut reads it/);
  });

  it('those that are wished for and stand there are never ours; those that are ours already are no leftovers', () => {
    const boot = { configured: grub('quiet intel_iommu=on iommu=pt') };
    const wished = ['intel_iommu=on', 'iommu=pt', 'nomodeset'];
    expect(leftovers({ boot }, wished)).toMatchObject([{ found: 'intel_iommu=on iommu=pt', adopts: 'arguments' }]);
    expect(leftovers({ boot }, wished, ['iommu=pt'])).toMatchObject([{ found: 'intel_iommu=on' }]);
    expect(leftovers({ boot }, wished, ['intel_iommu=on', 'iommu=pt'])).toEqual([]);
  });

  it('of a command line that is a file of its own are found too', () => {
    const configured = [
      { path: '/etc/kernel/cmdline', variable: 'cmdline', value: 'root=ZFS=rpool/x resume=UUID=UUID=1' },
    ];
    expect(only({ boot: { configured } })).toMatchObject({ place: '/etc/kernel/cmdline', found: 'resume=UUID=UUID=1' });
  });
});

it('facts that were captured before files were read have no leftovers in files', () => {
  expect(findLeftovers(factsOf({}), { wants: {}, owned: [] })).toEqual([]);
});
