import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { VfleetError } from '../../src/errors.ts';
import type { Facts } from '../../src/facts/facts.ts';
import { moduleState, vfioModules } from '../../src/facts/modules.ts';
import { parseFacts } from '../../src/facts/probe.ts';
import { renderFacts } from '../../src/facts/render.ts';
import type { Sections } from '../../src/facts/sections.ts';
import { fixtureFacts, fixtureNames, fixtureSections } from './fixtures.ts';

const base = fixtureSections('centos-7-intel');
const keys = [...base.keys()];

function withSection(key: string, text: string | Uint8Array, sections: Sections = base): Sections {
  return new Map(sections).set(key, Buffer.from(text));
}

function failureOf(sections: Sections): VfleetError {
  try {
    parseFacts(sections);
  } catch (error) {
    if (error instanceof VfleetError) return error;
    throw error;
  }
  throw new Error('it did not fail');
}

describe('a probe that did not come through', () => {
  test.each(keys)('without section %s is refused by name', (key) => {
    const sections = new Map(base);
    sections.delete(key);
    const error = failureOf(sections);
    expect(error.code).toBe('facts.incomplete');
    expect(error.message).toContain(key);
  });

  test('cut off in its last section is refused', () => {
    expect(failureOf(withSection('probe-done', 'compl')).code).toBe('facts.incomplete');
  });

  test('without the words of uname is refused', () => {
    for (const text of ['', 'node01\nuid 0\n', 'sh: uname: not found\n']) {
      expect(failureOf(withSection('identity', text)).message).toContain('identity');
    }
  });
});

describe('garbage', () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 400 }),
    fc.string({ maxLength: 200 }).map((text) => Buffer.from(text)),
    fc
      .constantFrom('', '\n', ':', '/sys:', '0000:00:00.0/class:0x', 'a: b\n\n', '\u0000')
      .map((text) => Buffer.from(text)),
  );

  test('in any section gives facts, or an error that names the section', () => {
    fc.assert(
      fc.property(fc.constantFrom(...fixtureNames), fc.constantFrom(...keys), bytes, (name, key, noise) => {
        fc.pre(!/undefined|NaN|\[object/.test(Buffer.from(noise).toString()));
        const sections = withSection(key, noise, fixtureSections(name));
        if (key === 'identity' || key === 'probe-done') {
          expect(() => parseFacts(sections)).toThrow(key);
        } else {
          expect(renderFacts(parseFacts(sections))).not.toMatch(/undefined|NaN|\[object/);
        }
      }),
      { numRuns: 400 },
    );
  });

  test('mixed into the lines of a section does not spoil the other lines', () => {
    fc.assert(
      fc.property(
        fc.stringMatching(/^[#@%&]{1,20}$/),
        fc.constantFrom('pci', 'iommu', 'memory', 'boot-files'),
        (noise, key) => {
          const sections = withSection(key, `${noise}\n${base.get(key)?.toString()}${noise}\n`);
          expect(parseFacts(sections)).toEqual(parseFacts(base));
        },
      ),
    );
  });
});

test('an entry whose kernel stands below an empty line is not in the menu of GRUB', () => {
  const rocky = fixtureSections('rocky-9-bls');
  const lines = rocky.get('boot-entries')?.toString() ?? '';
  const [first = ''] = /^[^:]+\.conf:linux .*$/m.exec(lines) ?? [];
  const broken = withSection('boot-entries', lines.replace(first, `${first.replace(/:.*/, ':')}\n${first}`), rocky);
  const [before, after] = [rocky, broken].map((sections) => parseFacts(sections).boot.entries ?? []);
  expect(after).toHaveLength((before?.length ?? 0) - 1);
});

describe('what was not there is unknown', () => {
  const empty = new Map(keys.map((key) => [key, Buffer.alloc(0)]));
  const facts = parseFacts(
    new Map<string, Buffer>([
      ...empty,
      ['identity', Buffer.from('n 6.1.0 x86_64\n')],
      ['probe-done', Buffer.from('complete\n')],
    ]),
  );

  test('in every subject', () => {
    expect(facts.identity).toMatchObject({ machineId: null, bootId: null, root: false });
    expect(facts.cpu).toMatchObject({ vendor: null, vendorId: null, model: null, count: null });
    expect(facts.memory).toEqual({ totalKiB: null, availableKiB: null, hugepages: [] });
    expect(facts.firmware.lockdown).toBeNull();
    expect(facts.kernel).toEqual({ running: '6.1.0', installed: [], next: null });
    expect(facts.iommu).toEqual({ firmware: null, units: [], groups: [], interruptRemapping: null });
    expect(facts.boot).toMatchObject({ loader: 'unknown', configPath: null, entries: null, initramfs: 'none' });
    expect(facts.modules.vfio.every(({ running, next }) => running === null && next === null)).toBe(true);
    expect(facts.guests.libvirt).toBeNull();
    expect(facts.log).toEqual({ lines: null, source: null });
  });

  test('and is called so in the text', () => {
    expect(renderFacts(facts)).toMatch(/firmware table\s+unknown/);
    expect(renderFacts(facts)).toMatch(/next boot\s+unknown/);
  });
});

describe('one reading at a time', () => {
  const read = (key: string, text: string) => parseFacts(withSection(key, text));

  test.each([
    ['vendor_id : GenuineIntel', 'intel'],
    ['vendor_id : AuthenticAMD', 'amd'],
    ['vendor_id : HygonGenuine', 'hygon'],
    ['vendor_id :   Shanghai  ', 'zhaoxin'],
    ['vendor_id : CentaurHauls', 'zhaoxin'],
    ['vendor_id : SomethingElse', 'other'],
    ['CPU implementer : 0x48', 'arm'],
    ['processor : 0', null],
  ])('cpuinfo %j is %s', (line, vendor) => expect(read('cpu', line).cpu.vendor).toBe(vendor));

  test('a hypervisor below', () => {
    expect(read('cpu', 'flags : fpu hypervisor sse').cpu.hypervisor).toBe(true);
    expect(read('cpu', 'flags : fpu sse').cpu.hypervisor).toBe(false);
  });

  test.each([
    ['uefi\nsecure-boot  6 0 0 0 1\n', true],
    ['uefi\nsecure-boot  6 0 0 0 0\n', false],
    ['uefi\nsecure-boot  6 0 0\n', null],
    ['uefi\n', null],
    ['', false],
  ])('firmware %j: Secure Boot %j', (text, secureBoot) => {
    expect(read('firmware', text).firmware.secureBoot).toBe(secureBoot);
  });

  test('groups that VFIO makes up without an IOMMU are none', () => {
    const text = 'tables\ngroup 0/devices/0000:01:00.0\nname 0/name:vfio-noiommu\ngroup 1/devices/0000:02:00.0\n';
    expect(read('iommu', text).iommu.groups).toEqual([{ id: 1, devices: ['0000:02:00.0'] }]);
  });

  test.each([
    ['', 'line DMAR-IR: Enabled IRQ remapping in xapic mode', true],
    ['', 'line AMD-Vi: Interrupt remapping enabled', true],
    ['', 'line Enabled IRQ remapping in x2apic mode', true],
    ['', 'line DMAR-IR: Queued invalidation will be enabled to support x2apic and Intr-remapping.', null],
    ['', 'line vfio: No interrupt remapping support.  Use the module param', false],
    ['interrupts direct', 'line x', false],
    ['interrupts remapped\ninterrupts direct', 'line x', true],
  ])('interrupt remapping of %j and %j is %j', (interrupts, line, on) => {
    const sections = withSection('log', `dmesg\n${line}\ntotal 9\n`, withSection('iommu', interrupts));
    expect(parseFacts(sections).iommu.interruptRemapping).toBe(on);
  });

  test('hugepage pools per size and node', () => {
    const sys = '/sys/devices/system/node';
    const text = `/sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages:8
/sys/kernel/mm/hugepages/hugepages-1048576kB/free_hugepages:5
${sys}/node1/hugepages/hugepages-1048576kB/nr_hugepages:8
${sys}/node1/hugepages/hugepages-1048576kB/free_hugepages:5
`;
    expect(read('memory', text).memory.hugepages).toEqual([
      { sizeKiB: 1048576, node: null, total: 8, free: 5 },
      { sizeKiB: 1048576, node: 1, total: 8, free: 5 },
    ]);
  });

  test('PCI: a domain of five digits, no NUMA node, no driver', () => {
    const text =
      '10000:e1:00.0/class:0x010802\n10000:e1:00.0/vendor:0x8086\n10000:e1:00.0/device:0x0a54\n0000:00:00.0/class:0x0\n';
    const [device, ...others] = read('pci', text).pci;
    expect(device).toMatchObject({
      address: '10000:e1:00.0',
      class: '010802',
      driver: null,
      numaNode: null,
      bootVga: false,
    });
    expect(others).toEqual([]);
  });

  test('libvirt: answered with none, or not at all', () => {
    expect(read('guests-libvirt', 'answered\n\n').guests.libvirt).toEqual([]);
    expect(read('guests-libvirt', 'answered\nweb 01\ndb\n\n').guests.libvirt).toEqual(['web 01', 'db']);
    expect(read('guests-libvirt', '').guests.libvirt).toBeNull();
  });

  test.each([
    ['/usr/sbin/dracut', '', 'dracut'],
    ['/usr/sbin/update-initramfs\n/usr/sbin/dracut', '', 'dracut'],
    [
      '/usr/sbin/update-initramfs\n/usr/sbin/mkinitramfs\n/usr/bin/dracut',
      'file /etc/kernel/postinst.d/initramfs-tools',
      'initramfs-tools',
    ],
    [
      '/usr/sbin/update-initramfs\n/usr/sbin/mkinitramfs\n/usr/bin/dracut',
      'file /etc/kernel/postinst.d/dracut',
      'dracut',
    ],
    ['/usr/sbin/update-initramfs', '', 'initramfs-tools'],
    ['/usr/bin/mkinitcpio', '', 'mkinitcpio'],
  ])('tools %j and hooks %j make %s', (tools, hooks, initramfs) => {
    const sections = withSection('boot-tools', tools, withSection('boot-files', hooks));
    expect(parseFacts(sections).boot.initramfs).toBe(initramfs);
  });

  test('an environment block that may not be read leaves the default unknown', () => {
    const known = base.get('boot-files')?.toString() ?? '';
    const hidden = known.replace('file /boot/grub2/grubenv', 'unreadable /boot/grub2/grubenv');
    const facts = parseFacts(withSection('boot-files', hidden, withSection('boot-environment', '')));
    expect(facts.boot.entries?.map((entry) => entry.default)).toEqual([false, false, false]);
    expect(facts.kernel.next).toBeNull();
  });

  test('the only kernel is the next one also where the loader cannot be read, and that is said', () => {
    const sections = withSection('boot-files', 'unreadable /boot/grub2/grub.cfg\n', withSection('boot-configs', ''));
    const one =
      'listed\nmodules /lib/modules/3.10.0-1160.119.1.el7.x86_64\nimage /boot/vmlinuz-3.10.0-1160.119.1.el7.x86_64\n';
    const facts = parseFacts(withSection('kernel', one, sections));
    expect(facts.boot.entries).toBeNull();
    expect(facts.kernel.next).toBe('3.10.0-1160.119.1.el7.x86_64');
    expect(facts.boot.loaderEvidence).toContain('only one kernel is installed');
    expect(parseFacts(sections).kernel.next).toBeNull();
  });
});

describe('vfioModules', () => {
  const always = ['vfio', 'vfio_iommu_type1', 'vfio_pci'];
  const facts = (next: string | null, state: ReturnType<typeof moduleState>): Facts => {
    const known = fixtureFacts('debian-12-intel');
    return {
      ...known,
      kernel: { ...known.kernel, next, running: next ?? '6.1.0' },
      modules: { loaded: [], vfio: [state] },
    };
  };
  const virqfd = (
    running: ReturnType<typeof moduleState>['running'],
    next: ReturnType<typeof moduleState>['next'],
  ) => ({
    name: 'vfio_virqfd',
    running,
    next,
  });

  test.each([
    ['6.1.0-44-amd64', virqfd('loaded', 'available'), true],
    ['6.12.0', virqfd('available', 'absent'), false],
    ['5.14.0-427.el9', virqfd('available', 'absent'), false],
    ['6.6.0-backport', virqfd('absent', 'available'), true],
    ['5.15.0-204-generic', virqfd('builtin', 'builtin'), false],
    ['6.1.0', virqfd(null, null), true],
    ['6.2.0', virqfd(null, null), false],
    [null, virqfd('available', null), true],
    [null, virqfd('absent', null), false],
    [null, virqfd(null, null), true],
  ])('next kernel %s with %j: vfio_virqfd %j', (next, state, listed) => {
    expect(vfioModules(facts(next, state))).toEqual(listed ? [...always, 'vfio_virqfd'] : always);
  });

  test('moduleState takes both spellings, and knows what it does not watch only as loaded', () => {
    const known = fixtureFacts('centos-7-intel');
    expect(moduleState(known, 'vfio-pci')).toEqual(moduleState(known, 'vfio_pci'));
    expect(moduleState(known, 'ext4')).toEqual({ name: 'ext4', running: 'loaded', next: null });
    expect(moduleState(known, 'nonesuch')).toEqual({ name: 'nonesuch', running: null, next: null });
  });
});

describe('renderFacts', () => {
  test('shows control characters and does not send them', () => {
    const known = fixtureFacts('centos-7-intel');
    const text = renderFacts({ ...known, log: { source: 'dmesg', lines: ['DMAR: \u001b[31mred'] } });
    expect(text).toContain('\\x1b[31mred');
    expect(text).not.toContain('\u001b');
  });

  test('aligns labels, and marks the default entry', () => {
    const text = renderFacts(fixtureFacts('centos-7-intel'));
    const columns = ['host name', 'running', 'firmware table', 'loader', 'qemu processes'].map((label) => {
      const line = text.split('\n').find((candidate) => candidate.startsWith(`  ${label} `)) ?? '';
      return /^ {2}\S+(?: \S+)* {2,}/.exec(line)?.[0].length;
    });
    expect(new Set(columns).size).toBe(1);
    expect(text).toContain('* CentOS Linux (3.10.0-1160.119.1.el7.x86_64) 7 (Core): root=');
  });
});
