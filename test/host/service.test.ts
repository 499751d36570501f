import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { serviceScript } from '../../src/host/service.ts';
import type { Output } from '../../src/shell/shell.ts';
import { folder, run, shells } from '../resources/shells.ts';

let bin: string;
let said: string;
let fragment: string;
beforeEach(() => {
  bin = folder();
  said = join(bin, 'said');
  fragment = join(bin, 'x.service');
});

/** Programs that note what they are asked, and know one unit. */
function program(name: string, text: string): void {
  writeFileSync(join(bin, name), `#!/bin/sh\n${text}\n`);
  chmodSync(join(bin, name), 0o755);
}

function systemd(known: { readonly fragment: string; readonly state: string; readonly restart?: number }): void {
  program(
    'systemctl',
    `case "$*" in
  'show -p FragmentPath x.service') echo 'FragmentPath=${known.fragment}' ;;
  'show -p LoadState x.service') echo 'LoadState=${known.state}' ;;
  *) echo "$*" >>${said}; case $1 in restart) exit ${known.restart ?? 0} ;; esac ;;
esac`,
  );
  program('journalctl', "printf '%s\\n' 'Starting x' '0000:03:00.0: no driver' 'x.service: Main process exited'");
}

async function restart(leaving: boolean, shell?: readonly string[]): Promise<{ output: Output; asked: string[] }> {
  rmSync(said, { force: true });
  const output = await run(serviceScript('x.service', leaving), shell, {
    env: { PATH: `${bin}:${process.env['PATH']}` },
  });
  const asked = existsSync(said) ? readFileSync(said, 'utf8').trim().split('\n') : [];
  return { output, asked };
}

describe.each(shells.map((shell) => [shell.join(' '), shell] as const))('a unit, by %s,', (_name, shell) => {
  it('is restarted after systemd has read its file', async () => {
    writeFileSync(fragment, '');
    systemd({ fragment, state: 'loaded' });
    const { output, asked } = await restart(false, shell);
    expect([output.code, asked]).toEqual([0, ['daemon-reload', 'restart x.service']]);
  });

  it('whose file has gone is stopped, by what the file said', async () => {
    systemd({ fragment, state: 'loaded' });
    const { output, asked } = await restart(true, shell);
    expect([output.code, asked]).toEqual([0, ['stop x.service', 'daemon-reload']]);
  });

  it('that never ran is no fault of an undo, but of an apply', async () => {
    systemd({ fragment: '', state: 'not-found', restart: 5 });
    expect((await restart(true, shell)).output.code).toBe(0);
    expect((await restart(false, shell)).output.code).toBe(5);
  });

  it('that fails says why, without the words of systemd', async () => {
    systemd({ fragment: '', state: 'loaded', restart: 1 });
    const { output } = await restart(false, shell);
    expect(output.code).toBe(1);
    expect(output.stdout.toString().trim().split('\n')).toEqual([
      'systemctl restart x.service failed',
      '0000:03:00.0: no driver',
    ]);
  });
});
