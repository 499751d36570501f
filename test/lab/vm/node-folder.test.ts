import { rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkImage, rememberImage } from '../../../src/lab/vm/node-folder.ts';
import { temporaryFolder } from '../../temporary-folder.ts';

describe("the image that a node's disk lies over", () => {
  async function nodeOverImage() {
    const folder = temporaryFolder('node');
    const disk = join(folder, 'disk.raw');
    await writeFile(disk, 'image');
    await rememberImage(folder, { disk });
    return { folder, disk };
  }

  it('is the same as long as nobody touches it', async () => {
    const { folder } = await nodeOverImage();
    await expect(checkImage(folder, 'intel')).resolves.toBeUndefined();
  });

  it('is not asked for when the node was never complete', async () => {
    await expect(checkImage(temporaryFolder('node'), 'intel')).rejects.toMatchObject({
      code: 'lab.vm-image',
      parts: { next: 'vfleet lab vm reset intel' },
    });
  });

  it('that is gone is missed, with what to do', async () => {
    const { folder, disk } = await nodeOverImage();
    await rm(disk);
    await expect(checkImage(folder, 'intel')).rejects.toMatchObject({
      code: 'lab.vm-image',
      message: expect.stringMatching(
        /^node intel: expected its image .*disk\.raw of .*Z, found none; next: .* reset intel$/,
      ),
    });
  });

  it('that was built anew is not the same', async () => {
    const { folder, disk } = await nodeOverImage();
    await utimes(disk, 1_700_000_000, 1_700_000_000);
    await expect(checkImage(folder, 'intel')).rejects.toMatchObject({
      code: 'lab.vm-image',
      message: expect.stringContaining('found one of 2023-11-14T22:13:20Z'),
    });
  });
});
