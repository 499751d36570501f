/** Results: to standard output. */
export function write(text: string): void {
  process.stdout.write(text);
}

/** What is said beside the result: to standard error, so that a pipe gets only the result. */
export function say(text: string): void {
  process.stderr.write(text);
}

/** Something that is not wrong, but probably not meant. */
export function warn(text: string): void {
  say(`warning: ${text}\n`);
}
