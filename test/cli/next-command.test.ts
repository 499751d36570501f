import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { environmentOf, motd, type Racks, startRacks } from './racks.ts';

// What is run next goes by the policy that was given, and is pasted as it stands there.
let racks: Racks;
beforeAll(async () => {
  racks = await startRacks([{ name: 'n1' }, { name: 'n2' }, { name: 'n3', rack: 'r2' }]);
  await racks.write('motd.ts', motd);
}, 240_000);
afterAll(() => racks?.stop());

const nextOf = (stdout: string): string => /^next: (vfleet .+?) {3}#/m.exec(stdout)?.[1] ?? '';

const policy = [
  ...['--canary', 'n1:&rack:r1', '--batches', '1,50%', '--per-rack', '1', '--max-failures', '34%'],
  ...[
    '--max-canary-failures',
    '0',
    '--soak',
    '1500ms',
    '--pause',
    '1s',
    '--window',
    'Mon-Sun 00:00-24:00 Europe/Berlin',
  ],
  ...['--max-connecting', '2', '--max-applying', '3', '--max-rebooting', '50%'],
];

it('after a plan is an apply by the same policy, that a shell reads as it was given', async () => {
  const { code, stdout, stderr } = await racks.vfleet(
    'plan',
    'motd.ts',
    '-p',
    '7',
    '--connect-timeout',
    '30',
    ...policy,
  );
  expect(code, stderr).toBe(2);
  const next = nextOf(stdout);
  expect(next).toMatch(/^vfleet apply .*motd\.ts/);
  const words = await wordsOf(next);
  for (const [at, word] of policy.entries()) {
    if (word.startsWith('--')) expect(words.join('\0')).toContain([word, policy[at + 1]].join('\0'));
  }
  expect(words.join(' ')).toContain('-p 7');
  expect(words.join(' ')).toContain('--connect-timeout 30');
  const saved = await racks.vfleet('plan', ...words.slice(2));
  expect(nextOf(saved.stdout)).toBe(next);
});

it('after a plan with the defaults names none of them', async () => {
  const { stdout } = await racks.vfleet('plan', 'motd.ts');
  expect(nextOf(stdout)).toBe('vfleet apply motd.ts');
  expect(nextOf((await racks.vfleet('plan', 'motd.ts', '--no-canary')).stdout)).toBe(
    'vfleet apply --no-canary motd.ts',
  );
});

it('after an apply has what it takes alone, and to verify takes no policy', async () => {
  await racks.lab.node('n3').setFaults({ refuseLogin: true });
  const own = ['--reboot-deadline', '7', '--reboot-with-guests', '--check-first', '--reboot-again'];
  const args = ['apply', 'motd.ts', '--yes', '--expect-hosts', '3', '--max-failures', '2', '--canary', 'n1', ...own];
  const failed = await racks.vfleet(...args.filter((word) => word !== '--check-first'));
  expect(failed.code).toBe(1);
  // A canary that is not among those that are left would be refused.
  expect(nextOf(failed.stdout)).toBe(
    'vfleet apply --max-failures 2 --reboot-deadline 7 --reboot-with-guests --reboot-again motd.ts -l n3',
  );
  await racks.lab.node('n3').setFaults({});
  const again = await racks.vfleet('apply', ...(await wordsOf(nextOf(failed.stdout))).slice(2), '--yes');
  expect(again.code, again.stderr).toBe(0);
  expect(nextOf(again.stdout)).toBe('vfleet verify motd.ts -l n3');
});

/** The words as a shell reads them. */
async function wordsOf(command: string): Promise<readonly string[]> {
  const { stdout } = await promisify(execFile)('sh', ['-c', `printf '%s\\0' ${command}`], { env: environmentOf('/') });
  return stdout.split('\0').slice(0, -1);
}
