import { afterAll, beforeAll, expect, it } from 'vitest';
import { logIn } from '../lab/client.ts';
import { type Fleet, shippedWith, startFleet } from './fleet.ts';
import { undo } from './undo-steps.ts';

const [one, two] = ['1-3.1 0529:0001', '1-3.2 0529:0001'] as const;
const [roots, groups] = ['root:root 664', 'root:kvm 660'] as const;

let fleet: Fleet;
beforeAll(async () => {
  fleet = await startFleet([{ name: 'devices', kind: 'debian-12-devices' }]);
}, 120_000);
afterAll(() => fleet?.stop());

const about = (vars: unknown) => shippedWith(fleet, 'usb', vars);

async function on(command: string): Promise<string> {
  const client = await logIn(fleet.lab, 'devices');
  const { stdout } = await client.run(command);
  client.end();
  return stdout.trim();
}

/** Whose the nodes of both dongles are, by the stat of the host itself. */
async function owners(): Promise<readonly string[]> {
  const script = `for port in 1-3.1 1-3.2; do
  cd /sys/bus/usb/devices/$port && stat -c '%U:%G %a' "/dev/bus/usb/$(printf '%03d/%03d' $(cat busnum devnum))"
done`;
  return (await on(script)).split('\n');
}

async function accessible(verb: 'apply' | 'verify', usb: readonly string[]) {
  const { host, code } = await fleet.one(verb, 'devices', await about({ usb }));
  expect(host.failure?.code ?? 'verify.failed').toBe('verify.failed');
  return { code, writes: host.writes, outcome: host.checks.find(({ check }) => check === 'usb-accessible')?.outcome };
}

it('devices are given to the group of QEMU at once, and after a reboot; a second run has nothing to do', async () => {
  expect(await owners()).toEqual([roots, roots]);
  expect(await accessible('apply', [one, two])).toMatchObject({ code: 0, outcome: 'pass' });
  expect(await owners()).toEqual([groups, groups]);
  expect(await accessible('apply', [one, two])).toEqual({ code: 0, writes: 0, outcome: 'pass' });
  const node = fleet.lab.node('devices');
  await node.powerCut();
  await node.until('up');
  expect(await owners()).toEqual([groups, groups]);
  expect(await accessible('verify', [one, two])).toMatchObject({ code: 0, outcome: 'pass' });
});

it('a node that somebody has taken back fails, and is given again', async () => {
  await on('chgrp root /dev/bus/usb/*/*');
  expect(await accessible('verify', [one, two])).toMatchObject({ code: 1, outcome: 'fail' });
  expect(await accessible('apply', [one, two])).toMatchObject({ code: 0, outcome: 'pass' });
  expect(await owners()).toEqual([groups, groups]);
});

it('what is named no more is root alone again, and what another rule gives away stays with that', async () => {
  const rule = 'SUBSYSTEM=="usb", KERNEL=="1-3.1", ACTION=="add", GROUP="kvm", MODE="0640"';
  await on(`echo '${rule}' >/etc/udev/rules.d/60-theirs.rules`);
  expect(await accessible('apply', [one])).toMatchObject({ code: 0, outcome: 'pass' });
  expect(await owners()).toEqual([groups, roots]);
  const { host, code } = await undo(fleet, fleet.lab.node('devices'), { name: 'USB' });
  expect([host.failure, code]).toEqual([null, 0]);
  expect(await owners()).toEqual(['root:kvm 640', roots]);
});

it('with the consumer cloudpods a rule of an earlier run is emptied, and the devices are given back', async () => {
  await on('rm /etc/udev/rules.d/60-theirs.rules; mkdir -p /etc/yunion; echo disable_usb: true >/etc/yunion/host.conf');
  expect(await accessible('apply', [two])).toMatchObject({ code: 0, outcome: 'pass' });
  expect((await owners())[1]).toBe(groups);
  const { host } = await fleet.one('apply', 'devices', await about({ usb: [two], consumer: 'cloudpods' }));
  expect(host.failure?.code ?? 'verify').toMatch(/verify/);
  expect((await owners())[1]).toBe(roots);
});
