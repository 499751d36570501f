/**
 * A reader that has gone (`vfleet plan … | head`, a terminal that was closed) ends the program without a word. The result
 * comes last, so nothing is left to do then. Progress comes while hosts are at work: its reader's end is a Ctrl-C, which
 * brings them to a safe end.
 */
export function endQuietly(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (!isGone(error)) throw error;
    process.exit(141);
  });
  let told = false;
  process.stderr.on('error', (error: NodeJS.ErrnoException) => {
    if (!isGone(error)) throw error;
    if (told) return;
    told = true;
    process.kill(process.pid, 'SIGINT');
  });
}

function isGone({ code }: NodeJS.ErrnoException): boolean {
  return code === 'EPIPE' || code === 'EIO';
}
