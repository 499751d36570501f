import { mkdtemp, realpath } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { Strategy } from '../../src/lab/cell.ts';
import { detectSandbox } from '../../src/lab/sandbox.ts';
import { buildTemplate } from '../../src/lab/template.ts';
import { makeTree, removeTree } from '../../src/lab/tree.ts';

/** The strategies that work here; what does not is told, with the reason. */
export async function availableStrategies(): Promise<readonly Strategy[]> {
  const folder = await realpath(await mkdtemp(path.join(os.tmpdir(), 'vfleet-strategies-')));
  const template = await buildTemplate(path.join(folder, 'template'));
  const found: Strategy[] = [];
  for (const strategy of ['namespaces', 'chroot', 'user-namespaces'] as const) {
    const tree = path.join(folder, strategy);
    await makeTree(template, tree);
    try {
      await detectSandbox(tree, strategy);
      found.push(strategy);
    } catch (error) {
      console.log(`SKIPPED: lab strategy ${strategy}: ${error instanceof Error ? error.message : error}`);
    }
  }
  await removeTree(folder);
  return found;
}
