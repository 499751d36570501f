import type { EfiVariables } from './efi-variables.ts';

/** How a boot loader ends: with a kernel, its command line and its initramfs files, or not at all. */
export type LoaderEnd =
  | {
      readonly kind: 'kernel';
      /** Paths in the node's tree. */
      readonly path: string;
      readonly commandLine: string;
      readonly initrds: readonly string[];
      /** What it tells the system. */
      readonly variables: EfiVariables;
      /** File of an entry that waits for word that the boot was good. */
      readonly counted: string | null;
    }
  | { readonly kind: 'stuck'; readonly reason: string };
