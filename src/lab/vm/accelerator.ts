import { access, constants, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { VfleetError } from '../../errors.ts';
import { runProgram } from './program.ts';

/** What runs the nodes' processors: the kernel's KVM, or QEMU's own translation, about ten times slower. */
export interface Accelerator {
  readonly name: 'kvm' | 'tcg';
  /** Why this one, for the user. */
  readonly why: string;
}

/** What the user asks for. */
export type WishedAccelerator = 'auto' | Accelerator['name'];

/** A kernel to try KVM with. */
export interface TrialKernel {
  readonly kernel: string;
  readonly initrd: string;
}

/** What the trial found, kept until the machine boots again or has another QEMU. */
const knownSchema = z.object({ version: z.literal(1), machine: z.string(), works: z.boolean() });

/** Milliseconds; with a KVM that works it takes two or three seconds. */
const trialLimit = 30_000;

/**
 * KVM where it works, else software emulation. That `/dev/kvm` opens says little: in some containers and nested machines
 * it does, and no Linux kernel starts in it. So one is booted, once for each boot of this machine.
 * Errors: `lab.vm-kvm` when KVM is asked for and does not work.
 */
export async function chooseAccelerator(
  wished: WishedAccelerator,
  trial: TrialKernel,
  cache: string,
): Promise<Accelerator> {
  if (wished === 'tcg') return { name: 'tcg', why: 'as asked for' };
  const obstacle = await whyNoKvm(trial, cache, wished === 'kvm');
  if (obstacle === null) return { name: 'kvm', why: 'a kernel boots with it' };
  if (wished === 'auto') return { name: 'tcg', why: obstacle };
  throw new VfleetError({
    code: 'lab.vm-kvm',
    thing: '/dev/kvm',
    expected: 'a KVM that works, as asked for',
    found: obstacle,
    next: 'leave --accelerator out: software emulation is then used, slower; a lab that was made with KVM needs lab vm down first',
  });
}

async function whyNoKvm(trial: TrialKernel, cache: string, again: boolean): Promise<string | null> {
  try {
    await access('/dev/kvm', constants.R_OK | constants.W_OK);
  } catch (thrown) {
    const denied = thrown instanceof Error && 'code' in thrown && thrown.code === 'EACCES';
    return denied ? 'no permission for /dev/kvm; next: adduser $USER kvm, and log in anew' : 'there is no /dev/kvm';
  }
  return (await kvmBoots(trial, cache, again)) ? null : 'there is a /dev/kvm, but no kernel boots with it';
}

/** `again`: a trial that failed, perhaps because the machine was busy, is made once more. */
async function kvmBoots(trial: TrialKernel, cache: string, again: boolean): Promise<boolean> {
  const file = join(cache, 'kvm.json');
  const machine = await machineOf();
  const known = knownSchema.safeParse(await readJson(file));
  if (known.success && known.data.machine === machine && (known.data.works || !again)) return known.data.works;
  const works = await bootsTo('Attempted to kill init', { ...trial, accelerator: 'kvm' });
  await mkdir(cache, { recursive: true });
  await writeFile(file, JSON.stringify({ version: 1, machine, works }));
  return works;
}

/**
 * Whether a kernel comes so far that it runs a program: `true` as the first process, at whose end it panics, and QEMU,
 * told not to reboot, ends.
 */
export async function bootsTo(
  text: string,
  { kernel, initrd, accelerator }: TrialKernel & { readonly accelerator: Accelerator['name'] },
  limit: number = trialLimit,
): Promise<boolean> {
  const append = 'console=ttyS0 rdinit=/bin/true panic=-1';
  const machine = ['-accel', accelerator, '-M', 'q35', '-cpu', 'qemu64', '-m', '512', '-nodefaults', '-no-reboot'];
  const boot = ['-display', 'none', '-serial', 'stdio', '-kernel', kernel, '-initrd', initrd, '-append', append];
  try {
    const lines = await runProgram('qemu-system-x86_64', [...machine, ...boot], { limit });
    return lines.some((line) => line.includes(text));
  } catch {
    return false;
  }
}

async function machineOf(): Promise<string> {
  const [qemu] = await runProgram('qemu-system-x86_64', ['--version'], { limit: trialLimit });
  return `${qemu ?? ''} ${(await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim()}`;
}

async function readJson(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8'));
  } catch {
    return null;
  }
}
