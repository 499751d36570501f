import { describe, expect, it } from 'vitest';
import { vmKinds } from '../../../src/lab/vm/kind.ts';
import { type Machine, qemuArguments } from '../../../src/lab/vm/qemu-arguments.ts';

/** A device of a command line: its model and its properties. */
interface Device {
  readonly model: string;
  readonly properties: Readonly<Record<string, string>>;
}

/** The command line of a kind, by option. */
function commandLine(name: string, more: Partial<Machine> = {}) {
  const kind = vmKinds.find((one) => one.name === name);
  if (kind === undefined) throw new Error(`no kind ${name}`);
  const models = new Set(['igb', 'nvme']);
  const machine = { kind, accelerator: 'tcg', folder: '/lab/n1', port: 12345, memory: 1024, models } as const;
  const args = qemuArguments({ ...machine, ...more });
  const of = (option: string) => args.filter((_, index) => args[index - 1] === option);
  return { args, of, devices: of('-device').map(parse), drives: of('-drive').map((text) => parse(`drive,${text}`)) };
}

/** A doubled comma is one in a value. */
function parse(text: string): Device {
  const [model = '', ...rest] = text.replaceAll(',,', '\0').split(',');
  const pairs = rest.map((pair) => pair.replaceAll('\0', ',').split('=') as [string, string]);
  return { model, properties: Object.fromEntries(pairs) };
}

const everyKind = vmKinds.map(({ name }) => name);

describe.each(everyKind)('a node of kind %s', (name) => {
  const { of, devices, drives } = commandLine(name);

  it('is reached by SSH on loopback, and by nothing else', () => {
    const [net, ...others] = of('-netdev');
    expect(others).toEqual([]);
    expect(net?.match(/hostfwd=[^,]*/g)).toEqual(['hostfwd=tcp:127.0.0.1:12345-:22']);
    expect(of('-monitor')).toEqual(['none']);
    expect(of('-display')).toEqual(['none']);
  });

  it('loses no disk that it has flushed when its power goes', () => {
    const root = drives.find(({ properties }) => properties['id'] === 'root');
    expect(root?.properties).toMatchObject({ file: '/lab/n1/disk.qcow2', format: 'qcow2', cache: 'writeback' });
    for (const { properties } of drives) expect(properties['cache'] ?? 'writeback').toBe('writeback');
  });

  it('has one device, or one bridge, behind each root port', () => {
    const ports = devices.filter(({ model }) => model === 'pcie-root-port').map(({ properties }) => properties);
    for (const key of ['id', 'addr', 'chassis', 'slot']) {
      expect(new Set(ports.map((port) => port[key])).size).toBe(ports.length);
    }
    const ids = ports.map(({ id }) => id ?? '');
    const behind = devices.map(({ properties }) => properties['bus'] ?? '').filter((bus) => ids.includes(bus));
    expect(new Set(behind).size).toBe(behind.length);
  });

  it('has every disk on a device, and every device on a bus that is there', () => {
    const attached = devices.flatMap(({ properties }) => properties['drive'] ?? []);
    const named = drives.flatMap(({ properties }) => properties['id'] ?? []);
    expect(attached.toSorted()).toEqual(named.toSorted());
    const buses = new Set(['pcie.0', ...devices.flatMap(({ properties }) => properties['id'] ?? [])]);
    for (const { properties } of devices) {
      if (properties['bus'] !== undefined) expect(buses).toContain(properties['bus'].replace(/(?<=^usb)\.0$/, ''));
    }
  });

  it('has a network card and a display to give away, and two devices that share a group', () => {
    const models = devices.map(({ model }) => model);
    expect(models).toEqual(expect.arrayContaining(['e1000e', 'secondary-vga', 'pci-serial']));
    const shared = devices.filter(({ properties }) => properties['bus'] === 'shared');
    expect(shared.filter(({ model }) => model === 'edu')).toHaveLength(2);
    expect(new Set(shared.map(({ properties }) => properties['addr'])).size).toBe(shared.length);
  });

  it('gets its name and its keys from its folder', () => {
    expect(of('-fw_cfg').map((text) => text.split(',')[0])).toEqual([
      'name=opt/org.vfleet/hostname',
      'name=opt/org.vfleet/host-key',
      'name=opt/org.vfleet/authorized-key',
    ]);
  });
});

describe('the IOMMU', () => {
  const iommus = (name: string) => commandLine(name).devices.filter(({ model }) => model.endsWith('-iommu'));

  it.each([
    ['debian-12-intel-bios', 'intel-iommu', 'GenuineIntel'],
    ['debian-13-amd-uefi', 'amd-iommu', 'AuthenticAMD'],
  ])('of %s is %s, with a processor of that vendor', (name, model, vendor) => {
    expect(iommus(name)).toMatchObject([{ model, properties: { intremap: 'on' } }]);
    expect(commandLine(name).of('-cpu')).toEqual([expect.stringContaining(`vendor=${vendor}`)]);
  });

  it('is not there with VT-d off', () => {
    expect(iommus('debian-12-vtd-off')).toEqual([]);
  });

  it('of Intel stands before every device that it translates for', () => {
    const { devices } = commandLine('debian-12-intel-bios');
    expect(devices[0]?.model).toBe('intel-iommu');
  });
});

describe('the firmware', () => {
  const flashes = (name: string) => commandLine(name).drives.filter(({ properties }) => properties['if'] === 'pflash');

  it('of a UEFI node is OVMF, read only, with variables of its own', () => {
    const [code, variables, ...others] = flashes('debian-13-amd-uefi').map(({ properties }) => properties);
    expect(others).toEqual([]);
    expect(code).toMatchObject({ unit: '0', readonly: 'on' });
    expect(variables).toMatchObject({ unit: '1', file: '/lab/n1/efi-variables.fd' });
    expect(variables).not.toHaveProperty('readonly');
  });

  it('of a BIOS node is not OVMF', () => {
    expect(flashes('debian-12-intel-bios')).toEqual([]);
  });
});

describe('the root disk', () => {
  const carriers = (name: string) =>
    commandLine(name).devices.filter(({ properties }) => properties['drive'] === 'root');

  it('is on NVMe where the kind says so, and boots first', () => {
    expect(carriers('debian-12-nvme-root')).toMatchObject([{ model: 'nvme', properties: { bootindex: '1' } }]);
    expect(carriers('debian-12-intel-uefi')).toMatchObject([
      { model: 'virtio-blk-pci', properties: { bootindex: '1' } },
    ]);
  });
});

describe('the devices that share a group', () => {
  const models = (name: string) =>
    commandLine(name)
      .devices.filter(({ properties }) => properties['bus'] === 'shared')
      .map(({ model }) => model);

  it('have one that the host may use beside them where the kind says so', () => {
    expect(models('debian-12-nvme-root')).toEqual(['edu', 'edu', 'e1000']);
    expect(models('debian-12-intel-bios')).toEqual(['edu', 'edu']);
  });
});

describe('virtual functions', () => {
  const model = (name: string, models: readonly string[]) => {
    const { devices } = commandLine(name, { models: new Set(models) });
    return devices.filter(({ properties }) => properties['bus'] === 'port7');
  };

  it('are those of a network card where QEMU has it', () => {
    expect(model('debian-12-intel-bios', ['igb', 'nvme'])).toMatchObject([{ model: 'igb' }]);
  });

  it('are those of an NVMe controller in an older QEMU', () => {
    const [device, ...others] = model('debian-12-intel-bios', ['nvme']);
    expect(others).toEqual([]);
    expect(device?.model).toBe('nvme');
    expect(Number(device?.properties['sriov_max_vfs'])).toBeGreaterThan(0);
  });
});

describe('an accelerator', () => {
  it('that is KVM has the split interrupt controller, which interrupt remapping needs', () => {
    const { of } = commandLine('debian-12-intel-bios', { accelerator: 'kvm' });
    expect(of('-accel')).toEqual(['kvm']);
    expect(of('-M')).toEqual(['q35,kernel-irqchip=split']);
  });

  it('that is emulation has none of KVM', () => {
    const { of } = commandLine('debian-12-intel-bios', { accelerator: 'tcg' });
    expect(of('-accel')).toEqual([expect.stringMatching(/^tcg\b/)]);
    expect(of('-M')).toEqual(['q35']);
  });
});

describe('a folder with a comma in its name', () => {
  it.each(everyKind)('splits no option of %s', (name) => {
    const { args, of, drives } = commandLine(name, { folder: '/a,b/n1' });
    for (const text of args.filter((arg) => arg.includes('/n1/'))) {
      // The file of the process id is an argument of its own, not one option of several.
      if (text !== of('-pidfile')[0]) expect(text).toContain('/a,,b/n1/');
    }
    const files = drives.map(({ properties }) => properties['file'] ?? '').filter((file) => !file.includes('OVMF'));
    for (const file of files) expect(file).toMatch(/^\/a,b\/n1\//);
  });
});
