import { access, constants, realpath } from 'node:fs/promises';
import path from 'node:path';
import { VfleetError } from '../errors.ts';

/** A program of this machine that every lab node gets a copy of. */
export interface HostTool {
  /** Name on the node's PATH. */
  readonly name: string;
  /** The program itself, symbolic links resolved. */
  readonly file: string;
}

const systemFolders = ['/usr/bin', '/bin', '/usr/sbin', '/sbin', '/usr/local/bin', '/run/current-system/sw/bin'];

/** Needed by the scripts of vfleet or by the stand-in tools, by the package that brings them. */
const required: Readonly<Record<string, string>> = {
  dash: 'sh',
  coreutils:
    'cat cp mv mkdir rmdir ln rm ls chmod chown chgrp stat touch date dirname basename head tail tr cut sort uniq wc od ' +
    'base64 sha256sum cksum sync sleep id env printf test true false expr seq readlink mktemp tee dd mkfifo nohup timeout ' +
    'tty echo',
  grep: 'grep',
  sed: 'sed',
  mawk: 'awk',
  findutils: 'find xargs',
  'util-linux': 'flock setsid',
};

/** Taken along where this machine has them. No tool that reaches a kernel: those are stand-ins, or absent. */
const optional =
  '[ df du realpath md5sum sha1sum sha512sum comm paste tac fold fmt nl join split truncate install link unlink ' +
  'whoami groups logname pwd numfmt factor shuf rev cmp diff egrep fgrep gzip gunzip zcat which getopt';

/**
 * Finds the programs that lab nodes run. `folders`: where to look, by default where distributions have them.
 * Errors: `lab.tool-missing` names each absent one with its package.
 */
export async function findTools(folders: readonly string[] = systemFolders): Promise<readonly HostTool[]> {
  const found: HostTool[] = [];
  const missing: string[] = [];
  for (const [packageName, names] of Object.entries(required)) {
    for (const name of names.split(' ')) {
      const file = await findTool(name, folders);
      if (file === null) missing.push(`${name} (package ${packageName})`);
      else found.push({ name, file });
    }
  }
  if (missing.length > 0) throw missingTools(missing, folders);
  for (const name of optional.split(' ')) {
    const file = await findTool(name, folders);
    if (file !== null) found.push({ name, file });
  }
  return found;
}

/** The program of that name in the first folder that has it, links resolved; `null`: there is none. */
async function findTool(name: string, folders: readonly string[]): Promise<string | null> {
  for (const folder of folders) {
    const file = path.join(folder, name);
    try {
      await access(file, constants.X_OK);
      return await realpath(file);
    } catch {
      // Not in this folder.
    }
  }
  return null;
}

function missingTools(missing: readonly string[], folders: readonly string[]): VfleetError {
  return new VfleetError({
    code: 'lab.tool-missing',
    thing: 'lab nodes run the basic tools of this machine',
    expected: `them in ${folders.join(', ')}`,
    found: `no ${missing.join(', ')}`,
    next: 'install the packages named',
  });
}
