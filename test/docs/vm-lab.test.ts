import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { VfleetError } from '../../src/errors.ts';
import { vmKinds } from '../../src/lab/vm/kind.ts';
import { readNodesFile } from '../../src/lab/vm/nodes-file.ts';
import { checkPrograms } from '../../src/lab/vm/programs.ts';
import { temporaryFolder } from '../temporary-folder.ts';

const read = (name: string) => readFile(join(import.meta.dirname, '../../docs', name), 'utf8');
const page = await read('vm-lab.md');

/** Packages behind each `apt-get install` of a page. */
function installed(text: string): readonly (readonly string[])[] {
  const lists = text.matchAll(/apt-get install (?:--yes )?--no-install-recommends ((?:[a-z][a-z0-9-]*[ \\\n]*)+)/g);
  return [...lists].map(([, list = '']) => list.match(/[a-z0-9-]+/g) ?? []);
}

/** Packages that a machine needs which has nothing, for all that a lab can do. */
async function needed(privileged: boolean): Promise<readonly string[]> {
  const root = temporaryFolder('docs');
  const work = { firmwares: ['bios', 'uefi'], builds: ['bios', 'uefi'] } as const;
  const thrown: unknown = await checkPrograms(work, { path: root, root, privileged }).catch((error: unknown) => error);
  if (!(thrown instanceof VfleetError)) throw new Error('nothing is missing');
  return installed(thrown.parts.next ?? '')[0] ?? [];
}

describe('docs/vm-lab.md', () => {
  it('names every kind, with its firmware, IOMMU and root disk', () => {
    for (const { name, recipe, vendor, iommu, rootDisk } of vmKinds) {
      const row = page.split('\n').find((line) => line.startsWith('|') && line.includes(`\`${name}\``));
      const [, , , firmware = '', unit = '', disk = ''] = row?.split('|').map((cell) => cell.trim()) ?? [];
      expect([name, firmware.toLowerCase(), disk.toLowerCase()]).toEqual([name, recipe.firmware, rootDisk]);
      expect(unit, name).toMatch(iommu ? new RegExp(`^${vendor}$`, 'i') : /^none/);
    }
  });

  it('shows a file of nodes that is one', async () => {
    const [, text = ''] = /^```yaml\n([^]*?)^```$/m.exec(page) ?? [];
    const file = join(temporaryFolder('docs'), 'nodes.yaml');
    await writeFile(file, text);
    expect(await readNodesFile(file)).toHaveLength(2);
  });
});

describe('what is installed by', () => {
  it('docs/vm-lab.md is what is needed, without root too', async () => {
    expect(installed(page).map((list) => list.toSorted())).toEqual([(await needed(false)).toSorted()]);
  });

  it('docs/ci.md is that and jq; in a container, where one is root, without uidmap', async () => {
    const [github, gitlab] = installed(await read('ci.md')).map((list) => list.toSorted());
    expect(github).toEqual([...(await needed(false)), 'jq'].toSorted());
    expect(gitlab).toEqual([...(await needed(true)), 'jq'].toSorted());
  });
});
