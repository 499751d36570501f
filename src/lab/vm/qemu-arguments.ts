import { labAddress } from '../port.ts';
import type { Accelerator } from './accelerator.ts';
import { deviceArguments, escaped } from './devices.ts';
import type { VmKind } from './kind.ts';
import { ovmf } from './programs.ts';

/** A node as QEMU is told of it. */
export interface Machine {
  readonly kind: VmKind;
  readonly accelerator: Accelerator['name'];
  /** Where its disks and its console's log are. */
  readonly folder: string;
  /** Port of `labAddress` that leads to the node's sshd. */
  readonly port: number;
  /** MiB. */
  readonly memory: number;
  /** Models that this QEMU has. */
  readonly models: ReadonlySet<string>;
}

/** Names of the files in a node's folder. */
export const nodeFiles = {
  disk: 'disk.qcow2',
  variables: 'efi-variables.fd',
  console: 'console.log',
  pid: 'qemu.pid',
  hostname: 'hostname',
  hostKey: 'ssh_host_ed25519_key',
  authorizedKey: 'authorized_key',
} as const;

/** What the image's network is set for. */
const mac = '52:54:00:12:34:56';

/**
 * The command line of a node. Pure.
 * `tb-size`: translated code is kept in 256 MiB at most. With QEMU's default of 1 GiB, code of before a reboot is still
 * known when the boot loader overwrites its memory, and forgetting it piece by piece made a reboot take three minutes.
 */
export function qemuArguments(machine: Machine): readonly string[] {
  const { kind, accelerator, folder, memory, port } = machine;
  const file = (name: keyof typeof nodeFiles) => `${folder}/${nodeFiles[name]}`;
  return [
    ...(accelerator === 'kvm' ? ['-accel', 'kvm'] : ['-accel', 'tcg,tb-size=256']),
    // Interrupt remapping, which the emulated IOMMUs do, needs the split interrupt controller under KVM.
    ...['-M', accelerator === 'kvm' ? 'q35,kernel-irqchip=split' : 'q35'],
    ...['-cpu', `qemu64,vendor=${kind.vendor === 'intel' ? 'GenuineIntel' : 'AuthenticAMD'}`],
    ...['-m', String(memory), '-smp', '1', '-nodefaults', '-display', 'none', '-monitor', 'none'],
    ...['-daemonize', '-pidfile', file('pid')],
    ...['-chardev', `file,id=console,path=${escaped(file('console'))},append=on`, '-serial', 'chardev:console'],
    ...firmware(kind, file('variables')),
    ...iommu(kind),
    ...rootDisk(kind, file('disk')),
    ...['-netdev', `user,id=net,hostfwd=tcp:${labAddress}:${port}-:22`],
    ...['-device', `virtio-net-pci,netdev=net,mac=${mac},bus=pcie.0,addr=3.0,romfile=`],
    ...handOver('hostname', file('hostname')),
    ...handOver('host-key', file('hostKey')),
    ...handOver('authorized-key', file('authorizedKey')),
    ...deviceArguments({
      ...machine,
      iommu: kind.iommu ? kind.vendor : null,
      sharedCard: kind.rootDisk === 'nvme',
    }),
  ];
}

function firmware({ recipe }: VmKind, variables: string): readonly string[] {
  if (recipe.firmware === 'bios') return [];
  return [
    ...['-drive', `if=pflash,format=raw,unit=0,readonly=on,file=${ovmf.code}`],
    ...['-drive', `if=pflash,format=raw,unit=1,file=${escaped(variables)}`],
  ];
}

/** Intel's has to stand before the devices that it translates for; AMD's is a PCI device itself. */
function iommu({ vendor, iommu }: VmKind): readonly string[] {
  if (!iommu) return [];
  return ['-device', vendor === 'intel' ? 'intel-iommu,intremap=on,caching-mode=on' : 'amd-iommu,intremap=on'];
}

/** `writeback`: what the node has flushed is on this machine's disk cache and survives QEMU's death, as a power cut has it. */
function rootDisk({ rootDisk }: VmKind, disk: string): readonly string[] {
  const drive = ['-drive', `file=${escaped(disk)},format=qcow2,if=none,id=root,cache=writeback,discard=unmap`];
  const device =
    rootDisk === 'nvme'
      ? 'nvme,drive=root,serial=ROOT-NVME-1,bus=pcie.0,addr=2.0,bootindex=1'
      : 'virtio-blk-pci,drive=root,bus=pcie.0,addr=2.0,bootindex=1';
  return [...drive, '-device', device];
}

function handOver(name: string, file: string): readonly string[] {
  return ['-fw_cfg', `name=opt/org.vfleet/${name},file=${escaped(file)}`];
}
