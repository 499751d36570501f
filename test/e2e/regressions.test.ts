import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import type { LabNode } from '../../src/lab/node.ts';
import { type Fleet, startFleet } from './fleet.ts';

// Each of these once happened.
const names = Array.from({ length: 9 }, (_, index) => `n${index}`);

let fleet: Fleet;
let node: LabNode;
let next = 0;
beforeAll(async () => {
  const others: Readonly<Record<string, string>> = { n7: 'centos-7-intel', n8: 'fedora-coreos-ostree' };
  fleet = await startFleet(names.map((name) => ({ name, kind: others[name] ?? 'debian-12-intel' })));
}, 120_000);
afterAll(() => fleet?.stop());
beforeEach(() => {
  node = fleet.lab.node(names[next] ?? 'more tests than nodes');
  next += 1;
});

const at = (file: string): string => path.join(node.root, file);

async function playbookOf(name: string, body: string): Promise<string> {
  const file = path.join(fleet.folder, `${name}.ts`);
  await writeFile(
    file,
    `import { command, file, kernelArguments, playbook, secret, sh } from 'vfleet';
export default playbook({ name: '${name}', async apply(host) { ${body} } });
`,
  );
  return file;
}

it('a guest whose process has another name refuses the reboot; a guest agent does not', async () => {
  await mkdir(at('proc/4711'), { recursive: true });
  await writeFile(at('proc/4711/comm'), 'web01\n');
  await symlink('/usr/bin/qemu-system-x86_64', at('proc/4711/exe'));
  expect((await fleet.one('apply', node.name)).host.failure?.code).toBe('guests.running');
  expect(node.counters.reboots).toBe(0);
});

it('qemu-ga, which runs in every virtual machine, is no guest', async () => {
  await mkdir(at('proc/321'), { recursive: true });
  await writeFile(at('proc/321/comm'), 'qemu-ga\n');
  expect((await fleet.one('apply', node.name)).host.failure).toBeNull();
});

it('a wish that shrinks while a reboot is due can still converge', async () => {
  await mkdir(at('proc/4711'), { recursive: true });
  await writeFile(at('proc/4711/comm'), 'qemu-system-x86\n');
  expect((await fleet.one('apply', node.name)).host.failure?.code).toBe('guests.running');
  const { host } = await fleet.one('apply', node.name, {
    guestsAllowed: true,
    args: { extraVars: ['allowUnsafeInterrupts=false'] },
  });
  expect(host.failure).toBeNull();
  expect(await readFile(at('proc/cmdline'), 'utf8')).not.toContain('allow_unsafe_interrupts');
});

it('Memtest86+ in the menu is judged by nobody', async () => {
  const extra = `#!/bin/sh
cat <<'END'
menuentry "Memory test (memtest86+x64.bin, serial console)" {
	linux16 /boot/memtest86+x64.bin console=ttyS0,115200n8
}
END
`;
  await writeFile(at('etc/grub.d/20_memtest86+'), extra, { mode: 0o755 });
  const { host } = await fleet.one('apply', node.name);
  expect(host.failure).toBeNull();
});

it('what another run wrote down as due is not overwritten', async () => {
  const record = at('var/lib/vfleet/state.json');
  const body = `await host.ensure(file('/etc/modprobe.d/x.conf', 'options x y=1\\n')); await host.settle();`;
  // Somebody else's record appears while the initramfs is built.
  const stop = node.listen((exchange) => {
    if (!exchange.stdin.includes('/var/lib/vfleet/jobs/')) return;
    stop();
    void writeFile(
      record,
      `${JSON.stringify({ version: 1, ownedArguments: { Other: ['a=b'] }, pending: [], stamp: null })}\n`,
    );
  });
  const { host } = await fleet.one('apply', node.name, { playbook: await playbookOf('modprobe', body) });
  stop();
  const found = JSON.parse(await readFile(record, 'utf8')) as { ownedArguments: Record<string, unknown> };
  expect(host.failure?.code).toBe('host.changed');
  expect(found.ownedArguments).toEqual({ Other: ['a=b'] });
});

it('a secret in the output of a failing command shows nowhere', async () => {
  const body = `await host.ensure(command('leak', sh\`echo \${secret('hunter2hunter2')}; exit 3\`, { always: true }));`;
  const { host } = await fleet.one('apply', node.name, { playbook: await playbookOf('leak', body) });
  expect(host.failure?.code).toBe('host.command-failed');
  expect(JSON.stringify(host)).not.toContain('hunter2hunter2');
});

it('a plan under which something more became due is refused', async () => {
  const planned = await fleet.one('plan', node.name, {
    playbook: await playbookOf('motd', `await host.ensure(file('/etc/motd', 'x\\n')); await host.settle();`),
  });
  await mkdir(at('var/lib/vfleet'), { recursive: true });
  const pending = [{ kind: 'reboot', reason: 'somebody else', present: [], absent: [] }];
  await writeFile(
    at('var/lib/vfleet/state.json'),
    JSON.stringify({ version: 1, ownedArguments: {}, pending, stamp: null }),
  );
  if (planned.host.plan === null) throw new Error('no plan');
  const { host } = await fleet.one('apply', node.name, {
    playbook: path.join(fleet.folder, 'motd.ts'),
    expected: new Map([[node.name, planned.host.plan]]),
  });
  expect(host.failure?.code).toBe('plan.differs');
  expect(node.counters.reboots).toBe(0);
});

it('arguments that only the boot entries have are not dropped', async () => {
  const config = at('boot/grub2/grub.cfg');
  const text = await readFile(config, 'utf8');
  await writeFile(config, text.replaceAll(/^(\s*linux16\s.*)$/gm, '$1 net.ifnames=0'));
  const { host, code } = await fleet.one('apply', node.name);
  expect(host.failure?.code).toBe('boot.lost-arguments');
  expect(code).toBe(3);
  expect(node.counters.reboots).toBe(0);
  expect(await readFile(config, 'utf8')).toContain('net.ifnames=0');
});

it('an initramfs that is due and that nobody can build is refused before anything is written', async () => {
  const record = { version: 1, ownedArguments: {}, pending: [{ kind: 'initramfs', reason: 'earlier' }], stamp: null };
  await mkdir(at('var/lib/vfleet'), { recursive: true });
  await writeFile(at('var/lib/vfleet/state.json'), JSON.stringify(record));
  const playbook = await playbookOf('motd-only', `await host.ensure(file('/etc/motd', 'x\\n')); await host.settle();`);
  for (const command of ['plan', 'apply'] as const) {
    expect((await fleet.one(command, node.name, { playbook })).host.failure?.code).toBe('initramfs.unsupported');
  }
  await expect(readFile(at('etc/motd'), 'utf8')).rejects.toThrow('ENOENT');
});
