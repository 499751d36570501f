import { expect, it } from 'vitest';
import { type Job, jobScript, workLines } from '../../src/host/job.ts';
import { sh } from '../../src/shell/script.ts';

const job: Job = { id: 'r1-1', work: sh`true`, admission: sh`:`, readBack: sh`cat /boot/grub/grub.cfg` };

/** What people hear of lines that the follower printed. */
function heard(lines: readonly string[]): readonly string[] {
  const said: string[] = [];
  const take = workLines(job.id, (line) => said.push(line));
  for (const line of lines) take(line);
  return said;
}

it('of what the follower prints, only the output of the work is progress', () => {
  const end = /echo '?(vfleet: end of the log of r1-1)/.exec(jobScript(job).text)?.[1] ?? '';
  expect(heard(['one', '', 'two', end, '0', 'one', 'two', 'menuentry x {'])).toEqual(['one', '', 'two']);
  expect(heard([`no line end${end}`, '0', 'set x=y'])).toEqual(['no line end']);
});
