import { describe, expect, test } from 'vitest';
import { decideLoader, type LoaderEvidence } from '../../src/boot/loader.ts';

const nothing: LoaderEvidence = {
  firmware: 'bios',
  osId: 'linux',
  ostree: false,
  tools: [],
  files: [],
  locked: [],
  loaderInfo: null,
  blsEnabled: false,
  espMounts: [],
  efiLink: null,
  configs: new Map(),
};
const menu = "menuentry 'x' { }";
const stub = 'search.fs_uuid 1 root\nset prefix=($root)/grub2\nconfigfile $prefix/grub.cfg\n';
const mkconfig = ['/usr/sbin/grub2-mkconfig'];

function decide(seen: Partial<LoaderEvidence>, texts: Readonly<Record<string, string>> = {}) {
  const files = [...(seen.files ?? []), ...Object.keys(texts)];
  return decideLoader({ ...nothing, ...seen, files, configs: new Map(Object.entries(texts)) });
}

describe('the family', () => {
  test('update-grub: the tool and /boot/grub/grub.cfg, with UEFI too', () => {
    const tools = ['/usr/sbin/update-grub', '/usr/sbin/grub-mkconfig'];
    const texts = { '/boot/grub/grub.cfg': menu, '/boot/efi/EFI/debian/grub.cfg': stub };
    for (const firmware of ['bios', 'uefi'] as const) {
      expect(decide({ firmware, tools }, texts)).toEqual({
        loader: 'update-grub',
        evidence: '/usr/sbin/update-grub, /boot/grub/grub.cfg',
        configPath: '/boot/grub/grub.cfg',
      });
    }
  });

  test('update-grub, its folder locked: known, but not where it writes', () => {
    const found = decide({ tools: ['/usr/sbin/update-grub'], locked: ['/boot/grub'] });
    expect(found).toMatchObject({ loader: 'update-grub', configPath: null });
    expect(found.evidence).toContain('/boot/grub may not be read');
  });

  test('a tool without any configuration decides nothing', () => {
    for (const name of ['update-grub', 'grub2-mkconfig']) {
      const found = decide({ tools: [`/usr/sbin/${name}`] });
      expect(found).toMatchObject({ loader: 'unknown', configPath: null });
      expect(found.evidence).toContain(name);
    }
    expect(decide({}).evidence).toBe('no boot loader was found');
  });

  test('a configuration without its tool decides nothing', () => {
    const found = decide({ tools: ['/usr/bin/grub-mkconfig'] }, { '/boot/grub/grub.cfg': menu });
    expect(found).toMatchObject({ loader: 'unknown' });
    expect(found.evidence).toContain('/boot/grub/grub.cfg');
  });

  test('ostree before all, Proxmox before systemd-boot and GRUB', () => {
    const all = {
      ostree: true,
      loaderInfo: 'systemd-boot 252',
      tools: ['/usr/sbin/proxmox-boot-tool', '/usr/sbin/update-grub', ...mkconfig],
      files: ['/etc/kernel/proxmox-boot-uuids', '/boot/loader/entries/a.conf'],
      blsEnabled: true,
    };
    const texts = { '/boot/grub/grub.cfg': menu, '/boot/grub2/grub.cfg': 'blscfg\n' };
    expect(decide(all, texts)).toMatchObject({ loader: 'ostree', configPath: '/boot/loader/entries' });
    expect(decide({ ...all, ostree: false }, texts).loader).toBe('proxmox-boot-tool');
    expect(decide({ ...all, ostree: false, files: [] }, texts).loader).toBe('systemd-boot');
    expect(decide({ ...all, ostree: false, files: [], loaderInfo: 'GRUB 2.12' }, texts).loader).toBe('bls');
  });

  test('Proxmox with plain GRUB has no list of ESPs', () => {
    const tools = ['/usr/sbin/proxmox-boot-tool', '/usr/sbin/update-grub'];
    expect(decide({ tools }, { '/boot/grub/grub.cfg': menu }).loader).toBe('update-grub');
  });

  test('systemd-boot without the variable: its binary beside loader.conf, and no GRUB', () => {
    const files = ['/efi/EFI/systemd/systemd-bootx64.efi', '/efi/loader/loader.conf', '/efi/loader/entries/a.conf'];
    expect(decide({ firmware: 'uefi', files })).toMatchObject({
      loader: 'systemd-boot',
      configPath: '/efi/loader/entries',
    });
    expect(decide({ firmware: 'bios', files }).loader).toBe('unknown');
    const tools = ['/usr/sbin/update-grub'];
    expect(decide({ firmware: 'uefi', files, tools }, { '/boot/grub/grub.cfg': menu }).loader).toBe('update-grub');
  });

  test('BLS by the configuration that counts, or by the settings', () => {
    expect(decide({ tools: mkconfig }, { '/boot/grub2/grub.cfg': 'insmod blscfg\nblscfg\n' })).toEqual({
      loader: 'bls',
      evidence: 'blscfg in /boot/grub2/grub.cfg',
      configPath: '/boot/grub2/grub.cfg',
    });
    const set = decide({ tools: mkconfig, blsEnabled: true, locked: ['/boot/grub2'] });
    expect(set).toEqual({ loader: 'bls', evidence: 'GRUB_ENABLE_BLSCFG=true', configPath: null });
  });

  test('settings that ask for BLS, and a configuration with entries of its own: nobody can tell what is meant', () => {
    const found = decide({ tools: mkconfig, blsEnabled: true }, { '/boot/grub2/grub.cfg': menu });
    expect(found.loader).toBe('unknown');
    expect(found.evidence).toBe(
      'GRUB_ENABLE_BLSCFG=true, but /boot/grub2/grub.cfg has entries of its own and no blscfg: generate it anew',
    );
  });

  test('an image without BLS whose file on the ESP is the real one: classic, with that file', () => {
    const esp = '/boot/efi/EFI/rocky/grub.cfg';
    const texts = { [esp]: menu, '/boot/grub2/grub.cfg': menu };
    const found = decide({ firmware: 'uefi', osId: 'rocky', tools: [...mkconfig, '/usr/sbin/grubby'] }, texts);
    expect(found).toMatchObject({ loader: 'grub2-mkconfig', configPath: esp });
  });
});

describe('the file that GRUB reads, with grub2-mkconfig', () => {
  const esp = (vendor: string) => `/boot/efi/EFI/${vendor}/grub.cfg`;
  const shared = '/boot/grub2/grub.cfg';
  const uefi = { firmware: 'uefi', tools: mkconfig, osId: 'centos' } as const;

  test('BIOS: the shared one, whatever lies on an ESP', () => {
    expect(decide({ tools: mkconfig }, { [shared]: menu, [esp('centos')]: menu }).configPath).toBe(shared);
  });

  test('UEFI: the vendor folder, before a stale shared one', () => {
    expect(decide(uefi, { [shared]: menu, [esp('centos')]: menu }).configPath).toBe(esp('centos'));
    expect(decide(uefi, { [esp('openEuler')]: menu, [esp('BOOT')]: menu }).configPath).toBe(esp('openEuler'));
    expect(decide(uefi, { [esp('BOOT')]: menu }).configPath).toBe(esp('BOOT'));
  });

  test('UEFI: a stub hands over to the shared one', () => {
    const found = decide(uefi, { [shared]: menu, [esp('rocky')]: stub });
    expect(found).toMatchObject({ loader: 'grub2-mkconfig', configPath: shared });
    expect(found.evidence).toContain('is a stub');
    expect(decide(uefi, { [esp('rocky')]: `${stub}${menu}` }).configPath).toBe(esp('rocky'));
  });

  test.each([
    ['SLE 15', 'source "${prefix}/grub.cfg"'],
    ['SLE 12', 'normal'],
  ])('UEFI: the stub of %s hands over without `configfile`', (_, last) => {
    const text = `set btrfs_relative_path="yes"\nsearch --fs-uuid --set=root 1\nset prefix=(\${root})/boot/grub2\n${last}\n`;
    expect(decide(uefi, { [shared]: menu, [esp('sles')]: text }).configPath).toBe(shared);
    const whole = `${menu}source \${config_directory}/custom.cfg\n`;
    expect(decide(uefi, { [shared]: menu, [esp('sles')]: whole }).configPath).toBe(esp('sles'));
  });

  test('the file of each family, by BIOS and by UEFI', () => {
    // What lies on the ESP of SUSE is written by make_grubcfg of shim-install (github.com/SUSE/shim-resources).
    const sourced = 'set btrfs_relative_path="yes"\nset prefix=(${root})/boot/grub2\nsource "${prefix}/grub.cfg"\n';
    const families = [
      ['centos', 'centos', menu],
      ['rhel', 'redhat', menu],
      ['openEuler', 'openEuler', menu],
      ['kylin', 'kylin', menu],
      ['sles', 'sles', sourced],
      ['opensuse-leap', 'opensuse', sourced],
    ] as const;
    const found = families.map(([osId, folder, text]) => {
      const texts = { [shared]: menu, [esp(folder)]: text, [esp('BOOT')]: text };
      return [osId, decide({ ...uefi, osId }, texts).configPath, decide({ tools: mkconfig, osId }, texts).configPath];
    });
    expect(found).toEqual([
      ['centos', esp('centos'), shared],
      ['rhel', esp('redhat'), shared],
      ['openEuler', esp('openEuler'), shared],
      ['kylin', esp('kylin'), shared],
      ['sles', shared, shared],
      ['opensuse-leap', shared, shared],
    ]);
  });

  test('of several vendors the one that the system points to, or its own', () => {
    const texts = { [esp('redhat')]: menu, [esp('centos')]: menu };
    expect(decide({ ...uefi, efiLink: esp('redhat') }, texts).configPath).toBe(esp('redhat'));
    expect(decide(uefi, texts).configPath).toBe(esp('centos'));
    const torn = decide({ ...uefi, osId: 'kylin' }, texts);
    expect(torn).toMatchObject({ loader: 'grub2-mkconfig', configPath: null });
    expect(torn.evidence).toContain('several');
  });

  test('with the ESP locked or not mounted it is not guessed', () => {
    expect(decide({ ...uefi, locked: ['/boot/efi'] }, { [shared]: menu }).configPath).toBeNull();
    expect(decide(uefi, { [shared]: menu })).toMatchObject({ loader: 'grub2-mkconfig', configPath: null });
    expect(decide({ ...uefi, espMounts: ['/boot/efi'] }, { [shared]: menu }).configPath).toBe(shared);
  });

  test('one that may not be read is still the one', () => {
    expect(decide({ ...uefi, files: [esp('centos')] }).configPath).toBe(esp('centos'));
  });
});
