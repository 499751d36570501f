import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Lab, startLab } from '../../src/lab/lab.ts';
import { builtinMachineKinds } from '../../src/lab/machine-kind.ts';
import { compareSnapshots } from '../../src/lab/snapshot.ts';
import { logIn } from './client.ts';

// Those captured from virtual machines differ in nothing that is asked here.
const kinds = (await builtinMachineKinds()).filter(({ name }) => !name.startsWith('qemu-'));
let lab: Lab;

beforeAll(async () => {
  lab = await startLab({ nodes: kinds.map((kind) => ({ name: kind.name, rack: 'r1', kind })), bootMs: 50 });
});

afterAll(async () => {
  await lab.stop();
});

async function run(name: string, command: string): Promise<string> {
  const client = await logIn(lab, name);
  const ran = await client.run(command);
  client.end();
  expect(ran.stderr).toBe('');
  return ran.stdout;
}

describe.each(kinds.map((kind) => kind.name))('%s', (name) => {
  it('is the machine that its kind describes', async () => {
    const { settings } = lab.node(name).kind;
    const said = await run(name, '. /etc/os-release; echo "$PRETTY_NAME"; uname -r; uname -n; lspci -D | wc -l');
    const [title, release, host, devices] = said.split('\n');
    expect(title).toBe(settings.distribution.prettyName);
    expect(settings.kernels.map((kernel) => kernel.release)).toContain(release);
    expect(host).toBe(name);
    expect(Number(devices)).toBe(settings.pci.length);
  });

  it('is not changed by being looked at', async () => {
    const before = await lab.node(name).snapshot({ kernel: true });
    await run(name, 'cat /proc/cmdline /proc/modules; lsmod; lspci -nnk; uname -a; systemctl is-system-running || :');
    expect(compareSnapshots(before, await lab.node(name).snapshot({ kernel: true }))).toEqual([]);
  });

  it('reboots with another boot id and the same arguments, and nothing else on its disk changes', async () => {
    const node = lab.node(name);
    // Another kernel where one was installed since: only what follows its name is the same.
    const look = "cat /proc/sys/kernel/random/boot_id; sed 's/^BOOT_IMAGE=[^ ]* //' /proc/cmdline";
    const [id, ...rest] = (await run(name, look)).split('\n');
    const before = await node.snapshot({ times: false });
    const client = await logIn(lab, name);
    void client.run('reboot');
    await client.closed;
    await node.until('up');
    const [newId, ...newRest] = (await run(name, look)).split('\n');
    expect(newId).not.toBe(id);
    expect(newRest).toEqual(rest);
    const changes = compareSnapshots(before, await node.snapshot({ times: false }));
    expect(changes.filter((line) => !/^. \/var\/(lib|log)\//.test(line))).toEqual([]);
    expect(node.counters.reboots).toBe(1);
  });
});
