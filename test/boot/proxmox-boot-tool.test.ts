import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BootPlan } from '../../src/boot/driver.ts';
import type { OwnedArguments } from '../../src/boot/owned.ts';
import { printEsps } from '../../src/boot/print-esps.ts';
import { proxmoxBootTool } from '../../src/boot/proxmox-boot-tool.ts';
import { writeProxmoxEntries } from '../../src/boot/proxmox-entries.ts';
import { judgeEsp, parseEsps } from '../../src/boot/proxmox-esp.ts';
import type { ArgumentWish } from '../../src/boot/wish.ts';
import type { Facts } from '../../src/facts/facts.ts';
import { run, shells } from '../resources/shells.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { factsOf } from './facts.ts';
import { stateOf } from './files.ts';

const cmdline = '/etc/kernel/cmdline';
const grub = '/etc/default/grub';
const zfs = 'root=ZFS=rpool/ROOT/pve-1 boot=zfs';
const wish: ArgumentWish = { present: ['intel_iommu=on', 'iommu=pt'], absent: [] };
const nothing: ArgumentWish = { present: [], absent: [] };

function hostOf(running: string, kind: 'uefi' | 'bios' = 'uefi'): Facts {
  const facts = factsOf({ boot: { loader: 'proxmox-boot-tool', configPath: null, running } });
  return { ...facts, firmware: { ...facts.firmware, kind } };
}

const bySystemdBoot = hostOf(`initrd=\\EFI\\proxmox\\6.8.12-4-pve\\initrd.img-6.8.12-4-pve ${zfs}`);
const byGrub = hostOf(`BOOT_IMAGE=/vmlinuz-6.8.12-4-pve ${zfs} quiet`);

function entry(release: string, options: string): string {
  return `title    Proxmox Virtual Environment\nversion  ${release}\noptions  ${options}\nlinux    /EFI/proxmox/${release}/vmlinuz-${release}\n`;
}

function menu(options: string): string {
  return `### BEGIN /etc/grub.d/10_linux ###\nmenuentry 'Proxmox' {\n\tlinux /vmlinuz-6.8.12-4-pve ${options}\n}\n### END /etc/grub.d/10_linux ###\n`;
}

interface Given {
  readonly files: Readonly<Record<string, string>>;
  readonly facts?: Facts;
  readonly esps?: string;
  readonly info?: string;
  readonly owned?: OwnedArguments;
}

/** One partition, set up for what starts the host, as far as command line and variable tell. */
function espOf({ boot, firmware }: Facts, info: string): string {
  const signs = `${boot.running} ${info}`;
  if (firmware.kind === 'bios' || /BOOT_IMAGE=|GRUB/.test(signs)) return '\n### ESP 654E-D6BD grub ###\n';
  return /initrd=|systemd-boot/.test(signs) ? '\n### ESP 654E-D6BD systemd-boot ###\n' : '';
}

function plan(
  given: ArgumentWish,
  { files, facts = bySystemdBoot, info = '', esps = espOf(facts, info), owned = {} }: Given,
): BootPlan {
  const said = (stdout: string) => ({ code: 0, stdout });
  const state = stateOf(files, { esps: said(esps), loader: said(info) });
  return proxmoxBootTool.plan(given, { host: 'node01', facts, owned, state });
}

it('T4: Proxmox with ZFS and UEFI, where editing GRUB does nothing, is edited where it boots from', () => {
  // What `update-grub` would take up, and the firmware never reads.
  const files = { [cmdline]: `${zfs}\n`, [grub]: 'GRUB_CMDLINE_LINUX_DEFAULT="quiet intel_iommu=on iommu=pt"\n' };
  const first = plan(wish, { files, info: 'systemd-boot 252.31-1~deb12u1' });
  expect(first.files).toMatchObject([{ path: cmdline, after: `${zfs} intel_iommu=on iommu=pt\n` }]);
  expect(first.ownedTokens).toEqual({ [cmdline]: wish.present });
  // And what was written takes effect only when the entries have it.
  const esps = `\n### ESP 654E-D6BD systemd-boot ###\n\n### entry a.conf ###\n${entry('6.8.12-4-pve', zfs)}`;
  const due = { kind: 'boot-configuration', reason: 'x', ...wish } as const;
  expect(proxmoxBootTool.judgeReadBack(esps, due)).toEqual([
    'ESP 654E-D6BD: boot entry a.conf lacks intel_iommu=on, lacks iommu=pt',
  ]);
});

it('with GRUB on its partitions is edited by the drop-in, and /etc/kernel/cmdline is not', () => {
  const files = { [cmdline]: `${zfs}\n`, [grub]: 'GRUB_CMDLINE_LINUX=""\n' };
  for (const facts of [byGrub, hostOf(`BOOT_IMAGE=/vmlinuz-5.15 ${zfs}`, 'bios')]) {
    expect(plan(wish, { files, facts }).files.map(({ path }) => path)).toEqual(['/etc/default/grub.d/99-vfleet.cfg']);
  }
});

it('undoes to the bytes before, and a second run finds nothing to do', () => {
  const token = fc.constantFrom(
    'quiet',
    'iommu=pt',
    'iommu=nopt',
    'intel_iommu=on',
    'console=tty0',
    'a=b=c',
    'x="y z"',
  );
  const text = fc
    .tuple(
      fc.array(fc.tuple(token, fc.constantFrom(' ', '  ')), { maxLength: 6 }),
      fc.constantFrom('', '\n', ' \n', '\n\n'),
    )
    .map(([tokens, end]) => `${zfs}${tokens.map(([word, gap]) => gap + word).join('')}${end}`);
  fc.assert(
    fc.property(text, (before) => {
      const first = plan(wish, { files: { [cmdline]: before } });
      const after = first.files[0]?.after ?? before;
      expect(plan(wish, { files: { [cmdline]: after }, owned: first.ownedTokens }).files).toEqual([]);
      const undone = plan(nothing, { files: { [cmdline]: after }, owned: first.ownedTokens });
      expect(undone.files[0]?.after ?? after).toBe(before);
    }),
    { numRuns: 200 },
  );
});

describe('who starts the host', () => {
  const files = { [cmdline]: `${zfs}\n`, [grub]: 'GRUB_CMDLINE_LINUX=""\n' };
  const bare = hostOf(zfs);
  it.each([
    ['the EFI variable', { facts: bare, info: 'systemd-boot 252' }, cmdline],
    ['the command line', { facts: bySystemdBoot }, cmdline],
    ['its partitions', { facts: bare, esps: '\n### ESP AAAA-0001 systemd-boot ###\n' }, cmdline],
    ['the EFI variable of GRUB 2.12', { facts: bare, info: 'GRUB 2.12' }, '/etc/default/grub.d/99-vfleet.cfg'],
  ] as const)('is told by %s', (_why, given, path) => {
    expect(plan(wish, { files, ...given }).files.map((file) => file.path)).toEqual([path]);
  });

  it.each([
    [
      'the variable and the command line',
      { facts: byGrub, info: 'systemd-boot 252' },
      /systemd-boot \(EFI.*grub \(BOOT_IMAGE/,
    ],
    [
      'partitions',
      { facts: bare, esps: '\n### ESP A-1 grub ###\n\n### ESP A-2 systemd-boot ###\n' },
      /ESP A-1.*ESP A-2/,
    ],
    ['nothing at all', { facts: bare }, /found none/],
  ] as const)('is refused where it is contradicted by %s', (_why, given, words) => {
    expect(() => plan(wish, { files, ...given })).toThrow(words);
    expect(() => plan(wish, { files, ...given })).toThrow(expect.objectContaining({ code: 'boot.contradictory' }));
  });
});

describe('judging', () => {
  const good = `${zfs} intel_iommu=on iommu=pt`;
  const esp = (uuid: string, kind: string, body = ''): string => `\n### ESP ${uuid} ${kind} ###\n${body}`;
  const judge = (text: string) =>
    proxmoxBootTool.judgeReadBack(text, { kind: 'boot-configuration', reason: 'x', ...wish });
  const one = (name: string, options: string): string => `\n### entry ${name} ###\n${entry('6.8', options)}`;

  it('looks at every entry of every partition', () => {
    const first = esp('A-1', 'systemd-boot', one('a.conf', good) + one('b.conf', `${zfs} iommu=pt`));
    expect(judge(first + esp('A-2', 'systemd-boot', one('a.conf', zfs)))).toEqual([
      'ESP A-1: boot entry b.conf lacks intel_iommu=on',
      'ESP A-2: boot entry a.conf lacks intel_iommu=on, lacks iommu=pt',
    ]);
    expect(judge(esp('A-1', 'grub', menu(good)) + esp('A-2', 'grub', menu(zfs)))).toEqual([
      'ESP A-2: boot entry "Proxmox" lacks intel_iommu=on, lacks iommu=pt',
    ]);
  });

  it('is content without a partition that is gone, but not without any', () => {
    expect(judge(esp('A-1', 'absent') + esp('A-2', 'systemd-boot', one('a.conf', good)))).toEqual([]);
    expect(judge(esp('A-1', 'absent'))).toEqual(['none of the listed EFI system partitions could be read']);
    expect(judge('')).toEqual(['none of the listed EFI system partitions could be read']);
    expect(judge(esp('A-1', 'unreadable'))).toEqual(['ESP A-1 cannot be mounted']);
    expect(judge(esp('A-1', 'systemd-boot'))).toEqual(['ESP A-1 has no boot entry with a Linux kernel']);
  });
});

/** Partitions as folders, and `mount` that lays a link to one of them; it keeps a log. */
function labOf(files: Readonly<Record<string, string>>): { readonly root: string; readonly env: NodeJS.ProcessEnv } {
  const root = temporaryFolder('proxmox');
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  mkdirSync(join(root, 'bin'));
  mkdirSync(join(root, 'tmp'));
  mkdirSync(join(root, 'over'));
  const tool = (name: string, text: string): void =>
    writeFileSync(join(root, 'bin', name), `#!/bin/sh\necho "${name} $*" >>${root}/log\n${text}\n`, { mode: 0o755 });
  tool(
    'mount',
    `for last in "$@"; do dir=$last; done
for word in "$@"; do case $word in UUID=*) uuid=\${word#UUID=};; esac; done
[ -d ${root}/esp/$uuid ] || exit 32
case $* in
  *'-o ro'*) cp -r ${root}/esp/$uuid/. "$dir" ;;
  *) rmdir "$dir" && ln -s ${root}/esp/$uuid "$dir" ;;
esac && echo "$dir" >>${root}/mounted`,
  );
  tool('unshare', 'while [ "$1" != sh ] && [ "$1" != true ]; do shift; done\nexec "$@"');
  tool('umount', `if [ -h "$1" ]; then rm "$1"; mkdir "$1"; else find "$1" -mindepth 1 -delete; fi`);
  tool('proxmox-boot-tool', ':');
  // As the real one: everything that is mounted, for what is named by an empty word.
  tool('findmnt', 'for word in "$@"; do [ -n "$word" ] || echo /; done; exit 1');
  return { root, env: { PATH: `${root}/bin:/usr/bin:/bin`, TMPDIR: join(root, 'tmp') } };
}

describe.each(shells.map((shell) => ({ shell, name: shell.join(' ') })))('under $name', ({ shell }) => {
  const lab = labOf({
    uuids: '654E-D6BD\n\n# a remark\n6550-5CBE\nDEAD-0000',
    'esp/654E-D6BD/loader/entries/proxmox-6.8.12-4-pve.conf': entry('6.8.12-4-pve', zfs),
    'esp/654E-D6BD/loader/entries/proxmox-6.8.4-2-pve.conf': entry('6.8.4-2-pve', zfs),
    'esp/6550-5CBE/EFI/proxmox/grubx64.efi': 'x',
    'esp/6550-5CBE/grub/grub.cfg': menu(zfs),
    'esp/6550-5CBE/grub/grubenv': '# GRUB Environment Block\n',
  });

  it('reads each partition, mounted read-only, and leaves none mounted', async () => {
    writeFileSync(join(lab.root, 'log'), '');
    const over = join(lab.root, 'over');
    const { code, stdout } = await run(printEsps(join(lab.root, 'uuids'), lab.root, over), shell, { env: lab.env });
    expect(code).toBe(0);
    const esps = parseEsps(stdout.toString());
    expect(esps.map(({ uuid, kind }) => [uuid, kind])).toEqual([
      ['654E-D6BD', 'systemd-boot'],
      ['6550-5CBE', 'grub'],
      ['DEAD-0000', 'absent'],
    ]);
    expect(esps[0]?.entries.map(({ name }) => name)).toEqual(['proxmox-6.8.12-4-pve.conf', 'proxmox-6.8.4-2-pve.conf']);
    expect(esps.flatMap((esp) => judgeEsp(esp, { present: ['iommu=pt'], absent: [] }))).toHaveLength(3);
    const log = readFileSync(join(lab.root, 'log'), 'utf8').split('\n');
    const mounts = log.filter((line) => line.startsWith('mount '));
    expect(mounts).toHaveLength(3);
    for (const line of mounts) expect(line).toMatch(/ -o ro UUID=/);
    expect(new Set(readFileSync(join(lab.root, 'mounted'), 'utf8').trim().split('\n'))).toEqual(new Set([over]));
    expect(log.filter((line) => line === `umount ${over}`)).toHaveLength(2);
    expect(readdirSync(over)).toEqual([]);
    expect(readdirSync(join(lab.root, 'tmp'))).toEqual([]);
  });

  it('takes every partition for one of GRUB without UEFI', async () => {
    const script = printEsps(join(lab.root, 'uuids'), join(lab.root, 'none'), join(lab.root, 'over'));
    const { stdout } = await run(script, shell, { env: lab.env });
    expect(parseEsps(stdout.toString()).map(({ kind }) => kind)).toEqual(['grub', 'grub', 'absent']);
  });

  it('prints nothing where there is no list', async () => {
    const { stdout } = await run(printEsps(join(lab.root, 'nowhere')), shell, { env: lab.env });
    expect(parseEsps(stdout.toString())).toEqual([]);
  });

  describe('writing entries', () => {
    const first = 'esp/654E-D6BD/loader/entries';
    const second = 'esp/6550-5CBE/loader/entries';
    const name = 'proxmox-6.8.12-4-pve.conf';
    const wished = String.raw`${zfs} dyndbg="file a\tb +p" iommu=pt`;
    const host = (files: Readonly<Record<string, string>> = {}): ReturnType<typeof labOf> =>
      labOf({
        uuids: '654E-D6BD\n6550-5CBE\nDEAD-0000',
        cmdline: `${wished}\nno second line`,
        [`${first}/${name}`]: entry('6.8.12-4-pve', zfs),
        [`${first}/proxmox-6.8.4-2-pve.conf`]: entry('6.8.4-2-pve', wished),
        [`${first}/memtest.conf`]: 'title memtest\noptions none\n',
        [`${second}/${name}`]: entry('6.8.12-4-pve', zfs),
        ...files,
      });
    const write = ({ root, env }: ReturnType<typeof labOf>) =>
      run(writeProxmoxEntries(join(root, 'uuids'), root, join(root, 'cmdline'), join(root, 'over')), shell, { env });
    const logOf = ({ root }: ReturnType<typeof labOf>): string => readFileSync(join(root, 'log'), 'utf8');

    it('brings the arguments into each, leaves all else, and leaves nothing mounted', async () => {
      const at = host();
      expect((await write(at)).code).toBe(0);
      for (const folder of [first, second])
        expect(readFileSync(join(at.root, folder, name), 'utf8')).toBe(entry('6.8.12-4-pve', wished));
      expect(readFileSync(join(at.root, first, 'memtest.conf'), 'utf8')).toContain('options none');
      expect(readdirSync(join(at.root, first))).toHaveLength(3);
      expect(readdirSync(join(at.root, 'tmp'))).toEqual([]);
      expect(logOf(at)).not.toContain('proxmox-boot-tool');
      const before = statSync(join(at.root, first, name)).ino;
      expect((await write(at)).stdout.toString()).toBe('');
      expect(statSync(join(at.root, first, name)).ino).toBe(before);
    });

    it.each([
      ['GRUB starts one', { 'esp/6550-5CBE/EFI/proxmox/grubx64.efi': 'x' }],
      ['one has no entry yet', { [`${second}/${name}`]: '' }],
      ['the first line has no root=, of which the tool tells', { cmdline: '\nroot=x' }],
    ])('leaves it to the tool where %s', async (_, files) => {
      const at = host(files);
      expect((await write(at)).code).toBe(0);
      expect(logOf(at)).toContain('proxmox-boot-tool refresh\n');
      expect(readdirSync(join(at.root, 'tmp'))).toEqual([]);
    });
  });
});
