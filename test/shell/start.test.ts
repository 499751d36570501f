import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseStart, start, stopCommand } from '../../src/shell/start.ts';

const id = '0123456789abcdef';
const all = [start('none', false, id), start('root', true, id), start('sudo', false, id), start('sudo', true, id)];

describe('start', () => {
  it('has nothing that a log-in shell could take for something else', () => {
    for (const { command } of all) {
      // csh expands `!` and fish reads backslashes even within single quotes; csh ends them at a newline.
      expect(command).not.toMatch(/[!\\\n`]/);
      // Everything that they expand is within one pair of single quotes.
      const [before, , after, ...more] = command.split("'");
      expect([more, `${before}${after}`]).toEqual([[], expect.not.stringMatching(/[$*?~;&|<>(){}%"#]/)]);
    }
  });

  it('does not hold its marker or prompt literally', () => {
    for (const { command, marker, prompt } of all) {
      expect(command).not.toContain(marker);
      if (prompt !== null) expect(command).not.toContain(prompt);
    }
  });

  it('prints the marker on both streams, and then runs what comes on standard input', () => {
    const { command, marker } = start('none', false, id);
    const shells = ['/bin/sh', '/bin/bash', '/bin/dash', '/bin/csh', '/usr/bin/fish', '/bin/zsh'].filter(existsSync);
    for (const shell of shells) {
      const both = execFileSync('/bin/sh', ['-c', `exec ${shell} -c "$0" 2>&1`, command], { input: 'echo hello' });
      expect([shell, both.toString()]).toEqual([shell, `${marker}\n${marker}\nhello\n`]);
    }
  });

  it('can be read by a server that answers from a record', () => {
    for (const { command, marker, prompt } of all) expect(parseStart(command)).toEqual({ marker, prompt });
    expect(parseStart('uptime')).toBeNull();
  });
});

describe('stopCommand', () => {
  it('names the process that was announced, and no other', () => {
    const { marker } = start('sudo', true, id);
    expect(stopCommand(marker, `noise vfleet-pid-${id}-$$\nvfleet-pid-${id}-4711\nvfleet-%-${id}: `)).toBe(
      "sh -c 'kill -KILL 4711'",
    );
    expect(stopCommand(marker, 'vfleet-pid-ffff-4711\n')).toBeNull();
  });
});
