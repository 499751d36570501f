import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../temporary-folder.ts';
import { canRun } from './requirements.ts';
import { type Sshd, startSshd } from './sshd.ts';
import { createUser, type TemporaryUser } from './temporary-user.ts';

const program = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the program as a user would, with a home of its own. */
function vfleet(sshd: Sshd, args: readonly string[]): Promise<Ended> {
  const home = join(sshd.folder, 'controller');
  mkdirSync(home, { recursive: true });
  const env = { PATH: process.env['PATH'] ?? '', HOME: home, NO_COLOR: '1' };
  const child = spawn(process.execPath, [program, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout.on('data', (bytes: Buffer) => out.push(bytes));
  child.stderr.on('data', (bytes: Buffer) => err.push(bytes));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => {
      resolve({ code, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() });
    });
  });
}

/** An inventory with this machine in it. */
function inventoryOf(sshd: Sshd, extra = ''): string {
  const file = join(sshd.folder, 'hosts.yaml');
  writeFileSync(
    file,
    `all:
  hosts:
    here:
      ssh: { address: 127.0.0.1, port: ${sshd.port}, user: ${sshd.user}, keyFile: ${sshd.keyFile}, knownHosts: ${sshd.knownHosts}${extra} }
`,
  );
  return file;
}

interface Document {
  readonly exitCode: number;
  readonly hosts: readonly {
    readonly name: string;
    readonly state: string;
    readonly facts: {
      readonly kernel: { readonly running: string };
      readonly identity: { readonly root: boolean };
    } | null;
    readonly checks: readonly {
      readonly check: string;
      readonly outcome: string;
      readonly evidence: readonly string[];
    }[];
  }[];
}

describe.skipIf(!canRun('vfleet over a real sshd', ['sshd']))('vfleet on this very Linux, over a real sshd', () => {
  let sshd: Sshd;
  let inventory: string;
  beforeAll(async () => {
    sshd = await startSshd();
    inventory = inventoryOf(sshd, ', elevate: none');
  });
  afterAll(() => sshd?.stop());

  it('facts says what this machine says of itself', async () => {
    const { code, stdout } = await vfleet(sshd, ['facts', '-i', inventory, '--json']);
    expect(code).toBe(0);
    const [host] = (JSON.parse(stdout) as Document).hosts;
    expect(host?.state).toBe('ok');
    expect(host?.facts?.kernel.running).toBe(release());
    expect(host?.facts?.identity.root).toBe(process.getuid?.() === 0);
    const text = await vfleet(sshd, ['facts', '-i', inventory]);
    expect(text.stdout).toContain(release());
  });

  it('verify judges it, and leaves nothing behind', async () => {
    const { code, stdout } = await vfleet(sshd, ['verify', 'passthrough', '-i', inventory, '--json']);
    const document = JSON.parse(stdout) as Document;
    const outcomes = new Map(document.hosts[0]?.checks.map(({ check, outcome }) => [check, outcome]));
    expect([...outcomes.keys()]).toEqual([
      'iommu-in-firmware',
      'iommu-active',
      'kernel-arguments-active',
      'vfio-loaded',
      'devices-bound',
    ]);
    const good = [...outcomes.values()].every((outcome) => outcome === 'pass' || outcome === 'not-applicable');
    expect(code).toBe(good ? 0 : 1);
    expect(document.exitCode).toBe(code);
    // The arguments can be judged by hand: this is what the check must come to where they do not run.
    const running = readFileSync('/proc/cmdline', 'utf8').trim().split(/\s+/);
    if (!running.includes('iommu=pt')) expect(outcomes.get('kernel-arguments-active')).toBe('fail');
    const groups = execFileSync('sh', ['-c', 'ls /sys/kernel/iommu_groups 2>/dev/null | wc -l'], { encoding: 'utf8' });
    if (groups.trim() === '0') expect(outcomes.get('iommu-active')).not.toBe('pass');
    const evidence = document.hosts[0]?.checks.flatMap((check) => check.evidence) ?? [];
    expect(evidence.join('\n')).toContain(readFileSync('/proc/cmdline', 'utf8').trim().slice(0, 60));
    expect(
      execFileSync('sh', ['-c', 'ls -d /var/lib/vfleet 2>/dev/null || echo none'], { encoding: 'utf8' }).trim(),
    ).toBe('none');
  });

  it('a server whose key is not known is refused before anything is asked of it', async () => {
    const unknown = join(sshd.folder, 'nobody-known');
    writeFileSync(unknown, '');
    const file = inventoryOf(sshd, ', elevate: none');
    writeFileSync(file, readFileSync(file, 'utf8').replace(sshd.knownHosts, unknown));
    const { code, stdout, stderr } = await vfleet(sshd, ['facts', '-i', file]);
    inventory = inventoryOf(sshd, ', elevate: none');
    expect(code).toBe(1);
    expect(stdout + stderr).toMatch(/unreachable/);
    expect(stdout + stderr).toMatch(/SHA256:/);
  });
});

describe.skipIf(!canRun('vfleet with sudo', ['sshd', 'sudo', 'useradd', 'chpasswd'], true))(
  'vfleet as a user with sudo',
  () => {
    let sshd: Sshd;
    let user: TemporaryUser;
    beforeAll(async () => {
      const folder = temporaryFolder('sudo-cli');
      chmodSync(folder, 0o755);
      user = createUser(folder);
      sshd = await startSshd({ user: user.name });
    });
    afterAll(async () => {
      await sshd?.stop();
      user?.remove();
    });

    it('reads as root with the password, which shows nowhere', async () => {
      user.rules('ALL=(ALL:ALL) ALL');
      user.forget();
      const inventory = inventoryOf(sshd, `, elevate: sudo, elevatePassword: '${user.password}'`);
      const { code, stdout, stderr } = await vfleet(sshd, ['facts', '-i', inventory, '--json']);
      expect(code).toBe(0);
      expect((JSON.parse(stdout) as Document).hosts[0]?.facts?.identity.root).toBe(true);
      const journals = execFileSync(
        'sh',
        ['-c', `cat ${sshd.folder}/controller/.local/state/vfleet/runs/*/journal.jsonl`],
        {
          encoding: 'utf8',
          maxBuffer: 1e8,
        },
      );
      expect(stdout + stderr + journals).not.toContain(user.password);
      expect(user.failures()).toBe(0);
    });

    it('a wrong password ends in one failed attempt and a clear error', async () => {
      user.rules('ALL=(ALL:ALL) ALL');
      user.forget();
      const inventory = inventoryOf(sshd, ", elevate: sudo, elevatePassword: 'Wrong-1234'");
      const { code, stdout, stderr } = await vfleet(sshd, ['facts', '-i', inventory]);
      expect(code).toBe(1);
      expect(stdout + stderr).toMatch(/password/);
      expect(stdout + stderr).not.toContain('Wrong-1234');
      expect(user.failures()).toBe(1);
    });
  },
);
