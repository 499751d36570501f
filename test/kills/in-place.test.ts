import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Fleet, startFleet } from '../e2e/fleet.ts';
import { logIn } from '../lab/client.ts';
import { readDisk, writeDisk } from './disk-image.ts';
import { armSwitch } from './switch.ts';
import { layWrappers } from './wrappers.ts';

let fleet: Fleet;
beforeAll(async () => {
  fleet = await startFleet([{ name: 'n1', kind: 'debian-12-intel' }]);
});
afterAll(() => fleet?.stop());

it("finds what Debian's own update-grub does in place: a cut while it writes leaves a node that does not boot", async () => {
  const node = fleet.lab.node('n1');
  layWrappers(node.root);
  const before = readDisk(node.root);
  const deadBefore: string[] = [];
  for (let number = 0; ; number += 1) {
    const armed = await armSwitch(node, number);
    const client = await logIn(fleet.lab, 'n1');
    client.client.on('error', () => {});
    const moment = await Promise.race([armed.reached, client.run('update-grub').then(() => null)]);
    const image = armed.history.now;
    await node.powerCut({ stayOff: true });
    armed.release();
    if (moment === null) break;
    writeDisk(node.root, image);
    await node.powerOn();
    if (node.state !== 'up') deadBefore.push(moment.command);
    await node.powerCut({ stayOff: true });
    writeDisk(node.root, before);
    await node.powerOn();
  }
  expect(deadBefore).toEqual(['cat /boot/grub/grub.cfg.new']);
}, 120_000);
