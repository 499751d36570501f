import { asVfleetError, VfleetError } from '../errors.ts';
import { sh } from '../shell/script.ts';
import type { Shell } from '../shell/shell.ts';
import { runProgram } from './controller.ts';
import type { Hook, HookHost } from './hook.ts';

/** Everything that a hook needs beside itself. */
export interface HookRun {
  readonly name: 'drain' | 'undrain';
  readonly hook: Hook;
  readonly host: Omit<HookHost, 'signal' | 'exec' | 'controller'>;
  readonly shell: Shell;
  /** Resolves after so many milliseconds, or at once when the signal aborts. */
  readonly sleep: (milliseconds: number, signal: AbortSignal) => Promise<void>;
  /** Aborted: the hook is ended. */
  readonly abandon: AbortSignal;
}

/** Runs a hook to its end, or to the end of its time. Errors: `hook.drain-failed`, `hook.drain-timeout`, and so on. */
export async function runHook(run: HookRun): Promise<void> {
  const { name, hook, host, sleep, abandon } = run;
  const over = new AbortController();
  const signal = AbortSignal.any([over.signal, abandon]);
  const done = new AbortController();
  let late = false;
  const timer = (async () => {
    await sleep(hook.timeout, AbortSignal.any([done.signal, abandon]));
    if (done.signal.aborted) return;
    late = !abandon.aborted;
    over.abort();
    throw late ? tooLate(name, host.name, hook.timeout) : givenUp(name, host.name);
  })();
  const work = (async () => hookWork(run, signal))();
  // Whichever of the two is not waited for any more must not end the program.
  work.catch(() => {});
  try {
    await Promise.race([work, timer]);
  } catch (thrown) {
    // A command that ends because its time is over fails a moment before the timer says so.
    if (late) throw tooLate(name, host.name, hook.timeout);
    if (abandon.aborted) throw givenUp(name, host.name);
    throw failed(name, host.name, asVfleetError(thrown));
  } finally {
    done.abort();
    over.abort();
  }
}

async function hookWork({ name, hook, host, shell }: HookRun, signal: AbortSignal): Promise<void> {
  const { work, timeout } = hook;
  const environment = environmentOf(host, name);
  const exec: HookHost['exec'] = (script) => shell.run(script, { timeout, signal, onLine: (line) => host.say(line) });
  if (work.kind === 'function') {
    const controller: HookHost['controller'] = async (program, ...args) => {
      const end = await runProgram({ program, args, environment, signal });
      if (end.code === 0) return end.stdout;
      throw ended([program, ...args].slice(0, 2).join(' '), end.code, end.stderr || end.stdout);
    };
    await work.call({ ...host, signal, exec, controller });
    return;
  }
  if (work.where === 'host') {
    const names = Object.entries(environment).map(([key, value]) => `${key}=${value}`);
    // By standard input and `export`: nothing of it stands in a process list.
    const output = await exec(sh`export ${names}\nsh -c ${work.text} </dev/null`);
    if (output.code !== 0) throw ended(work.text, output.code, output.stderr || output.stdout.toString('utf8'));
    return;
  }
  const end = await runProgram({
    program: 'sh',
    args: ['-c', work.text],
    environment,
    signal,
    onLine: (line) => host.say(line),
  });
  if (end.code !== 0) throw ended(work.text, end.code, end.stderr || end.stdout);
}

/** What a hook's command knows of the host. */
function environmentOf({ name, address, port, rack, run }: HookRun['host'], hook: string): Record<string, string> {
  return {
    VFLEET_HOOK: hook,
    VFLEET_HOST: name,
    VFLEET_ADDRESS: address,
    VFLEET_PORT: String(port),
    VFLEET_RACK: rack ?? '',
    VFLEET_RUN: run,
  };
}

function ended(command: string, code: number | null, said: string): VfleetError {
  const last = said.trim().split('\n').slice(-3).join(' | ');
  const thing = command.length > 80 ? `${command.slice(0, 80)}…` : command;
  const found = `${code === null ? 'no exit code' : `exit code ${code}`}: ${last || 'no output'}`;
  return new VfleetError({ code: 'hook.command', thing, expected: 'exit code 0', found });
}

const nexts = {
  drain: 'see what of it was done, mend the cause, and run `vfleet apply` again; nothing was rebooted',
  undrain: 'mend the cause and run `vfleet apply` again: it undrains the host once it is verified',
};

function failed(name: 'drain' | 'undrain', host: string, { parts }: VfleetError): VfleetError {
  const found =
    parts.code === 'hook.command' || parts.found !== undefined ? `${parts.thing}: ${parts.found}` : parts.thing;
  return new VfleetError({
    code: `hook.${name}-failed`,
    host,
    thing: `the hook ${name}`,
    expected: 'that it does its work',
    found,
    next: nexts[name],
  });
}

function tooLate(name: 'drain' | 'undrain', host: string, timeout: number): VfleetError {
  return new VfleetError({
    code: `hook.${name}-timeout`,
    host,
    thing: `the hook ${name}`,
    expected: `its end within ${timeout / 1000} s`,
    found: 'that it was still at work, and was ended',
    next: nexts[name],
  });
}

function givenUp(name: 'drain' | 'undrain', host: string): VfleetError {
  return new VfleetError({
    code: 'interrupted',
    host,
    thing: `the hook ${name}`,
    expected: 'its end',
    found: 'that the wait for it was interrupted',
    next: 'run `vfleet apply` again: it goes on from here',
  });
}
