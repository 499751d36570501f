const longest = 300;

/** Text of a host as one line for an error: its last line that says anything, without control characters. */
export function lastLine(text: string): string {
  const lines = text.split(/[\r\n]+/).map(clean);
  return (lines.filter((line) => line !== '').at(-1) ?? '').slice(0, longest);
}

/** Text of a host on one line, without control characters: its end, where it is long. */
export function onOneLine(text: string): string {
  return clean(text.replaceAll(/[\r\n]+/g, ' ')).slice(-longest);
}

function clean(text: string): string {
  return text
    .replaceAll(/\u001b\[[0-9;?]*[A-Za-z]/g, '')
    .replaceAll(/\p{Cc}/gu, ' ')
    .trim();
}
