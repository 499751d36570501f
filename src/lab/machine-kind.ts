import { readdir, readFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { VfleetError } from '../errors.ts';
import { ioReason } from '../inventory/text-file.ts';
import type { MachineKind, MachineSettings } from './machine.ts';
import { refuseDevices } from './machine-device-rules.ts';
import { deviceSettings, pciDeviceSchema } from './machine-device-schema.ts';

/** `src/lab/machines`, reached from `src/lab` and from `dist/lab` alike: the data is not compiled. */
const builtinFolder = fileURLToPath(new URL('../../src/lab/machines/', import.meta.url));

/** The folder of the stand-in tools, reached likewise. */
export const toolsFolder = fileURLToPath(new URL('../../src/lab/tools/', import.meta.url));

const moduleName = z.string().regex(/^[A-Za-z0-9_]+$/, 'a module name with underscores');
const absolute = z.string().regex(/^\/[^\s]*$/, 'an absolute path');
/** Goes into the shell-readable settings of the stand-ins and into file names. */
const plain = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._+~-]*$/, 'letters, digits and . _ + ~ -');

const kernel = z.strictObject({
  release: plain,
  version: z.string(),
  modules: z.array(moduleName),
  builtin: z.array(moduleName),
  suffix: z.enum(['ko', 'ko.xz', 'ko.zst', 'ko.gz']).default('ko'),
  softdeps: z.array(z.string()).default([]),
  otherModules: z.array(moduleName).default([]),
  intelIommuDefaultOn: z.boolean(),
  defaultDomain: z.enum(['dma', 'dma-lazy', 'passthrough']),
});

const plainOptions = z.string().regex(/^r[ow](,[^\s,]+)*$/, 'mount options, ro or rw first');
const uuid = z.string().regex(/^[0-9A-Fa-f-]+$/, 'a UUID');

const filesystem = z.strictObject({
  mount: absolute,
  /** A device, or what ZFS has instead: `rpool/ROOT/pve-1`. */
  source: z.string().regex(/^[A-Za-z0-9/][^\s]*$/, 'a device, or a data set of ZFS'),
  uuid,
  type: plain,
  grub: z.string().regex(/^[A-Za-z0-9,/_-]+$/, "GRUB's name of a partition: hd0,gpt2"),
  options: plainOptions.exactOptional(),
});

const settingsSchema = z
  .strictObject({
    version: z.literal(1),
    title: z.string().min(1),
    distribution: z.strictObject({
      id: plain,
      idLike: z.array(z.string()),
      versionId: z.string(),
      prettyName: z.string(),
    }),
    architecture: z.literal('x86_64'),
    firmware: z.strictObject({
      kind: z.enum(['uefi', 'bios']),
      iommuTable: z.enum(['DMAR', 'IVRS', 'none']),
      interruptRemapping: z.boolean(),
      virtualIommu: z.boolean().default(false),
      secureBoot: z.boolean().default(false),
      vendor: z.string().default('vfleet'),
      product: z.string().default('lab node'),
    }),
    cpu: z.strictObject({
      vendorId: z.string(),
      model: z.string(),
      flags: z.array(z.string()),
      count: z.int().min(1).max(4096),
    }),
    memoryKiB: z.int().min(1),
    numaNodes: z.int().min(1).max(64).default(1),
    tools: z.strictObject({ systemd: z.int().min(1), kmod: z.int().min(1), grub: plain }),
    initramfs: z.enum(['dracut', 'initramfs-tools']),
    filesystems: z.array(filesystem),
    rootNeeds: z.array(z.string()).default([]),
    kernels: z.array(kernel).min(1),
    boot: z.strictObject({
      loader: z.enum(['update-grub', 'grub2-mkconfig', 'bls', 'systemd-boot', 'proxmox-boot-tool', 'ostree']),
      config: absolute,
      first: absolute.exactOptional(),
      unmounted: z.array(z.strictObject({ uuid, source: absolute })).exactOptional(),
    }),
    log: z.strictObject({ restricted: z.boolean(), wrapped: z.boolean() }),
    pci: z.array(pciDeviceSchema),
    ...deviceSettings,
    links: z.record(absolute, z.string().min(1)).exactOptional(),
  })
  .superRefine((settings, context) => {
    const refuse = (path: (string | number)[], message: string) => context.addIssue({ code: 'custom', path, message });
    if (!settings.filesystems.some(({ mount }) => mount === '/')) refuse(['filesystems'], 'one must be mounted on /');
    for (const { path, message } of refuseDevices(settings)) refuse([...path], message);
  });

/**
 * Reads a machine kind: a folder with `machine.json`, and `root/` with files that are laid into the tree as they are.
 * Errors: `lab.kind` with file, place in it, what is wrong and what to do.
 */
export async function loadMachineKind(folder: string): Promise<MachineKind> {
  const path = join(resolve(folder), 'machine.json');
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new VfleetError({
      code: 'lab.kind',
      thing: path,
      expected: 'the settings of a machine kind',
      found: ioReason(cause),
      next: 'name a folder that holds machine.json and root/, such as those in src/lab/machines',
      cause,
    });
  });
  const parsed = settingsSchema.safeParse(parse(path, text));
  if (parsed.success) {
    const { data } = parsed;
    const settings: MachineSettings = { ...data, boot: { ...data.boot, first: data.boot.first ?? data.boot.config } };
    return { name: basename(resolve(folder)), folder: resolve(folder), settings };
  }
  const [issue] = parsed.error.issues;
  throw new VfleetError({
    code: 'lab.kind',
    thing: [path, issue?.path.join('.')].filter(Boolean).join(' '),
    expected: issue?.message,
    found: JSON.stringify(valueAt(parse(path, text), issue?.path ?? []))?.slice(0, 80),
    next: 'correct this value; the kinds in src/lab/machines show the form',
  });
}

/** The machine kinds that come with the package, by name. */
export async function builtinMachineKinds(): Promise<readonly MachineKind[]> {
  const entries = await readdir(builtinFolder, { withFileTypes: true });
  const folders = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  return Promise.all(folders.sort().map((name) => loadMachineKind(join(builtinFolder, name))));
}

/** The excerpt of the PCI ID list that nodes have. */
export const pciIdsFile = join(builtinFolder, 'pci.ids');

function parse(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new VfleetError({
      code: 'lab.kind',
      thing: path,
      expected: 'JSON',
      found: cause instanceof Error ? cause.message : String(cause),
      next: 'correct the file',
      cause,
    });
  }
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((at, key) => (isRecord(at) ? at[String(key)] : undefined), value);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
