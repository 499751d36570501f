import type { GrubFiles } from './grub-files.ts';
import type { GrubFlavour } from './grub-flavour.ts';
import type { MenuEntry } from './grub-menu.ts';
import type { Statement } from './grub-script.ts';

/** A kernel that GRUB has loaded. */
export interface LoadedKernel {
  /** Path in the node's tree. */
  readonly path: string;
  readonly commandLine: string;
}

/** What GRUB holds in memory while it works. */
export interface GrubMachine {
  readonly files: GrubFiles;
  readonly flavour: GrubFlavour;
  readonly variables: Map<string, string>;
  readonly functions: Map<string, readonly Statement[]>;
  /** The menu that is being filled. */
  menu: MenuEntry[];
  kernel: LoadedKernel | null;
  /** Paths in the node's tree. */
  initrds: readonly string[];
  /** Error messages, as they stand on the screen. */
  readonly screen: string[];
  /** Files being read: guards against one that reads itself. */
  depth: number;
  /** Set by a command that ends GRUB other than by a boot: `halt`, `exit`. */
  ended: string | null;
}

/** GRUB as its own image starts: the prefix is built in (grub-install(8)); features of 2.02 and later. */
export function startGrub(files: GrubFiles, first: string, platform: 'pc' | 'efi', flavour: GrubFlavour): GrubMachine {
  const { device, path } = files.nameOf(first.slice(0, first.lastIndexOf('/')));
  return {
    files,
    flavour,
    variables: new Map([
      ['root', device],
      ['prefix', `(${device})${path}`],
      ['config_file', `(${device})${path}${first.slice(first.lastIndexOf('/'))}`],
      ['config_directory', `(${device})${path}`],
      ['grub_platform', platform],
      ['grub_cpu', platform === 'pc' ? 'i386' : 'x86_64'],
      ['feature_menuentry_id', 'y'],
      ['feature_platform_search_hint', 'y'],
      ['feature_all_video_module', 'y'],
      ['feature_default_font_path', 'y'],
      ['feature_timeout_style', 'y'],
    ]),
    functions: new Map(),
    menu: [],
    kernel: null,
    initrds: [],
    screen: [],
    depth: 0,
    ended: null,
  };
}
