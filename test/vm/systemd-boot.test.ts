import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { canRun } from '../ssh/requirements.ts';
import { expectPrepared, wantedArguments } from './expected.ts';
import { changed, digest } from './machine.ts';
import { type Nodes, needed, startNodes, watchFailures } from './nodes.ts';

const kind = 'debian-13-systemd-boot';
const nothing: ReadonlyMap<string, string> = new Map();

/** What a run leaves of its own, and what Debian writes by itself at a boot. */
const notConfiguration = /^\/var\/lib\/(vfleet|systemd)(\/| |$)|^\/boot\/efi\/loader\/random-seed /;

describe.runIf(canRun('virtual nodes', needed))('a node that systemd-boot starts', () => {
  let nodes: Nodes;
  let before = nothing;
  let bootId = '';
  const since = async () => changed(before, await digest(nodes, 'sdb')).filter((path) => !notConfiguration.test(path));
  const entry = async () => (await nodes.on('sdb', 'sudo sh -c "cat /boot/efi/loader/entries/*.conf"')).split('\n');

  beforeAll(async () => {
    nodes = await startNodes({ sdb: kind });
    await nodes.on('sdb', 'systemctl is-system-running --wait || true');
    before = await digest(nodes, 'sdb');
  });
  const failed = watchFailures();
  afterAll(() => nodes?.stop(failed()));

  it('has no GRUB at all', async () => {
    expect(await nodes.on('sdb', 'command -v grub-mkconfig update-grub || echo none')).toBe('none\n');
    expect(await nodes.on('sdb', 'sudo bootctl --no-pager status')).toMatch(
      /Current Boot Loader:\s+Product: systemd-boot/,
    );
  });

  it('is prepared with one reboot: arguments in its entries, and for kernels to come', async () => {
    const { code, stdout, stderr } = await nodes.vfleet(['apply', 'passthrough', '--yes']);
    expect(code, stdout + stderr).toBe(0);
    ({ bootId } = await expectPrepared(nodes, 'sdb', kind));
    expect((await nodes.node('sdb')).boots).toBe(2);
    const line = `root=LABEL=root ro console=ttyS0 no_timer_check quiet ${wantedArguments(kind).join(' ')}`;
    expect(await nodes.on('sdb', 'cat /etc/kernel/cmdline')).toBe(`${line}\n`);
    const options = (await entry()).filter((text) => text.startsWith('options'));
    expect(options.map((text) => text.replace(/^options\s+/, '').trimEnd())).toEqual([line]);
    expect(await nodes.on('sdb', 'sudo bootctl --no-pager list')).toContain(wantedArguments(kind).join(' '));
  });

  it('verifies, and is not touched by a second apply', async () => {
    const verified = await nodes.vfleet(['verify', 'passthrough']);
    expect(verified.code, verified.stdout + verified.stderr).toBe(0);
    const files = await digest(nodes, 'sdb', { times: true });
    const again = await nodes.vfleet(['apply', 'passthrough', '--yes']);
    expect(again.code, again.stdout + again.stderr).toBe(0);
    expect(changed(files, await digest(nodes, 'sdb', { times: true }))).toEqual([]);
    expect((await nodes.node('sdb')).boots).toBe(2);
  });

  it('gives a kernel that is installed later the arguments too', async () => {
    const release = (await nodes.on('sdb', 'uname -r')).trim();
    const files = `/boot/vmlinuz-${release} /boot/initrd.img-${release}`;
    await nodes.on(
      'sdb',
      `sudo rm /boot/efi/loader/entries/*-${release}.conf; sudo kernel-install add ${release} ${files}`,
    );
    const options = (await entry()).filter((text) => text.startsWith('options')).join();
    for (const token of wantedArguments(kind)) expect(options).toContain(token);
  });

  it('is given back by undo, byte for byte, without a reboot', async () => {
    const { code, stdout, stderr } = await nodes.vfleet(['undo', 'passthrough', '--yes']);
    expect(code, stdout + stderr).toBe(0);
    expect(await since()).toEqual([]);
    expect(await nodes.on('sdb', 'cat /proc/sys/kernel/random/boot_id')).toBe(`${bootId}\n`);
    expect((await nodes.node('sdb')).boots).toBe(2);
  });
});
