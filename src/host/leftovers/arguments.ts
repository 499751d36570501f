import { parseArgument, sameName } from '../../boot/arguments.ts';
import { type ConfiguredTokens, configuredTokens } from '../../boot/configured-tokens.ts';
import { isNeededToBoot, undamaged } from '../../boot/damaged.ts';
import { accumulates, wrongValue } from '../../boot/kernel-parameter.ts';
import { type OwnedArguments, ownedAt } from '../../boot/owned.ts';
import { isKernelAtLeast } from '../../boot/release.ts';
import type { Facts } from '../../facts/facts.ts';
import type { Wants } from '../../resources/resource.ts';
import { quote } from '../../shell/quote.ts';
import type { Finding } from './finding.ts';
import { byId } from './modprobe.ts';

/** What is known of a run beside the facts, where findings depend on it. */
export interface Known {
  /** What the playbook wishes for. */
  readonly wants: Wants;
  /** What any playbook owns. */
  readonly owned: readonly OwnedArguments[];
}

type Part = Pick<Finding, 'found' | 'today' | 'why'> & Partial<Pick<Finding, 'adopts' | 'repair'>>;

/** Arguments that somebody has configured before, for passthrough or by mistake. */
export function argumentFindings(facts: Facts, known: Known): readonly Finding[] {
  const places = configuredTokens(facts.boot).filter(({ variable }) =>
    /^(?:GRUB_CMDLINE_LINUX(?:_DEFAULT)?|cmdline)$/.test(variable),
  );
  return places.flatMap((place) => {
    const foreign = { ...place, tokens: place.tokens.filter((token) => !isOwned(place.path, token, known)) };
    const wished = known.wants.kernelArguments?.present ?? [];
    const others = { ...foreign, tokens: foreign.tokens.filter((token) => !wished.includes(token)) };
    const parts = [
      ...damagedParts(others),
      ...copiedParts(place, places),
      ...crashkernelParts(others, facts),
      ...wrongParts(others),
      ...oldNameParts(others, facts),
      ...idParts(others, facts),
      ...displayParts(others),
      ...hugepageParts(others, facts),
      ...wishedParts(foreign, wished),
    ];
    const at = place.variable === 'cmdline' ? place.path : `${place.path} ${place.variable}`;
    return parts.map((part): Finding => ({ place: at, path: place.path, adopts: 'nothing', ...part }));
  });
}

function isOwned(path: string, token: string, { owned }: Known): boolean {
  // Only a place that is named: an old record that names none says nothing about foreign files.
  return (
    path.endsWith('-vfleet.cfg') || owned.some((places) => path in places && ownedAt(places, path).includes(token))
  );
}

function damagedParts({ path, variable, tokens }: ConfiguredTokens): readonly Part[] {
  return tokens.flatMap((token) => {
    const right = undamaged(token);
    if (right === null) return [];
    const { name } = parseArgument(token);
    return [
      {
        found: token,
        today: `damaged; it must have been ${right}`,
        why: isNeededToBoot(name)
          ? 'the initramfs looks for a device that does not exist: the host may not come up again'
          : 'what it names does not exist, so that it does nothing, or the boot waits for it',
        repair: `look at what this prints, and put it in place yourself: ${repairCommand({ path, variable, tokens }, name)}`,
      },
    ];
  });
}

/** Of a copy of the file. In two steps, as all arguments of the name are taken out first: of some each one counts. */
function repairCommand({ path, variable, tokens }: ConfiguredTokens, name: string): string {
  const right = tokens.filter((token) => parseArgument(token).name === name).map((token) => undamaged(token) ?? token);
  const as = variable === 'cmdline' ? 'cmdline' : 'grub-default';
  const set = [...new Set(right)].map((token) => `--set ${/^[\w@%+=:,./-]+$/.test(token) ? token : quote(token)}`);
  return `vfleet boot edit --file ${path} --unset ${name} | vfleet boot edit --file - --as ${as} ${set.join(' ')}`;
}

/** A whole line that stands in another one again, or twice in its own: each run of the installer adds it once more. */
function copiedParts(place: ConfiguredTokens, all: readonly ConfiguredTokens[]): readonly Part[] {
  const isDefault = ({ path, variable }: ConfiguredTokens): boolean =>
    path === place.path && variable === `${place.variable}_DEFAULT`;
  const defaults = all.find(isDefault)?.tokens ?? [];
  const twice = place.tokens.filter(
    (token, index) => place.tokens.indexOf(token) < index && !accumulates(parseArgument(token).name),
  );
  const copied = defaults.length > 0 && defaults.every((token) => place.tokens.includes(token));
  return [
    ...(copied
      ? [
          {
            found: defaults.join(' '),
            today: `a copy of all of ${place.variable}_DEFAULT, which every boot entry then has twice`,
            why: 'taken out of the one line it still stands in the other; recovery entries get it too',
          },
        ]
      : []),
    ...(twice.length > 0
      ? [
          {
            found: [...new Set(twice)].join(' '),
            today: 'stands there more than once',
            why: 'taken out once it is still there',
          },
        ]
      : []),
  ];
}

/** Only kernels of Enterprise Linux 7 and 8 know `auto`: RHEL 9.0 release notes; not in `parse_crashkernel` of Linux. */
function crashkernelParts({ tokens }: ConfiguredTokens, { os, kernel }: Facts): readonly Part[] {
  const enterprise = ['rhel', 'centos', 'fedora'].some((id) => os.id === id || os.idLike.includes(id));
  const old = isKernelAtLeast(kernel.next ?? kernel.running, 5, 0) === false;
  if (!tokens.includes('crashkernel=auto') || (enterprise && old)) return [];
  return [
    {
      found: 'crashkernel=auto',
      today: 'no memory is kept for kdump: only kernels of Enterprise Linux 7 and 8 are known to take "auto"',
      why: 'a crash of the kernel leaves no dump behind',
      repair: 'set a size, such as crashkernel=1G-4G:192M,4G-64G:256M,64G-:512M',
    },
  ];
}

function wrongParts({ tokens }: ConfiguredTokens): readonly Part[] {
  return tokens.flatMap((token) => {
    const { name, value } = parseArgument(token);
    const wrong = value === null ? null : wrongValue(name, value);
    return wrong === null ? [] : [{ found: token, today: wrong.found, why: `it does nothing: ${wrong.next}` }];
  });
}

/** dracut.cmdline(7), "DEPRECATED"; initramfs-tools(7) knows neither name. */
function oldNameParts({ tokens }: ConfiguredTokens, { boot }: Facts): readonly Part[] {
  const old = tokens.filter((token) => parseArgument(token).name === 'rdblacklist');
  if (old.length === 0) return [];
  const dracut = boot.initramfs === 'dracut';
  return [
    {
      found: old.join(' '),
      today: dracut
        ? 'the old name of rd.driver.blacklist, which dracut still reads'
        : `nothing: only dracut reads it, and the initramfs is built by ${boot.initramfs}`,
      why: 'the host agent of Cloudpods asks for it, or for rd.driver.blacklist',
    },
  ];
}

function idParts({ tokens }: ConfiguredTokens, facts: Facts): readonly Part[] {
  return tokens.flatMap((token) => {
    const { name, value } = parseArgument(token);
    return sameName(name, 'vfio_pci.ids') && value !== null ? [{ found: token, ...byId(value, facts) }] : [];
  });
}

function displayParts({ tokens }: ConfiguredTokens): readonly Part[] {
  const found = tokens.filter((token) => /^(?:nouveau|mgag200|ast)\.modeset=0$/.test(token));
  if (found.length === 0) return [];
  return [
    {
      found: found.join(' '),
      today: 'these drivers leave the display devices alone',
      why: found.includes('mgag200.modeset=0') ? 'the console of the BMC keeps its lowest resolution' : null,
    },
  ];
}

/** kernel-parameters.txt: sizes that the CPU does not have are logged and passed over. */
function hugepageParts({ tokens }: ConfiguredTokens, { cpu }: Facts): readonly Part[] {
  const found = tokens.filter((token) => /^(?:default_)?hugepagesz=|^hugepages=/.test(token));
  if (found.length === 0) return [];
  const giant = found.some((token) => /=1G$/i.test(token)) && cpu.flags.length > 0 && !cpu.flags.includes('pdpe1gb');
  return [
    {
      found: found.join(' '),
      today: giant
        ? 'nothing: the CPU has no pages of 1 GiB (no flag pdpe1gb)'
        : 'huge pages of that size are what the kernel gives out',
      why: giant ? null : 'a program that names no size gets pages of that one',
    },
  ];
}

function wishedParts({ variable, tokens }: ConfiguredTokens, wished: readonly string[]): readonly Part[] {
  const there = [...new Set(tokens.filter((token) => wished.includes(token)))];
  if (there.length === 0) return [];
  return [
    {
      found: there.join(' '),
      today: 'what the playbook wishes for stands there already',
      why: `it was there before us, so that neither undo nor a changed playbook takes it out of ${variable === 'cmdline' ? 'that file' : variable}`,
      adopts: 'arguments',
    },
  ];
}
