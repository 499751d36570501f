import { chmod, mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parseReading } from './reading.ts';
import { settingsOf } from './settings.ts';

/** Stands for a package's script in the kind: only that it is there counts, and nobody runs it. */
const standIn = '#!/bin/sh\n# Stands for the script that the package has here.\nexit 0\n';

/** Writes a machine kind's folder from what `read-machine.sh` printed. What the folder held before goes. */
export async function writeKind(folder: string, printed: string, title: string): Promise<void> {
  const reading = parseReading(printed);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await writeFile(path.join(folder, 'machine.json'), `${JSON.stringify(settingsOf(reading, title), null, 2)}\n`);
  for (const [file, { text }] of reading.files) {
    const at = path.join(folder, 'root', file);
    await mkdir(path.dirname(at), { recursive: true });
    await writeFile(at, file.startsWith('/etc/kernel/') ? standIn : text);
    if (text.startsWith('#!')) await chmod(at, 0o755);
  }
}
