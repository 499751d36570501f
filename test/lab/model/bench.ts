import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, onTestFinished } from 'vitest';
import type { Boot, MachineKind } from '../../../src/lab/machine.ts';
import { builtinMachineKinds } from '../../../src/lab/machine-kind.ts';
import { openDisk } from '../../../src/lab/model/disk.ts';
import { file } from '../../../src/lab/model/layout.ts';
import { machineModel } from '../../../src/lab/model/machine-model.ts';

/** A furnished tree whose stand-in tools run without chroot: `LAB_ROOT` tells them where they are. */
export interface Bench {
  readonly root: string;
  readonly kind: MachineKind;
  boot(): Promise<Boot>;
  /** Runs a script with the machine's tools on the path. */
  run(script: string, environment?: Readonly<Record<string, string>>): Promise<Ran>;
  read(path: string): string | null;
  lines(path: string): readonly string[];
  list(path: string): readonly string[];
  write(path: string, text: string): void;
  remove(path: string): void;
}

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export async function kindNamed(name: string): Promise<MachineKind> {
  const kind = (await builtinMachineKinds()).find((item) => item.name === name);
  if (kind === undefined) throw new Error(`no machine kind ${name}`);
  return kind;
}

/** A temporary folder that goes with the test. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'vfleet-model-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** One furnished tree for all tests of a `describe`: call it there, and call what it returns in the tests. */
export function sharedBench(kindName: string): () => Bench {
  let shared: Bench | null = null;
  beforeAll(async () => {
    const kind = await kindNamed(kindName);
    const root = await mkdtemp(join(tmpdir(), 'vfleet-model-'));
    await machineModel.furnish(root, kind, 'node01');
    shared = benchAt(root, kind);
  });
  afterAll(() => (shared === null ? undefined : rm(shared.root, { recursive: true, force: true })));
  return () => {
    if (shared === null) throw new Error('not furnished yet');
    return shared;
  };
}

export async function bench(kindName: string, name = 'node01'): Promise<Bench> {
  const kind = await kindNamed(kindName);
  const root = await temporaryFolder();
  await machineModel.furnish(root, kind, name);
  return benchAt(root, kind);
}

export function benchAt(root: string, kind: MachineKind): Bench {
  const disk = openDisk(root);
  return {
    root,
    kind,
    boot: () => machineModel.boot(root, kind),
    run: (script, environment = {}) => run(root, script, environment),
    read: (path) => disk.read(path),
    lines: (path) => (disk.read(path) ?? '').split('\n').filter((line) => line !== ''),
    list: (path) => disk.list(path),
    write: (path, text) => disk.lay(new Map([[path, file(text)]])),
    remove: (path) => disk.remove(path),
  };
}

function run(root: string, script: string, environment: Readonly<Record<string, string>>): Promise<Ran> {
  const env = {
    PATH: `${root}/usr/sbin:${root}/usr/bin:${process.env['PATH']}`,
    LAB_ROOT: root,
    LC_ALL: 'C',
    ...environment,
  };
  return new Promise((resolve) => {
    execFile('sh', ['-c', script], { env }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? 255), stdout, stderr });
    });
  });
}
