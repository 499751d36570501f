import type { OwnedArguments } from '../boot/owned.ts';
import type { Facts } from '../facts/facts.ts';
import type { Script } from '../shell/script.ts';
import type { Effect } from './effect.ts';

/** What the read script found at a path. */
export type FileState =
  | { readonly kind: 'absent' }
  | {
      readonly kind: 'file';
      readonly bytes: Buffer;
      /** Four octal digits: `0644`. */
      readonly mode: string;
      /** `user:group`, by name. */
      readonly owner: string;
    }
  /** A directory, a symbolic link, a device: anything that is no regular file, or a file that may not be read. */
  | {
      readonly kind: 'other';
      /** For people: `a symbolic link to ../x`, `a directory`. */
      readonly type: string;
      /** Of the regular file that a symbolic link leads to. */
      readonly bytes?: Buffer;
    };

/** What a resource wants read. All resources of one `ensure` are read in one script. */
export interface Read {
  /** Absolute paths or shell globs (`/etc/default/grub.d/*.cfg`). */
  readonly files?: readonly string[];
  /** Scripts that only read; their output and exit code come back under the key. */
  readonly probes?: Readonly<Record<string, Script>>;
}

/** What was read, for one resource. */
export interface State {
  /** The file at a path that `Read.files` named or globbed. */
  file(path: string): FileState;
  /** Paths that exist and match a glob that `Read.files` named, sorted. */
  matches(glob: string): readonly string[];
  probe(key: string): { readonly code: number; readonly stdout: string };
}

/** What a change does on the host. */
export type Action =
  | {
      readonly kind: 'write';
      readonly path: string;
      readonly text: string;
      /** `latin1`: each character is one byte, for files that are not UTF-8. Default: `utf8`. */
      readonly encoding?: 'utf8' | 'latin1';
      readonly mode: string;
      readonly owner: string;
    }
  | {
      readonly kind: 'remove';
      readonly path: string;
      /** Folders that were made for the file, the top one first: removed too where they are empty then. */
      readonly folders?: readonly string[];
    }
  | {
      /** Puts a copy of another file of the host in place, byte for byte. */
      readonly kind: 'restore';
      readonly path: string;
      /** A regular file that was read, too. */
      readonly from: string;
      /** What was read there. */
      readonly mode: string;
      readonly owner: string;
      readonly sha256: string;
    }
  | { readonly kind: 'run'; readonly label: string; readonly script: Script };

/** What one resource would change on one host: a diff for people, actions for the host, its effects. */
export interface Change {
  /** The resource's `name`. */
  readonly resource: string;
  /** One line for people: `add intel_iommu=on iommu=pt`. */
  readonly summary: string;
  /** Unified diffs, one per file; empty for what has none. */
  readonly diffs: readonly string[];
  readonly actions: readonly Action[];
  readonly effects: readonly Effect[];
  /** Things an operator should know that change nothing. */
  readonly notes: readonly string[];
  /** `parts`: only tokens or lines of the files that it writes are the runner's. Default: the whole files are. */
  readonly owns?: 'whole' | 'parts';
  /** Tokens of kernel arguments that the runner owns from now on, by place; absent where the resource has none. */
  readonly ownedArguments?: OwnedArguments;
  /** Lines that the runner owns from now on in files of many owners, by path; absent where the resource has none. */
  readonly ownedLines?: Readonly<Record<string, readonly string[]>>;
  /** What stood in the place of such lines, without its last end, by path and line; absent: nothing did. */
  readonly formerLines?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Files that stood there before and become the runner's as they are, as a whole or in parts; absent: none do. */
  readonly adopts?: readonly Adopted[];
  /**
   * Something becomes the playbook's together with others of the runner's, as it stands there, or is left to them: these
   * files, or none where it is tokens and lines alone; absent: nothing does.
   */
  readonly shares?: readonly string[];
}

/** A file of somebody else's that becomes the runner's, unchanged. */
export interface Adopted {
  readonly path: string;
  readonly owns: 'whole' | 'parts';
  /** `absent`: nothing of anybody else's is in it, so that it goes when it is undone. */
  readonly original: 'absent' | 'unknown';
  /** What its removal makes due. */
  readonly effects: readonly Effect[];
}

/** What is the runner's already, of whatever playbook, and so not to be taken over again. */
export interface Adoption {
  /** Files that are its as a whole. */
  readonly files: ReadonlySet<string>;
  /** Tokens of kernel arguments, by place. */
  readonly tokens: readonly OwnedArguments[];
  /** Lines, by path. */
  readonly lines: readonly Readonly<Record<string, readonly string[]>>[];
}

/** What other playbooks of the runner's own, so that whoever wishes for the same comes to own it with them. */
export interface Shared {
  /** Tokens of kernel arguments, by the name of the playbook and by place. */
  readonly tokens: Readonly<Record<string, OwnedArguments>>;
  /** Lines, by the name of the playbook and by path. */
  readonly lines: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;
  /** Files that this playbook has not written, and that are as others have left them, by path. */
  readonly files: ReadonlyMap<string, SharedFile>;
  /** Tokens that an undo had taken out, and that came back because they still run, by place; absent: none did. */
  readonly undone?: OwnedArguments;
  /** What other `ensure`s of the playbook wish for, which is not this one's to let go of; absent: there are none. */
  readonly elsewhere?: { readonly tokens: OwnedArguments; readonly paths: ReadonlySet<string> };
  /** What this playbook owns already, alone or with others. */
  readonly mine: {
    readonly tokens: OwnedArguments;
    readonly lines: Readonly<Record<string, readonly string[]>>;
    /** Files that it has written, or come to own, as a whole and alone, with what their last write made due; absent: not known. */
    readonly files?: ReadonlyMap<string, readonly Effect[]>;
  };
}

/** A file that other playbooks have written. */
export interface SharedFile {
  readonly playbooks: readonly string[];
  /** All of it is theirs. */
  readonly whole: boolean;
  /** Nothing stood there before them. */
  readonly made: boolean;
}

/** What `change` is told beside the state. Pure data. */
export interface ChangeContext {
  readonly host: string;
  readonly facts: Facts;
  /** Tokens of kernel arguments that earlier runs added and that are this playbook's alone to replace, by place. */
  readonly ownedArguments: OwnedArguments;
  /** Lines that earlier runs added and that are this playbook's alone to remove, by path. Default: none. */
  readonly ownedLines?: Readonly<Record<string, readonly string[]>>;
  /** Default: there are no other playbooks. */
  readonly shared?: Shared;
  /** Take over what stands there already as it is wished for. Default: it stays whoever's it was. */
  readonly adopt?: Adoption | undefined;
  /** An earlier run has left the regeneration of the boot configuration due. */
  readonly regenerationDue?: boolean;
  /** An earlier run has left the rebuilding of the initramfs due. */
  readonly initramfsDue?: boolean;
  /** A reboot is planned that has not been made: what facts say may be otherwise after it. */
  readonly tentative?: boolean;
}

/**
 * A wish about a host: what to read, and, purely, what to change. Batched: `ensure` reads and writes any number at once.
 */
export interface Resource {
  readonly kind: string;
  /** Kind and subject: `file /etc/motd`, `kernel arguments`. Unique within one `ensure`. */
  readonly name: string;
  read(facts: Facts): Read;
  /** Pure. `null`: nothing to do. Errors (`VfleetError`): what is wished cannot be had on this host. */
  change(state: State, context: ChangeContext): Change | null;
  /** What the resource wishes for, told to checks: the tokens that should run, the modules that should be loaded. */
  readonly wants?: (facts: Facts) => Wants;
}

/** Wishes that checks judge: see `Resource.wants`. */
export interface Wants {
  readonly kernelArguments?: {
    readonly present: readonly string[];
    readonly absent: readonly string[];
    /** Those of `present` that must stand there word for word; absent: none. */
    readonly exact?: readonly string[] | undefined;
  };
  readonly modules?: readonly string[];
}
