import { readFileSync, statfsSync } from 'node:fs';

const memory = '/dev/shm';

/** Bytes. The labs of all test files that run at once need a third of it. */
const needed = 512 * 1024 * 1024;

/**
 * The environment in which tests make temporary files: in memory where programs and devices can be there too. Labs make
 * and remove small files by the ten thousand; ext4 passes over every inode that was freed in the last minutes each time
 * that it looks for one (`recently_deleted` in fs/ext4/ialloc.c). `TMPDIR` of one's own is left as it is.
 */
export function temporaryFiles(): Readonly<Record<string, string>> {
  return process.env['TMPDIR'] === undefined && fits() ? { TMPDIR: memory } : {};
}

function fits(): boolean {
  try {
    const mounts = readFileSync('/proc/self/mounts', 'utf8').split('\n');
    const [, , type = '', options = ''] = mounts.find((line) => line.split(' ')[1] === memory)?.split(' ') ?? [];
    const { bavail, bsize } = statfsSync(memory);
    return type === 'tmpfs' && !/\b(?:ro|noexec|nodev)\b/.test(options) && bavail * bsize >= needed;
  } catch {
    return false;
  }
}
