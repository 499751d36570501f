import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { virtualFunctions } from '../../src/resources/virtual-functions.ts';
import { stateOf } from '../boot/files.ts';
import { nicFacts, pfAddress } from './nic.ts';
import { folder, shells } from './shells.ts';

/**
 * A kernel for the script: whatever it waits for, it sleeps, and this is what happens meanwhile. It makes and removes
 * functions, and gives one that is probed to what its driver_override says, else to iavf where probing is on.
 */
const kernel = `#!/bin/sh
sys=SYS
at=$sys/bus/pci/devices/${pfAddress}
want=$(cat $at/sriov_numvfs)
for link in $at/virtfn*; do
  [ ! -h "$link" ] || [ "$want" != 0 ] || { rm -rf "$sys/bus/pci/devices/$(basename "$(readlink "$link")")" "$link"; }
done
n=0
while [ $n -lt "$want" ]; do
  vf=0000:3b:02.$n
  if [ ! -d $sys/bus/pci/devices/$vf ]; then
    mkdir $sys/bus/pci/devices/$vf; : >$sys/bus/pci/devices/$vf/driver_override
    ln -s ../$vf $at/virtfn$n
    echo "made $vf autoprobe $(cat $at/sriov_drivers_autoprobe)" >>$sys/log
  fi
  n=$((n + 1))
done
vf=$(cat $sys/bus/pci/drivers_probe)
[ -z "$vf" ] || {
  driver=$(cat $sys/bus/pci/devices/$vf/driver_override)
  rm -f $sys/bus/pci/devices/$vf/driver
  ln -s ../../drivers/\${driver:-iavf} $sys/bus/pci/devices/$vf/driver
  echo "probe $vf autoprobe $(cat $at/sriov_drivers_autoprobe)" >>$sys/log
  : >$sys/bus/pci/drivers_probe
}
`;

interface Machine {
  readonly active?: number;
  readonly id?: string;
  readonly driver?: string | null;
}

function machine({ active = 0, id = '8086:1572', driver = 'i40e' }: Machine): {
  readonly root: string;
  readonly bin: string;
} {
  const root = folder();
  const bin = join(root, 'bin');
  const at = join(root, 'sys/bus/pci/devices', pfAddress);
  for (const made of [bin, at, join(root, 'sys/bus/pci/drivers')]) mkdirSync(made, { recursive: true });
  const [vendor = '', device = ''] = id.split(':');
  const files = {
    vendor: `0x${vendor}`,
    device: `0x${device}`,
    sriov_numvfs: `${active}`,
    sriov_drivers_autoprobe: '1',
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(at, name), `${text}\n`);
  if (driver !== null) symlinkSync(`../../drivers/${driver}`, join(at, 'driver'));
  writeFileSync(join(root, 'sys/bus/pci/drivers_probe'), '');
  const programs = { sleep: kernel.replace('SYS', join(root, 'sys')), modprobe: '#!/bin/sh\n', dmesg: '#!/bin/sh\n' };
  for (const [name, text] of Object.entries(programs)) {
    writeFileSync(join(bin, name), text);
    chmodSync(join(bin, name), 0o755);
  }
  if (active > 0) execFileSync(join(bin, 'sleep'));
  return { root, bin };
}

/** Runs the script that the resource writes, on another /sys. */
function run(shell: readonly string[], given: Machine, wish: { count: number; driver?: 'host' }) {
  const { root, bin } = machine(given);
  const facts = nicFacts({ functions: new Array<string>(given.active ?? 0).fill('iavf') });
  const change = virtualFunctions({ pf: { address: pfAddress }, ...wish }).change(stateOf({}), {
    host: 'node01',
    facts,
    ownedArguments: {},
  });
  const text =
    change?.actions.flatMap((one) => (one.kind === 'write' && one.path.endsWith('.sh') ? [one.text] : []))[0] ?? '';
  const script = join(root, 'script');
  writeFileSync(script, text.replaceAll('/sys/', `${root}/sys/`).replace('-le 300', '-le 5'));
  const [program = '', ...rest] = shell.filter((word) => word !== '-s');
  const path = `${bin}:${process.env['PATH']}`;
  const { status, stderr, stdout } = spawnSync(program, [...rest, script], { env: { PATH: path }, encoding: 'utf8' });
  const log = existsSync(join(root, 'sys/log')) ? readFileSync(join(root, 'sys/log'), 'utf8').trim().split('\n') : [];
  const drivers = [0, 1, 2].flatMap((index) => {
    const link = join(root, `sys/bus/pci/devices/0000:3b:02.${index}/driver`);
    return existsSync(join(link, '..'))
      ? [existsSync(link) || isLink(link) ? readlinkSync(link).split('/').at(-1) : null]
      : [];
  });
  return { status, stderr, stdout, log, drivers };
}

function isLink(path: string): boolean {
  return spawnSync('test', ['-h', path]).status === 0;
}

// busybox runs its own `sleep`, not the one on the path.
const able = shells.filter(([program]) => program !== 'busybox');

describe.each(able.map((shell) => [shell.join(' '), shell] as const))(
  'the script of the unit, by %s,',
  (_name, shell) => {
    it('makes functions with probing off, and gives them to vfio-pci with probing on', () => {
      const { status, stderr, log, drivers } = run(shell, {}, { count: 2 });
      expect([status, stderr, drivers]).toEqual([0, '', ['vfio-pci', 'vfio-pci']]);
      expect(log).toEqual([
        'made 0000:3b:02.0 autoprobe 0',
        'made 0000:3b:02.1 autoprobe 0',
        'probe 0000:3b:02.0 autoprobe 1',
        'probe 0000:3b:02.1 autoprobe 1',
      ]);
    });

    it('changes another number by way of 0', () => {
      const { status, drivers, log } = run(shell, { active: 3 }, { count: 2 });
      expect([status, drivers]).toEqual([0, ['vfio-pci', 'vfio-pci']]);
      expect(log.filter((line) => line.startsWith('made'))).toHaveLength(5);
    });

    it('leaves functions to the host', () => {
      const { status, log } = run(shell, {}, { count: 2, driver: 'host' });
      expect([status, log.slice(0, 2)]).toEqual([
        0,
        ['made 0000:3b:02.0 autoprobe 1', 'made 0000:3b:02.1 autoprobe 1'],
      ]);
    });

    it('takes all of them away where none are wished for', () => {
      const { status, drivers } = run(shell, { active: 2 }, { count: 0 });
      expect([status, drivers]).toEqual([0, []]);
    });

    it('does nothing to another device at the address', () => {
      const { status, stderr, log } = run(shell, { id: '15b3:1017' }, { count: 2 });
      expect([status, log]).toEqual([1, []]);
      expect(stderr).toContain('expected 8086:1572, found 15b3:1017');
    });

    it('gives up on a device that no driver takes', () => {
      const { status, stderr } = run(shell, { driver: null }, { count: 2 });
      expect(status).toBe(1);
      expect(stderr).toContain('no driver has taken it');
    });
  },
);

describe('the end of the unit', () => {
  /** Runs what the unit says of its end, on other folders. */
  function stop({ file, open }: { readonly file: boolean; readonly open: boolean }) {
    const { root } = machine({ active: 2 });
    const change = virtualFunctions({ pf: { address: pfAddress }, count: 2 }).change(stateOf({}), {
      host: 'node01',
      facts: nicFacts(),
      ownedArguments: {},
    });
    const [unit] = change?.actions ?? [];
    if (unit?.kind !== 'write') throw new Error('no unit');
    for (const made of ['etc/systemd/system', 'proc/4711/fd']) mkdirSync(join(root, made), { recursive: true });
    if (file) writeFileSync(join(root, unit.path), unit.text);
    if (open) symlinkSync('/dev/vfio/12', join(root, 'proc/4711/fd/9'));
    const command = /^ExecStop=(.*)$/m.exec(unit.text)?.[1] ?? 'false';
    const { status, stderr } = spawnSync('sh', ['-c', command.replace(/\/(etc|proc|sys)\//g, `${root}/$1/`)], {
      encoding: 'utf8',
    });
    const numvfs = join(root, 'sys/bus/pci/devices', pfAddress, 'sriov_numvfs');
    return { status, stderr, left: readFileSync(numvfs, 'utf8').trim() };
  }

  it('leaves the functions alone as long as its file is there: at a restart, at a shutdown', () => {
    expect(stop({ file: true, open: false })).toEqual({ status: 0, stderr: '', left: '2' });
  });

  it('takes them away once its file is gone, but not from a guest', () => {
    expect(stop({ file: false, open: false })).toEqual({ status: 0, stderr: '', left: '0' });
    const held = stop({ file: false, open: true });
    expect([held.status, held.left]).toEqual([1, '2']);
    expect(held.stderr).toContain('stay while a process has a device open');
  });
});

it('systemd takes the unit', ({ skip }) => {
  if (spawnSync('systemd-analyze', ['--version']).status !== 0) skip('there is no systemd-analyze here');
  const change = virtualFunctions({ pf: { address: pfAddress }, count: 2 }).change(stateOf({}), {
    host: 'node01',
    facts: nicFacts(),
    ownedArguments: {},
  });
  const [unit] = change?.actions ?? [];
  if (unit?.kind !== 'write') throw new Error('no unit');
  const path = join(folder(), 'vfleet-vfs.service');
  writeFileSync(path, unit.text);
  const { stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', path], { encoding: 'utf8' });
  expect(stderr.split('\n').filter((line) => line.includes('vfleet'))).toEqual([]);
});
