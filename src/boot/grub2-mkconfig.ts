import { VfleetError } from '../errors.ts';
import type { Facts } from '../facts/facts.ts';
import { type Script, sh } from '../shell/script.ts';
import type { BootDriver, BootEffect, BootInput, BootPlan } from './driver.ts';
import { editGrubDefault } from './edit-grub-default.ts';
import { generateBeside } from './generate-beside.ts';
import { judgeGrubReadBack, readGrubBack } from './grub-read-back.ts';
import { standingTokens } from './grub-sources.ts';
import { ownedAt } from './owned.ts';
import { readSource, refuseSyntax } from './source-text.ts';
import type { ArgumentWish } from './wish.ts';

const path = '/etc/default/grub';

/**
 * Classic `grub2-mkconfig` (CentOS 7, openEuler, Kylin, SUSE, and EL8 and later with `GRUB_ENABLE_BLSCFG=false`): arguments
 * are edited in place in `/etc/default/grub`, because the tool of these families sources no `grub.d` folder. They go into
 * `GRUB_CMDLINE_LINUX`, also on SUSE, whose own tools put all into `GRUB_CMDLINE_LINUX_DEFAULT`. Which file is generated is
 * found by looking, never by firmware kind.
 */
export const grub2Mkconfig: BootDriver = {
  loader: 'grub2-mkconfig',
  generates: true,
  read: (facts) => ({ files: [path], probes: { syntax: syntaxProbe(), stub: stubProbe(configPath(facts)) } }),
  plan,
  standing: ({ host, state }) => ({ [path]: standingTokens(readSource(path, state.file(path), host)) }),
  regenerate,
  readBack: (facts) => readGrubBack(configPath(facts)),
  judgeReadBack: judgeGrubReadBack,
};

function plan(wish: ArgumentWish, { host, facts, state, owned: all }: BootInput): BootPlan {
  const owned = ownedAt(all, path);
  const source = readSource(path, state.file(path), host);
  refuseSyntax(state.probe('syntax').stdout, host);
  if (state.probe('stub').stdout.trim() === 'stub') throw stub(configPath(facts), host);
  const edit = editGrubDefault(source, wish, { host, owned, defaults: false, dropIn: false });
  const { text, added, removed, notes, line } = edit;
  return {
    files: text === source.text ? [] : [{ path, before: state.file(path), after: text, encoding: source.encoding }],
    ownedTokens: { [path]: wish.present.filter((token) => owned.includes(token) || added.includes(token)) },
    added,
    removed,
    notes,
    line,
  };
}

function configPath(facts: Facts): string {
  return facts.boot.configPath ?? '/boot/grub2/grub.cfg';
}

function syntaxProbe(): Script {
  return sh`
if [ -f ${path} ]; then m=$(sh -n ${path} 2>&1) || printf '%s: %s\n' ${path} "$m"; fi`;
}

/**
 * A stub is a short file that loads the real one (Fedora change "UnifyGrubConfig"; SUSE's has `source` or `normal`): it has no
 * entries of its own.
 */
function isStub(file: string): Script {
  return sh`grep -Eq '^[[:space:]]*(configfile[[:space:]]|(source|[.])[[:space:]].*grub[.]cfg|normal[[:space:]]*$)' ${file} 2>/dev/null &&
  ! grep -q '^[[:space:]]*menuentry[[:space:]]' ${file}`;
}

function stubProbe(file: string): Script {
  return sh`
if ${isStub(file)}
then echo stub; fi`;
}

function regenerate(facts: Facts, effect: BootEffect): Script {
  const file = configPath(facts);
  return sh`
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
if ${isStub(file)}
then echo ${`${file} is a stub that loads another file; it was not overwritten`} >&2; exit 65; fi
${generateBeside('grub2-mkconfig', file, effect)}`;
}

function stub(file: string, host: string): VfleetError {
  return new VfleetError({
    code: 'boot.stub',
    host,
    thing: file,
    expected: 'the boot entries that the firmware starts',
    found: 'a stub that loads another file, which must not be overwritten',
    next: 'report this with the output of `vfleet facts`: the boot loader was taken for another; nothing was changed',
  });
}
