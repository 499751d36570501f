import type { FaultOf, HookName } from './fault.ts';
import type { Machine } from './machine.ts';
import type { Exit, Work } from './write-answer.ts';

/** The command of a simulated hook: which one, its run, and how long it takes. */
export function hookCommand(hook: HookName, run: string, takes: number): string {
  return `simulated-hook ${hook} ${run} ${takes}`;
}

const command = /simulated-hook (drain|undrain) (\S+) (\d+)/;

/** Whether a body is a command of a hook. */
export function isHook(body: string): boolean {
  return body.startsWith('export ') && command.test(body);
}

/** Does what a hook's command says. It never resolves when it hangs. */
export async function doHook({ machine, body, cutAfter, onWrite }: Work): Promise<Exit> {
  const [, name, run = '', takes] = command.exec(body) ?? [];
  const hook: HookName = name === 'drain' ? 'drain' : 'undrain';
  onWrite();
  const outcome = beginHook(machine, hook, run);
  if (outcome === 'hangs') return new Promise(() => {});
  await machine.spend(cutAfter === null ? Number(takes) : 500);
  if (cutAfter !== null) {
    machine.goDown('power-cut');
    await machine.spend(0);
  }
  if (outcome === 'fails') return { code: 1, stderr: 'no other host has room for its guests' };
  endHook(machine, hook);
  return { code: 0, stderr: '' };
}

/** A hook begins. A host counts as drained from the moment that somebody begins to drain it. */
export function beginHook(machine: Machine, hook: HookName, run: string): 'works' | 'fails' | 'hangs' {
  if (hook === 'drain') machine.drainedBy = run;
  const fault = machine.faults.find(
    (one): one is FaultOf<'hook-fails' | 'hook-hangs'> =>
      (one.kind === 'hook-fails' || one.kind === 'hook-hangs') && one.hook === hook,
  );
  if (fault === undefined || machine.failedHooks >= fault.times) return 'works';
  machine.failedHooks += 1;
  machine.notice(fault);
  return fault.kind === 'hook-fails' ? 'fails' : 'hangs';
}

/** A hook has done its work. */
export function endHook(machine: Machine, hook: HookName): void {
  if (hook === 'undrain') machine.drainedBy = null;
}
