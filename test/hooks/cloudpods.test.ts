import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type CloudpodsOptions, cloudpods } from '../../src/hooks/cloudpods.ts';
import { readHooks } from '../../src/hooks/read-hooks.ts';
import { runHook } from '../../src/hooks/run-hook.ts';
import type { Shell } from '../../src/shell/shell.ts';

// No Cloudpods is to be had here: climc.sh takes the command lines that its source and its documentation take.
const server = '4d0d9fbc-9e3a-4a07-8d2c-0ab3b1e6a001';
const stopped = '4d0d9fbc-9e3a-4a07-8d2c-0ab3b1e6a002';

let folder: string;
let before: string | undefined;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'vfleet-climc-'));
  await mkdir(path.join(folder, 'bin'));
  await copyFile(fileURLToPath(new URL('climc.sh', import.meta.url)), path.join(folder, 'bin/climc'));
  await writeFile(path.join(folder, 'enabled'), 'true\n');
  await writeFile(path.join(folder, 'servers'), `${server} running\n${stopped} ready\n`);
  before = process.env['PATH'];
  process.env['PATH'] = `${path.join(folder, 'bin')}:${before}`;
  process.env['CLIMC_STATE'] = folder;
});
afterEach(async () => {
  process.env['PATH'] = before;
  await rm(folder, { recursive: true, force: true });
});

const asked = async (): Promise<readonly string[]> =>
  (await readFile(path.join(folder, 'log'), 'utf8')).trim().split('\n');

async function run(name: 'drain' | 'undrain', options: CloudpodsOptions = {}): Promise<void> {
  const hook = readHooks(cloudpods(options), 'test')[name];
  if (hook === undefined) throw new Error(`no ${name}`);
  const host = { name: 'node07', address: '::1', port: 22, rack: null, groups: [], vars: { id: 'h-07' }, run: 'r' };
  await runHook({
    ...{ name, hook, host: { ...host, say: () => {} } },
    // Nothing of it runs on the host.
    shell: {} as Shell,
    sleep: (_, signal) => new Promise((resolve) => signal.addEventListener('abort', () => resolve())),
    abandon: new AbortController().signal,
  });
}

it('disables the host, proves that it is, and moves away what runs there', async () => {
  await run('drain', { idFrom: 'id', options: ['--skip-cpu-check', '--prefer-host=node08'] });
  expect(await asked()).toEqual([
    'host-disable h-07',
    'host-show h-07',
    'server-list --host h-07 --admin --system --limit 2048',
    `server-live-migrate --skip-cpu-check --prefer-host node08 ${server}`,
    'server-list --host h-07 --admin --system --limit 2048',
  ]);
  await run('undrain', { idFrom: 'id' });
  expect((await asked()).slice(-2)).toEqual(['host-enable h-07', 'host-show h-07']);
  expect(await readFile(path.join(folder, 'enabled'), 'utf8')).toBe('true\n');
}, 60_000);

it('leaves servers where they are when told so', async () => {
  await run('drain', { migrate: false });
  expect(await asked()).toEqual(['host-disable node07', 'host-show node07']);
});

it('fails where the host is not disabled or enabled after all, though climc exits 0', async () => {
  await writeFile(path.join(folder, 'denied'), '');
  await expect(run('drain')).rejects.toThrow(
    /climc host-disable node07: enabled: true; climc said: 403 node07 Forbidden/,
  );
  await writeFile(path.join(folder, 'enabled'), 'false\n');
  await expect(run('undrain')).rejects.toThrow(/climc host-enable node07: enabled: false/);
});

it('fails at once where a server cannot be moved', async () => {
  await writeFile(path.join(folder, 'migrate-fails'), '');
  await expect(run('drain')).rejects.toThrow(new RegExp(`${server}.*migrate_failed`, 's'));
}, 60_000);
