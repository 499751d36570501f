import type { BootFacts, ConfiguredPlace } from '../facts/facts.ts';
import { parseArguments } from './arguments.ts';
import { isLine } from './configured-tokens.ts';
import { parseGrubDefault } from './grub-default.ts';
import { evaluate, type Source } from './grub-sources.ts';

/** An argument as the kernel gets it, with the place that configures it. */
export interface PlacedToken {
  readonly token: string;
  /** `/etc/default/grub: GRUB_CMDLINE_LINUX`, or the file alone. */
  readonly place: string;
}

/** What is configured for the boot entries. */
export interface Configured {
  /** In the order in which the kernel gets them. */
  readonly tokens: readonly PlacedToken[];
  /** Those of files that this boot loader's tool does not read. */
  readonly unread: readonly PlacedToken[];
  /** Something of it is only known when the boot loader's tool runs: code, or a variable of another program's. */
  readonly isOpen: boolean;
}

/** Boot loaders whose entries are generated from what is configured, each time anew. */
export function isGenerated({ loader }: Pick<BootFacts, 'loader'>): boolean {
  return loader === 'update-grub' || loader === 'grub2-mkconfig' || loader === 'proxmox-boot-tool';
}

/** What the places that facts name say; `null`: they could not be read. */
export function configuredTokens({ configured, loader, running }: BootFacts): Configured | null {
  if (configured === null) return null;
  const isRead = (place: ConfiguredPlace): boolean => isPlaceRead(place, { loader, running });
  const read = tokensOf(configured.filter(isRead));
  return { ...read, unread: tokensOf(configured.filter((place) => !isRead(place))).tokens };
}

/** Whether the tool of a boot loader reads a place at all. */
export function isPlaceRead(
  { path, variable }: Pick<ConfiguredPlace, 'path' | 'variable'>,
  { loader, running }: Pick<BootFacts, 'loader' | 'running'>,
): boolean {
  // On Proxmox one or the other counts: GRUB names the image that it has loaded, systemd-boot does not.
  const byGrub = loader === 'proxmox-boot-tool' ? /(?:^| )BOOT_IMAGE=/.test(running) : loader !== 'systemd-boot';
  if (variable === 'kernelopts') return true;
  if (variable === 'cmdline') return !byGrub || !isGenerated({ loader });
  // Only Debian's grub-mkconfig sources the folder.
  return byGrub && (/^(?:update-grub|proxmox-boot-tool)$/.test(loader) || !path.startsWith('/etc/default/grub.d/'));
}

/** The order of a boot entry: `GRUB_CMDLINE_LINUX`, then the default ones (`linux_entry` in `10_linux`). */
const variables = ['GRUB_CMDLINE_LINUX', 'GRUB_CMDLINE_LINUX_DEFAULT'] as const;

function tokensOf(places: readonly ConfiguredPlace[]): Pick<Configured, 'tokens' | 'isOpen'> {
  const sources = sourcesOf(places.filter((place) => !isLine(place)));
  const evaluated = variables.map((variable) => ({ variable, ...evaluate(sources, variable) }));
  const ofGrub = evaluated.flatMap(({ variable, tokens }) =>
    tokens
      .filter((token) => !token.opaque)
      .map(({ argument, path }) => ({ token: argument, place: `${path}: ${variable}` })),
  );
  const ofLines = places.filter(isLine).flatMap(({ path, variable, value }) => {
    const place = variable === 'cmdline' ? path : `${path}: ${variable}`;
    return parseArguments(value).map(({ token }) => ({ token, place }));
  });
  const isOpen = evaluated.some(({ tokens, uncertain }) => uncertain.length > 0 || tokens.some(({ opaque }) => opaque));
  return { tokens: [...ofGrub, ...ofLines], isOpen };
}

/** The files as they are sourced, of each only what sets arguments. */
function sourcesOf(places: readonly ConfiguredPlace[]): readonly Source[] {
  const texts = new Map<string, string>();
  for (const { path, variable, value, append } of places) {
    texts.set(path, `${texts.get(path) ?? ''}${variable}${append === true ? '+=' : '='}${value}\n`);
  }
  return [...texts].map(([path, text]) => ({ path, statements: parseGrubDefault(text) }));
}
