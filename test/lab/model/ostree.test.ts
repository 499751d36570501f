import { expect, test } from 'vitest';
import { type Bench, bench } from './bench.ts';

const kind = 'fedora-coreos-ostree';

/** An orderly reboot: what is staged becomes an entry. */
async function reboot(machine: Bench): Promise<string> {
  expect(await machine.run('reboot')).toMatchObject({ code: 0, stderr: '' });
  expect(await machine.boot()).toMatchObject({ kind: 'up' });
  return machine.read('/proc/cmdline') ?? '';
}

const entry = (machine: Bench, number: number) => machine.read(`/boot/loader/entries/ostree-${number}.conf`) ?? '';

test('boots the newest deployment, without the variable that GRUB has not set', async () => {
  const machine = await bench(kind);
  const line = machine.read('/proc/cmdline') ?? '';
  expect(line).toMatch(
    /^BOOT_IMAGE=\(hd0,gpt3\)\/boot\/ostree\/fedora-coreos-[0-9a-f]{64}\/vmlinuz-6\.14\.11-300\.fc42\.x86_64 rw mitigations=/,
  );
  expect(line).toMatch(/ ostree=\/ostree\/boot\.1\/fedora-coreos\/[0-9a-f]{64}\/0 /);
  expect(machine.read('/run/ostree-booted')).toBe('');
});

test('changed arguments make a new deployment at an orderly reboot, and the one that ran stays behind it', async () => {
  const machine = await bench(kind);
  const [before, old] = [entry(machine, 2), machine.read('/proc/cmdline')];
  const changed = await machine.run('rpm-ostree kargs --append-if-missing=iommu=pt --delete-if-present console=tty0');
  expect(changed).toEqual({
    code: 0,
    stdout: 'Staging deployment... done\nChanges queued for next boot. Run "systemctl reboot" to start a reboot\n',
    stderr: '',
  });
  expect((await machine.run('rpm-ostree kargs')).stdout).toMatch(/ console=ttyS0,115200n8 .* iommu=pt\n$/);
  expect([entry(machine, 2), machine.read('/proc/cmdline')]).toEqual([before, old]);
  const line = await reboot(machine);
  expect(line).toMatch(/ ostree=\/ostree\/boot\.0\/.* iommu=pt\n$/);
  expect(line).not.toContain('console=tty0');
  expect(entry(machine, 1)).toContain('console=tty0');
  expect(entry(machine, 1)).toContain('(ostree:1)');
  expect(machine.list('/boot/loader/entries')).toEqual(['ostree-1.conf', 'ostree-2.conf']);
  // Two deployments of one commit: the older one has another number.
  expect(entry(machine, 1)).toMatch(/ostree=\/ostree\/boot\.0\/fedora-coreos\/[0-9a-f]{64}\/1 /);
  await machine.run('rpm-ostree kargs --delete=iommu=pt');
  expect(await reboot(machine)).not.toContain('iommu=pt');
  expect(entry(machine, 1)).toContain('iommu=pt');
});

test.each([
  ['a power cut', ':'],
  ['a forced reboot', 'reboot -f'],
])('%s loses what was staged', async (_, command) => {
  const machine = await bench(kind);
  await machine.run('rpm-ostree kargs --append=iommu=pt');
  expect(machine.read('/run/ostree/staged-deployment')).toContain('iommu=pt');
  await machine.run(command);
  await machine.boot();
  expect(machine.read('/proc/cmdline')).not.toContain('iommu=pt');
  expect(machine.read('/run/ostree/staged-deployment')).toBeNull();
  expect((await machine.run('rpm-ostree kargs')).stdout).not.toContain('iommu=pt');
});

test('nothing is staged when nothing changes, and what is not there cannot be deleted or replaced', async () => {
  const machine = await bench(kind);
  expect(await machine.run('rpm-ostree kargs --append-if-missing=rw --delete-if-present=nosmt')).toEqual({
    code: 0,
    stdout: 'No changes.\n',
    stderr: '',
  });
  expect(await machine.run('rpm-ostree kargs --append-if-missing=rw --unchanged-exit-77')).toMatchObject({ code: 77 });
  for (const [option, message] of [
    ['--delete=nosmt', "No key 'nosmt' found"],
    ['--delete=console', "Multiple values for key 'console' found"],
    ['--delete=mitigations=off', "No karg 'mitigations=off' found"],
    ['--replace=console=tty1', "Multiple values for key 'console' found"],
    ['--replace=console=tty9=tty1', "No karg 'console=tty9' found"],
  ]) {
    expect(await machine.run(`rpm-ostree kargs ${option}`)).toEqual({
      code: 1,
      stdout: '',
      stderr: `error: ${message}\n`,
    });
  }
  expect(machine.read('/run/ostree/staged-deployment')).toBeNull();
});

test('arguments are replaced in their place; of equal ones the first is deleted', async () => {
  const machine = await bench(kind);
  await machine.run('rpm-ostree kargs --replace=console=tty0=tty1 --replace=mitigations=off');
  const { stdout } = await machine.run('rpm-ostree kargs');
  expect(stdout).toMatch(/^rw \$ignition_firstboot mitigations=off ostree=.* console=tty1 console=ttyS0,115200n8 /);
  await machine.run('rpm-ostree kargs --delete=rw');
  expect((await machine.run('rpm-ostree kargs')).stdout).toMatch(/^\$ignition_firstboot .* rw rootflags=/);
  expect(await reboot(machine)).toMatch(/ mitigations=off ostree=.* console=tty1 /);
});

test('a deployment that is not on disk does not boot; an older entry does', async () => {
  const machine = await bench(kind);
  const [checksum] = /[0-9a-f]{64}/.exec(entry(machine, 2)) ?? [''];
  machine.remove(`/ostree/boot.1/fedora-coreos/${checksum}`);
  expect(await machine.boot()).toMatchObject({ kind: 'dead', reason: expect.stringContaining('OSTree root') });
  machine.remove('/boot/loader.1/entries/ostree-2.conf');
  expect(await machine.boot()).toMatchObject({ kind: 'up' });
  expect((await machine.run('uname -r')).stdout).toBe('6.14.9-300.fc42.x86_64\n');
});

test.each([
  ['is empty', ''],
  ['is cut off before its kernel', 'title Fedora CoreOS (ostree:0)\nversion 2\noptions rw mitigations=auto'],
])('the older deployment boots when the newest entry %s', async (_, text) => {
  const machine = await bench(kind);
  machine.write('/boot/loader.1/entries/ostree-2.conf', text);
  expect(await machine.boot()).toMatchObject({ kind: 'up' });
  expect((await machine.run('uname -r')).stdout).toBe('6.14.9-300.fc42.x86_64\n');
});
