import { z } from 'zod';

/** A folder of a node: absolute, without `..`, not one that the lab itself needs. */
const folder = z
  .string()
  .regex(
    /^(?!\/(run|dev|tmp|proc|sys)(\/|$))(\/(?!\.{1,2}(\/|$))[\w.-]+)+$/,
    'expected an absolute folder of the node, none of /run /dev /tmp /proc /sys',
  );

const cutSchema = z.strictObject({
  /** Bytes of a command's stream that still get through; 0: none, so input is cut as soon as a command is asked for. */
  afterBytes: z.int().min(0),
  /** Commands that are left alone first, counted from when the fault was set. Default: 0. */
  skip: z.int().min(0).optional(),
  /** Commands that are cut then. Default: 1. */
  times: z.int().min(1).optional(),
});

/** The faults of a node, as the machines file spells them. */
export const faultsSchema = z.strictObject({
  /** Every log-in is refused, whatever key or password. */
  refuseLogin: z.boolean().optional(),
  /** TCP connections are accepted, and nothing is ever said. */
  silentTcp: z.boolean().optional(),
  /** The log-in works; no command ever answers. */
  hangCommands: z.boolean().optional(),
  /** Printed on standard output before each command, as a chatty login shell does. */
  banner: z.string().optional(),
  /** Milliseconds that each command waits before it starts. */
  latency: z.int().min(0).optional(),
  /** The link breaks in the middle of what the client sends to a command. */
  cutInput: cutSchema.optional(),
  /** The link breaks in the middle of what a command prints (both streams together). */
  cutOutput: cutSchema.optional(),
  /** Commands whose connection is lost get SIGHUP, which OpenSSH sends only where there is a terminal. */
  hangUp: z.boolean().optional(),
  /** A new host key after each boot. */
  changeHostKey: z.boolean().optional(),
  /** It goes down for a reboot and stays down. */
  neverReturns: z.boolean().optional(),
  /** Boots what was in `/boot` when it last came up, as a machine does whose firmware starts another disk. */
  bootsOldEntry: z.boolean().optional(),
  /** Every file system but /run, /tmp and /dev is mounted read-only, as the kernel does after a disk error. */
  readOnly: z.boolean().optional(),
  /** No free block is left: in /boot, /etc, /root and /var, or in the folders given. */
  fullDisk: z.union([z.boolean(), z.array(folder).min(1)]).optional(),
});

/** What is wrong with a node. Each can be set while the node runs. */
export type Faults = Readonly<z.infer<typeof faultsSchema>>;

type Cut = Readonly<z.infer<typeof cutSchema>>;

/** The faults that one command meets. `null` bytes: the link holds. */
export interface CommandFaults {
  readonly hang: boolean;
  readonly hangUp: boolean;
  readonly banner: string;
  readonly latency: number;
  readonly cutInputAfter: number | null;
  readonly cutOutputAfter: number | null;
}

/** The folders that a full disk is full in. */
export function fullFolders(faults: Faults): readonly string[] {
  if (faults.fullDisk === undefined || faults.fullDisk === false) return [];
  return faults.fullDisk === true ? ['/boot', '/etc', '/root', '/var'] : faults.fullDisk;
}

/** The faults of the command with this index since the faults were set. */
export function commandFaults(faults: Faults, index: number): CommandFaults {
  return {
    hang: faults.hangCommands ?? false,
    hangUp: faults.hangUp ?? false,
    banner: faults.banner ?? '',
    latency: faults.latency ?? 0,
    cutInputAfter: cutAt(faults.cutInput, index),
    cutOutputAfter: cutAt(faults.cutOutput, index),
  };
}

function cutAt(cut: Cut | undefined, index: number): number | null {
  if (cut === undefined) return null;
  const first = cut.skip ?? 0;
  return index >= first && index < first + (cut.times ?? 1) ? cut.afterBytes : null;
}
