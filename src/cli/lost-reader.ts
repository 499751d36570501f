import { exitCodes } from '../report/exit-code.ts';

/**
 * A reader that has gone (`vfleet plan … | head`, a terminal that was closed) ends the program without a word. The result
 * comes last, so nothing is left to do then. Progress comes while hosts are at work: its reader's end brings them to a safe
 * end, as a Ctrl-C does; one by which the reader died is not counted twice.
 */
export function endQuietly(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (!isGone(error)) throw error;
    // An interrupted run has said its code by then: it goes before that of a lost reader.
    setImmediate(() => process.exit(process.exitCode === exitCodes.interrupted ? exitCodes.interrupted : 141));
  });
  let told = false;
  process.stderr.on('error', (error: NodeJS.ErrnoException) => {
    if (!isGone(error)) throw error;
    if (told) return;
    told = true;
    // Who catches interrupts tells them from a lost reader; nobody else needs to.
    process.kill(process.pid, process.listenerCount('SIGHUP') > 0 ? 'SIGHUP' : 'SIGINT');
  });
}

function isGone({ code }: NodeJS.ErrnoException): boolean {
  return code === 'EPIPE' || code === 'EIO';
}
