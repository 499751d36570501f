import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runProgram } from '../../../src/lab/vm/program.ts';
import { temporaryFolder } from '../../temporary-folder.ts';

describe('a program of this machine', () => {
  it('gives its lines, of both streams', async () => {
    const lines = await runProgram('sh', ['-c', 'echo one; echo two >&2'], { limit: 60_000 });
    expect([...lines].sort()).toEqual(['one', 'two']);
  });

  it('that fails is told with its last lines and what to do', async () => {
    const failing = runProgram('sh', ['-c', 'echo no space; exit 3'], { limit: 60_000, next: 'make room' });
    await expect(failing).rejects.toMatchObject({
      code: 'lab.vm-program',
      message: 'sh: expected exit code 0, found exit code 3\n  no space; next: make room',
    });
  });

  it('that is not there is told too', async () => {
    const missing = join(temporaryFolder('program'), 'none');
    await expect(runProgram(missing, [], { limit: 60_000 })).rejects.toMatchObject({
      code: 'lab.vm-program',
      message: expect.stringContaining('ENOENT'),
    });
  });

  it('is ended at its limit, with what it has started and what holds its output', async () => {
    const began = Date.now();
    const hanging = runProgram('sh', ['-c', 'sh -c "sleep 600; echo late" & wait'], { limit: 500 });
    await expect(hanging).rejects.toMatchObject({ message: expect.stringContaining('found no end after') });
    expect(Date.now() - began).toBeLessThan(60_000);
  });
});
