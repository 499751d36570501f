import { readFile, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Lab } from '../../src/lab/lab.ts';
import { processesIn } from '../../src/lab/processes.ts';
import { collect, eventually, logIn } from './client.ts';
import { startDoubles } from './start.ts';
import { availableStrategies } from './strategies.ts';

const strategies = await availableStrategies();

describe.each(strategies)('a node, by %s', (strategy) => {
  let lab: Lab;

  beforeAll(async () => {
    lab = await startDoubles({ n1: {}, n2: {}, n3: {} }, { strategy });
  });

  afterAll(async () => {
    await lab.stop();
  });

  it('reboots when a tool asks: connections and processes end, memory is gone, disk and address stay', async () => {
    const node = lab.node('n1');
    const client = await logIn(lab, 'n1');
    const id = (await client.run('cat /proc/boot_id')).stdout;
    await client.run('echo kept >/etc/kept; echo gone >/run/gone; echo gone >/tmp/gone; echo args >/boot/arguments');
    await client.run('setsid sleep 600 </dev/null >/dev/null 2>&1 &');
    expect(processesIn(node.root)).toHaveLength(1);
    void client.run('reboot');
    await client.closed;
    await node.until('booting');
    expect(processesIn(node.root)).toEqual([]);
    await expect(logIn(lab, 'n1')).rejects.toThrow(/ECONNREFUSED/);
    await node.until('up');
    const again = await logIn(lab, 'n1');
    const seen = await again.run('cat /proc/boot_id /proc/cmdline /etc/kept; ls /run/gone /tmp/gone; stat -c %a /tmp');
    expect(seen.stdout).not.toContain(id);
    expect(seen.stdout).toMatch(/\nargs\nkept\n1777\n$/);
    expect(seen.stderr.match(/No such file/g)).toHaveLength(2);
    expect(node.counters).toMatchObject({ reboots: 1, powerCuts: 0 });
    again.end();
  });

  it('loses its power in the middle of a write, and comes back', async () => {
    const node = lab.node('n2');
    const client = await logIn(lab, 'n2');
    const channel = await client.open('echo begin >/var/log/x; echo begin; sleep 600; echo end >>/var/log/x');
    const ran = collect(channel);
    await new Promise<void>((resolve) => channel.once('data', () => resolve()));
    await node.powerCut();
    expect(processesIn(node.root)).toEqual([]);
    expect(await ran).toMatchObject({ end: 'lost', stdout: 'begin\n' });
    await node.until('up');
    const again = await logIn(lab, 'n2');
    expect((await again.run('cat /var/log/x')).stdout).toBe('begin\n');
    expect(node.counters).toMatchObject({ reboots: 0, powerCuts: 1 });
    again.end();
  });

  it('can lose its power while it boots', async () => {
    const node = lab.node('n2');
    await node.powerCut();
    await node.until('booting');
    await node.powerCut();
    await node.powerCut({ stayOff: true });
    await node.until('off');
    await expect(logIn(lab, 'n2')).rejects.toThrow(/ECONNREFUSED/);
    await node.powerOn();
    expect(node.state).toBe('up');
    (await logIn(lab, 'n2')).end();
    expect(processesIn(node.root)).toEqual([]);
  });

  it('powers off for good', async () => {
    const node = lab.node('n3');
    const client = await logIn(lab, 'n3');
    void client.run('poweroff');
    await client.closed;
    await node.until('off');
    await expect(logIn(lab, 'n3')).rejects.toThrow(/ECONNREFUSED/);
    await node.powerOn();
    (await logIn(lab, 'n3')).end();
  });

  it('stays silent when nothing boots, until that is repaired', async () => {
    const node = lab.node('n3');
    const client = await logIn(lab, 'n3');
    void client.run('rm /boot/arguments; reboot');
    await client.closed;
    await node.until('dead');
    await expect(node.until('up')).rejects.toMatchObject({
      code: 'lab.dead',
      message: expect.stringContaining('no boot file'),
    });
    await expect(logIn(lab, 'n3')).rejects.toThrow(/ECONNREFUSED/);
    await writeFile(path.join(node.root, 'boot/arguments'), 'quiet\n');
    await node.powerOn();
    (await logIn(lab, 'n3')).end();
  });

  it('reboots even when its watched folder was removed', async () => {
    const node = lab.node('n3');
    const client = await logIn(lab, 'n3');
    void client.run('rm -rf /run/lab; mkdir /run/lab; reboot');
    await client.closed;
    await node.until('up');
    expect(node.counters.reboots).toBe(2);
  });
});

it('tells nobody of a silent power cut; old connections are reset after its return', async () => {
  const lab = await startDoubles({ n1: {} });
  const node = lab.node('n1');
  const client = await logIn(lab, 'n1');
  const channel = await client.open('echo here; sleep 600');
  await new Promise<void>((resolve) => channel.once('data', () => resolve()));
  let ended = false;
  void client.closed.then(() => {
    ended = true;
  });
  client.client.on('error', () => {});
  await node.powerCut({ silently: true, stayOff: true });
  // A round trip to another server: whatever was sent before has arrived.
  await expect(logIn(lab, 'n1')).rejects.toThrow(/ECONNREFUSED/);
  expect(ended).toBe(false);
  await node.powerOn();
  await client.closed;
  await lab.stop();
});

it('a client with keepalives notices a silent power cut by itself', async () => {
  const lab = await startDoubles({ n1: {} });
  const client = await logIn(lab, 'n1', { keepaliveInterval: 50, keepaliveCountMax: 2 });
  const failed = new Promise<Error>((resolve) => client.client.on('error', resolve));
  await lab.node('n1').powerCut({ silently: true, stayOff: true });
  expect((await failed).message).toMatch(/keepalive/i);
  await lab.stop();
});

it('keeps its port to itself while it is down', async () => {
  const lab = await startDoubles({ n1: {} });
  const node = lab.node('n1');
  await node.powerCut({ stayOff: true });
  const [low] = (await readFile('/proc/sys/net/ipv4/ip_local_port_range', 'utf8')).split(/\s+/).map(Number);
  const knock = () =>
    new Promise<string>((resolve) => {
      const socket = connect(node.port, '127.0.0.1');
      socket.on('connect', () => resolve('connected'));
      socket.on('error', (error) => resolve(error.message));
    });
  const knocks = await Promise.all(Array.from({ length: 200 }, knock));
  expect(new Set(knocks)).toEqual(new Set([`connect ECONNREFUSED 127.0.0.1:${node.port}`]));
  expect(node.port < (low ?? 0) || node.port > 60_999).toBe(true);
  await node.powerOn();
  expect(node.state).toBe('up');
  await lab.stop();
  await eventually(async () => (await knock()) !== 'connected', 'nobody listens');
});
