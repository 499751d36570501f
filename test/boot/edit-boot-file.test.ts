import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type BootFileKind, bootFileKinds, guessKind } from '../../src/boot/boot-file.ts';
import { type BootFileEdit, editBootFile } from '../../src/boot/edit-boot-file.ts';
import type { ArgumentWish } from '../../src/boot/wish.ts';
import { VfleetError } from '../../src/errors.ts';

const fixtures = join(import.meta.dirname, 'edit');

const caseSchema = z.strictObject({
  source: z.enum(['vm', 'public', 'constructed']),
  address: z.url().optional(),
  note: z.string().optional(),
  path: z.string(),
  /** Otherwise it is guessed. */
  as: z.enum(bootFileKinds).optional(),
  set: z.array(z.string()).default([]),
  unset: z.array(z.string()).default([]),
  exact: z.boolean().default(false),
  /** Notes begin or end so, or hold it; there are no others. */
  said: z.array(z.string()).default([]),
  error: z.strictObject({ code: z.string(), words: z.array(z.string()) }).optional(),
});

describe.each(readdirSync(fixtures))('%s', (name) => {
  const folder = join(fixtures, name);
  const { path, as, set, unset, exact, ...expected } = caseSchema.parse(
    JSON.parse(readFileSync(join(folder, 'case.json'), 'utf8')),
  );
  const before = readFileSync(join(folder, 'before'));
  const wish: ArgumentWish = { present: set, absent: unset, exact: exact ? set : [] };
  const act = (bytes: Buffer): BootFileEdit =>
    editBootFile(path, bytes, as ?? guessKind(path, bytes.toString('latin1')), wish);

  if (expected.error !== undefined) {
    it('is refused, with the place, the reason and what to do', () => {
      let thrown: unknown;
      try {
        act(before);
      } catch (error) {
        thrown = error;
      }
      expect(thrown).toBeInstanceOf(VfleetError);
      expect(thrown).toMatchObject({ code: expected.error?.code });
      for (const word of expected.error?.words ?? ['words']) expect(thrown).toHaveProperty('message', has(word));
    });
    return;
  }

  it('is edited, and then there is nothing left to do', () => {
    const after = readFileSync(join(folder, 'after'));
    const edited = act(before);
    expect(edited.bytes.toString('latin1')).toBe(after.toString('latin1'));
    expect(edited.notes).toEqual(expected.said.map(has));
    expect(act(after).bytes.equals(after)).toBe(true);
  });
});

function has(word: string): unknown {
  return expect.stringContaining(word);
}

/** Pieces of all syntaxes, and any bytes. */
const pieces = fc.constantFrom(
  ...['GRUB_CMDLINE_LINUX=', 'GRUB_CMDLINE_LINUX_DEFAULT="', '+=', '"', "'", '\\', '\n', '\r\n', ' ', '\t', '\xa0'],
  ...['#', '$', '`', '$(', '${', '}', ')', ';', 'linux /vmlinuz\n', 'options ', 'options', 'title x\n', '$kernelopts'],
  ...['iommu=pt', 'iommu=off', 'quiet', 'console=tty0', 'console=ttyS0', 'a=b=c', 'dyndbg="file x +p"', '\xe9', '\0'],
);
const anyBytes = fc.oneof(
  fc.array(pieces, { maxLength: 20 }).map((parts) => Buffer.from(parts.join(''), 'latin1')),
  fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
);

/** A file that is one of its kind, with any line of arguments in it. */
function withLine(kind: BootFileKind, line: string): string {
  if (kind === 'grub-default') return `A=1\nGRUB_CMDLINE_LINUX='${line.replaceAll("'", '')}'\nB=2`;
  if (kind === 'cmdline') return `${line}\n`;
  return `title x\nlinux /vmlinuz\noptions ${line}\ngrub_class x`;
}

describe.each(bootFileKinds)('%s', (kind) => {
  const act = (bytes: Buffer, wish: ArgumentWish): Buffer | null => {
    try {
      return editBootFile('f', bytes, kind, wish).bytes;
    } catch (error) {
      if (!(error instanceof VfleetError)) throw error;
      return null;
    }
  };

  it('is printed as it was where nothing is wished, whatever stands in it', () => {
    fc.assert(
      fc.property(anyBytes, (bytes) => {
        const printed = act(bytes, { present: [], absent: ['not.there'] });
        if (printed !== null) expect(printed.toString('latin1')).toBe(bytes.toString('latin1'));
      }),
      { numRuns: 2000 },
    );
  });

  it('is edited so that a second time finds nothing to do, or refused by an explained error', () => {
    fc.assert(
      fc.property(anyBytes, (bytes) => {
        const wish = { present: ['iommu=pt', 'dyndbg="file y +p"'], absent: ['quiet'] };
        const after = act(bytes, wish);
        if (after !== null) expect(act(after, wish)?.toString('latin1')).toBe(after.toString('latin1'));
      }),
      { numRuns: 2000 },
    );
  });

  const token = fc.constantFrom(
    ...['resume=UUID=6f96', 'rd.luks.name=a=b', 'crashkernel=1G-4G:192M,4G-:256M', 'dyndbg="file x +p"', '"b=c d"'],
    ...[
      'console=tty0',
      'console=ttyS0,115200',
      'rd.lvm.lv=a/b',
      'ro',
      'root=ZFS=rpool/ROOT/pve-1',
      '=x',
      'splash=a"b c"d',
    ],
  );
  const blanks = fc.constantFrom(' ', '  ', '\t', ' \t ');

  it('keeps foreign arguments, their order, duplicates and blanks byte for byte', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(token, blanks), { maxLength: 10 }), fc.nat(10), (parts, at) => {
        const text = (some: typeof parts): string => some.map((part) => part.join('')).join('');
        const [before, after] = [`root=x ${text(parts.slice(0, at))}`, ` ${text(parts.slice(at))}ro`];
        const wish = { present: ['iommu=pt', 'a="b c"'], absent: ['quiet'] };
        const edited = act(Buffer.from(withLine(kind, `${before}quiet${after}`)), wish);
        const expected = withLine(kind, `${before.slice(0, -1)}${after} iommu=pt a="b c"`);
        expect(edited?.toString()).toBe(expected);
      }),
    );
  });
});

describe('the kind of a file', () => {
  it.each<[string, string | null, string, BootFileKind]>([
    ['its path, where nothing is in it', '/mnt/etc/default/grub', '', 'grub-default'],
    ['the path of a drop-in', 'etc/default/grub.d/50-cloudimg-settings.cfg', '# nothing\n', 'grub-default'],
    ['the path of a line', '/proc/cmdline', 'quiet\n', 'cmdline'],
    ['the text of settings', 'grub.bak', '# x\nexport GRUB_TIMEOUT=1\n', 'grub-default'],
    ['the text of a line', null, 'BOOT_IMAGE=/vmlinuz root=x\n', 'cmdline'],
    ['an ESP', '/efi/loader/entries/x.conf', 'title x\nlinux /vmlinuz\n', 'systemd-boot'],
    ['keys for GRUB', '/boot/loader/entries/x.conf', 'title x\nlinux /vmlinuz\ngrub_class x\n', 'bls'],
    ['variables of GRUB', null, 'title x\nlinux /vmlinuz\noptions $kernelopts\n', 'bls'],
    ['a path on the ESP', null, 'title x\nlinux /EFI/proxmox/6.8/vmlinuz\noptions quiet\n', 'systemd-boot'],
    ['a unified image', '/boot/loader/entries/x.conf', 'title x\nuki /EFI/Linux/x.efi\n', 'systemd-boot'],
  ])('is told by %s', (_why, path, text, kind) => {
    expect(guessKind(path, text)).toBe(kind);
  });
});
