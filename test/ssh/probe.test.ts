import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import type { Facts } from '../../src/facts/facts.ts';
import { parseFacts, probe } from '../../src/facts/probe.ts';
import { renderFacts } from '../../src/facts/render.ts';
import { parseSshPath } from '../../src/facts/ssh-path.ts';
import { type Account, runHere } from '../facts/run-probe.ts';

const shells: readonly (readonly string[])[] = [['dash'], ['bash'], ['bash', '--posix'], ['busybox', 'sh']];
const isRoot = process.getuid?.() === 0;
const nobody: Account = { uid: 65534, gid: 65534 };

/** Says why a test is left out; in CI that is a failure. */
function missing(why: string): void {
  if (process.env['CI'] === 'true') throw new Error(`needed in CI: ${why}`);
  console.log(`SKIPPED: ${why}`);
}

function isThere([command = '', ...words]: readonly string[]): boolean {
  return spawnSync(command, [...words, '-c', 'exit 0']).status === 0;
}

/** Without what changes from one moment to the next, and what is asked of the shell itself. */
function steady(facts: Facts): unknown {
  const { memory, log, guests, setup, hardware, ...rest } = facts;
  return {
    ...rest,
    setup: setup?.files,
    memory: { ...memory, availableKiB: null },
    hardware: { ...hardware, nodes: hardware?.nodes.map((node) => ({ ...node, freeKiB: null })) },
    source: log.source,
    libvirt: guests.libvirt,
  };
}

async function factsOf(shell: readonly string[], account?: Account): Promise<Facts> {
  const { code, sections, stderr } = await runHere(probe(), shell, account);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return parseFacts(sections);
}

test.each(shells.map((shell) => [shell.join(' '), shell] as const))(
  'the probe reads this machine under %s',
  async (_name, shell) => {
    if (!isThere(shell)) return missing(`${shell[0]} is not installed`);
    const facts = await factsOf(shell);
    expect(steady(facts)).toEqual(steady(await factsOf(['sh'])));
    expect(facts.identity.root).toBe(isRoot);
    expect(facts.kernel.running).toBe(spawnSync('uname', ['-r'], { encoding: 'utf8' }).stdout.trim());
    expect(facts.cpu.count).toBeGreaterThan(0);
    expect(facts.memory.totalKiB).toBeGreaterThan(0);
    expect(renderFacts(facts)).toContain(facts.kernel.running);
  },
);

test.each(shells.map((shell) => [shell.join(' '), shell] as const))(
  'and for a user without rights, under %s',
  async (_name, shell) => {
    if (!isThere(shell)) return missing(`${shell[0]} is not installed`);
    if (!isRoot) return missing('only root can run the probe as another user');
    const [own, others] = [await factsOf(shell), await factsOf(shell, nobody)];
    expect(others.identity).toEqual({ ...own.identity, root: false });
    // What anyone may read is the same; what one may not is unknown, and nothing else.
    expect([others.pci, others.iommu.groups, others.kernel.running]).toEqual([
      own.pci,
      own.iommu.groups,
      own.kernel.running,
    ]);
    for (const part of ['pci', 'net', 'block', 'nvme', 'usb'] as const) {
      expect(others.hardware?.[part]).toEqual(own.hardware?.[part]);
    }
    expect([own.iommu.firmware, null]).toContain(others.iommu.firmware);
    expect([own.boot.loader, 'unknown']).toContain(others.boot.loader);
    if (others.boot.entries !== null) expect(others.boot.entries).toEqual(own.boot.entries);
    if (others.log.lines === null) expect(others.log.source).toBeNull();
  },
);

test('the way of the SSH connection is found though sudo drops its variable', async () => {
  if (!isRoot || !isThere(['sudo', '-n', 'sh'])) return missing('sudo for root');
  const connection = '192.0.2.7 51514 192.0.2.31 22';
  const { sections } = await runHere(probe(), ['env', `SSH_CONNECTION=${connection}`, 'sudo', '-n', 'sh']);
  expect(parseSshPath(sections)?.address).toBe('192.0.2.31');
});
