import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type Machine, type MachinePci, type MachineUsb, pciOf } from './machine.ts';

/** Writes into the folder that stands for `/`. */
interface Tree {
  /** A file with this line in it. */
  file(at: string, line: string): void;
  link(at: string, target: string): void;
  folder(at: string): void;
}

/** Lays a machine into a folder, as `/sys`, `/proc` and `/run` of a kernel that runs on it. */
export function layMachine(root: string, machine: Machine): void {
  const tree = treeIn(root);
  const devices = pciOf(machine);
  for (const device of devices) layPci(tree, device);
  for (const [name, slot] of Object.entries(machine.slots ?? {})) tree.file(`sys/bus/pci/slots/${name}/address`, slot);
  for (const [group, member] of Object.entries(machine.otherMembers ?? {})) {
    tree.folder(`sys/kernel/iommu_groups/${group}/devices/${member}`);
  }
  const pathOf = (address: string): string => {
    const found = devices.find((device) => device.address === address);
    if (found === undefined) throw new Error(`no device ${address}`);
    return found.path;
  };
  for (const row of machine.net ?? []) layNet(tree, row, pathOf);
  const mounts = [
    ...(machine.nvme ?? []).flatMap((row) => layNvme(tree, row, pathOf)),
    ...(machine.sata ?? []).flatMap((row) => laySata(tree, row, pathOf)),
  ];
  tree.file('proc/self/mountinfo', mounts.join('\n'));
  for (const device of machine.usb ?? []) layUsb(tree, device);
}

function treeIn(root: string): Tree {
  const at = (name: string): string => {
    const full = path.join(root, name);
    mkdirSync(path.dirname(full), { recursive: true });
    return full;
  };
  return {
    file: (name, line) => writeFileSync(at(name), `${line}\n`),
    link: (name, target) => symlinkSync(target, at(name)),
    folder: (name) => mkdirSync(path.join(root, name), { recursive: true }),
  };
}

function layPci(tree: Tree, { path: place, address, id, group, driver, revision, more, ...device }: MachinePci): void {
  const folder = `sys/devices/${place}`;
  const pair = (given: string): readonly string[] => given.split(':').map((digits) => `0x${digits}`);
  const [vendor = '', product = ''] = pair(id);
  const [subVendor = '', subDevice = ''] = pair(more.get('subsystem') ?? '0000:0000');
  const [active = '', total = ''] = more.get('vfs')?.split('/') ?? [];
  const files: Readonly<Record<string, string | null>> = {
    ...{
      class: `0x${device.class}`,
      vendor,
      device: product,
      subsystem_vendor: subVendor,
      subsystem_device: subDevice,
    },
    ...{ numa_node: more.get('node') ?? '-1', driver_override: '(null)', revision: revision && `0x${revision}` },
    ...(device.class.startsWith('03') && { boot_vga: more.has('boot_vga') ? '1' : '0' }),
    ...(total !== '' && { sriov_totalvfs: total, sriov_numvfs: active, sriov_drivers_autoprobe: '1' }),
  };
  for (const [name, line] of Object.entries(files)) if (line !== null) tree.file(`${folder}/${name}`, line);
  if (driver !== null) tree.link(`${folder}/driver`, `../../bus/pci/drivers/${driver}`);
  const physical = more.get('physfn');
  if (physical !== undefined) tree.link(`${folder}/physfn`, `../${physical}`);
  tree.link(`sys/bus/pci/devices/${address}`, `../../../devices/${place}`);
  if (group !== null) tree.folder(`sys/kernel/iommu_groups/${group}/devices/${address}`);
}

type PathOf = (address: string) => string;

function layNet(tree: Tree, row: string, pathOf: PathOf): void {
  const [name = '', address = '', ...words] = row.split(' ');
  const place = `devices/${pathOf(address)}/net/${name}`;
  const up = words.includes('up');
  tree.file(`sys/${place}/flags`, up ? '0x1003' : '0x1002');
  if (up) tree.file(`sys/${place}/carrier`, words.includes('link') ? '1' : '0');
  tree.link(`sys/class/net/${name}`, `../../${place}`);
  const addresses = words.filter((word) => word.includes('/'));
  for (const one of addresses) tree.file(`ip/addr/${name}`, `2: ${name}    inet ${one} scope global ${name}`);
  if (words.includes('default')) tree.file('ip/route', `default via 192.0.2.1 dev ${name} proto static`);
}

/** Returns its lines of `mountinfo`. */
function layNvme(tree: Tree, row: string, pathOf: PathOf): readonly string[] {
  const [name = '', address = '', number = '', ...words] = row.split(' ');
  const controller = `devices/${pathOf(address)}/nvme/${name}`;
  tree.file(`sys/${controller}/serial`, `MADE-UP-${name}`);
  tree.file(`sys/${controller}/model`, 'A disk');
  tree.link(`sys/class/nvme/${name}`, `../../${controller}`);
  return layDisk(tree, `${controller}/${name}n1`, number, words);
}

function laySata(tree: Tree, row: string, pathOf: PathOf): readonly string[] {
  const [name = '', address = '', number = '', ...words] = row.split(' ');
  return layDisk(tree, `devices/${pathOf(address)}/ata1/host0/target0:0:0/0:0:0:0/block/${name}`, number, words);
}

function layDisk(tree: Tree, disk: string, number: string, words: readonly string[]): readonly string[] {
  const lay = (at: string, which: string, properties: readonly string[]): void => {
    tree.file(`sys/${at}/dev`, which);
    tree.file(`sys/${at}/size`, '2000409264');
    tree.link(`sys/class/block/${path.basename(at)}`, `../../${at}`);
    tree.file(`run/udev/data/b${which}`, ['I:1', ...properties].join('\n'));
  };
  lay(disk, number, words.length > 0 ? ['E:ID_PART_TABLE_TYPE=gpt'] : []);
  return words.flatMap((word, i) => {
    const [part = '', rest = ''] = word.split('=');
    const [major = '', minor = '', mount = ''] = rest.split(':');
    const at = `${disk}/${path.basename(disk)}${part}`;
    lay(at, `${major}:${minor}`, ['E:ID_FS_TYPE=ext4']);
    tree.file(`sys/${at}/partition`, part.replace('p', ''));
    return mount === '' ? [] : [`${30 + i} 1 ${major}:${minor} / ${mount} rw - ext4 /dev/${path.basename(at)} rw`];
  });
}

function layUsb(tree: Tree, { bus, port, device, id, interfaces, tty, ...said }: MachineUsb): void {
  const [number = '', ports = ''] = port.split('-');
  const steps = ports.split('.').map((_, i, all) => `${number}-${all.slice(0, i + 1).join('.')}`);
  const place = ['devices', bus, ...steps].join('/');
  const [vendor = '', product = ''] = id.split(':');
  const files = {
    busnum: number,
    devnum: String(device),
    idVendor: vendor,
    idProduct: product,
    bDeviceClass: '00',
    ...said,
  };
  for (const [name, line] of Object.entries(files)) tree.file(`sys/${place}/${name}`, line);
  tree.link(`sys/bus/usb/devices/${port}`, `../../../${place}`);
  for (const row of interfaces) {
    const [part = '', code = '', driver = ''] = row.split(' ');
    tree.file(`sys/${place}/${port}:${part}/bInterfaceClass`, code);
    tree.link(`sys/${place}/${port}:${part}/driver`, `../../bus/usb/drivers/${driver}`);
    tree.link(`sys/bus/usb/devices/${port}:${part}`, `../../../${place}/${port}:${part}`);
  }
  const [name, at = '', part = ''] = tty?.split(' ') ?? [];
  if (name === undefined) return;
  tree.file(`sys/${place}/${port}:${part}/tty/${name}/dev`, at);
  tree.link(`sys/class/tty/${name}`, `../../${place}/${port}:${part}/tty/${name}`);
}
