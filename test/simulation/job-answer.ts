import { environmentMark } from '../../src/boot/grub-read-back.ts';
import { generate } from './grub.ts';
import { claimLease } from './lease-answer.ts';
import type { Machine } from './machine.ts';
import { wordAfter } from './shell-words.ts';
import type { Exit, Work } from './write-answer.ts';

/** Whether a body starts a job, or follows one. */
export function isJob(body: string): boolean {
  return body.includes('\njob=') && body.includes('"$job/run"');
}

/** Starts a job unless it was started before, follows it to its end, and reads back. */
export async function doJob(work: Work): Promise<Exit> {
  const { machine, body, answer, cutAfter } = work;
  const folder = wordAfter(body, '\njob=') ?? '';
  const [exitPath, runPath] = [`${folder}/exit`, `${folder}/run`];
  if (!machine.files.has(runPath)) {
    const refused = claimLease(work);
    if (refused !== null) return refused;
    work.onWrite();
    machine.files.set(runPath, { text: wordAfter(body, '\n  printf %s ') ?? '', mode: '0644', owner: 'root:root' });
    machine.working.add(folder);
    machine.jobs.set(folder, runJob(machine, machine.files.get(runPath)?.text ?? '', exitPath));
  }
  if (cutAfter !== null) {
    await machine.spend(500 * (cutAfter + 1));
    machine.goDown('power-cut');
    await machine.spend(0);
  }
  await machine.jobs.get(folder);
  await machine.spend(200);
  const code = machine.files.get(exitPath)?.text;
  if (code === undefined) {
    answer.section('died');
    return { code: 74, stderr: '' };
  }
  answer.print('Generating grub configuration file ...\n');
  const end = /^echo (.*end of the log of.*)$/m.exec(body)?.[1];
  if (end !== undefined) answer.print(`${end.replaceAll("'", '')}\n`);
  answer.section('code');
  answer.print(`${code}\n`);
  answer.section('log');
  answer.print(code === '0' ? 'done\n' : 'grub-mkconfig: no space left on device\n');
  if (code === '0') {
    answer.section('generated-in');
    answer.print(`${machine.bootId}\n`);
  }
  if (code === '0' && body.includes("section boot-entries\ncat '/boot/grub/grub.cfg'")) {
    answer.section('boot-entries');
    answer.print(`${machine.files.get('/boot/grub/grub.cfg')?.text ?? ''}${environmentMark}`);
  }
  return { code: 0, stderr: '' };
}

/** The detached part: it holds the lock while it works, and leaves its exit code. */
async function runJob(machine: Machine, text: string, exitPath: string): Promise<void> {
  const release = await machine.lock.take(null);
  const fails = machine.fault('job-fails');
  if (fails !== undefined && machine.failedJobs < fails.times) {
    machine.failedJobs += 1;
    machine.notice(fails);
    await machine.spend(1_500);
    end(machine, exitPath, '1');
  } else {
    await doSteps(machine, text);
    end(machine, exitPath, '0');
  }
  machine.working.delete(exitPath.slice(0, -'/exit'.length));
  release?.();
}

/** The tools that a job calls, in their order. */
async function doSteps(machine: Machine, text: string): Promise<void> {
  const steps = [...text.matchAll(/update-initramfs -u -k all|grub-mkconfig' -o|systemctl restart '([^']+)'/g)];
  if (steps.length === 0) throw new Error(`the model does not know the job ${text}`);
  const seen = new Set<string>();
  for (const [step, unit] of steps) {
    if (seen.has(step)) continue;
    seen.add(step);
    if (step.startsWith('update-initramfs')) {
      await machine.spend(20_000);
      machine.initramfs = machine.moduleOptions;
    } else if (unit === undefined) {
      await machine.spend(3_000);
      machine.files.set('/boot/grub/grub.cfg', { text: generate(machine.files), mode: '0644', owner: 'root:root' });
    } else {
      await machine.spend(300);
      for (const module of machine.modulesToLoad()) machine.modules.add(module);
    }
  }
}

function end({ files }: Machine, path: string, code: string): void {
  files.set(path, { text: code, mode: '0644', owner: 'root:root' });
}
